"""The contract of the adoption of a v0.3 store (``zonegit.store.refs.Adopter``)."""

import secrets

import pytest
from tests.contract.conftest import ACTOR, RefStoreHarness
from tests.support import commits, vectors
from tests.support.forge import Forge, entry, label
from tests.support.waiting import eventually
from tests.support.zone_removal import remove_zone

from zonegit.errors import Conflict, Invalid, NotFound, Unsafe
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Symref
from zonegit.repo.change import migrate
from zonegit.store import ref_names, v03_slots
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent, Exactly
from zonegit.zone import names

FOO = names.parse("foo.com.")
MAIN = ref_names.branch(FOO, "main")
SLOTS = vectors.v03_slots()
OBJECTS = migrate.read((vectors.DATA / "v03-store.json").read_bytes(), "dump").objects


def origin(*, force: bool = False) -> Origin:
    return Origin(ACTOR, "migrate", secrets.token_hex(16), force)


async def with_objects(harness: RefStoreHarness) -> RefStoreHarness:
    await harness.objects.put(OBJECTS)
    return harness


async def test_a_zone_is_registered_with_its_branches_and_head(harness: RefStoreHarness) -> None:
    await with_objects(harness)
    moved = await harness.adopter.adopt(SLOTS, origin())
    refs = await harness.refs.zone(FOO, ACTOR)
    assert {name: tip.target for name, tip in refs.heads.items()} == {
        name: SLOTS[f"refs/heads/{name}"] for name in ("main", "canary")
    }
    where = await harness.refs.where(ACTOR)
    assert where.own is None
    assert where.default is not None
    assert (where.default.zone, where.default.branch) == (FOO, "canary")
    assert refs.remembered == "canary"
    assert len({entry.operation for entry in moved.entries}) == 1
    await eventually(lambda: harness.announced() == moved.entries)


async def test_a_repeated_adoption_changes_nothing(harness: RefStoreHarness) -> None:
    await with_objects(harness)
    first = await harness.adopter.adopt(SLOTS, origin())
    again = await harness.adopter.adopt(SLOTS, origin())
    assert again.entries == []
    assert again.sequence == first.sequence


def make_slots(commit: ObjectId) -> v03_slots.Slots:
    """Return the slots of a v0.3 store with one branch."""
    return {"refs/zonegit/zone": SLOTS["refs/zonegit/zone"], "refs/heads/main": commit}


async def test_a_type_written_as_a_number_stays_a_number(harness: RefStoreHarness) -> None:
    """v0.3 knew fewer mnemonics. Ids stay the same, and later commits may leave the entry
    unchanged."""
    forge = Forge(FOO)
    wallet = forge.tree({entry("TYPE0262"): forge.text("x", "WALLET", "coin address")})
    commit = forge.commit(forge.apex(1, {label("x"): wallet}))
    text = forge.tree({entry("TXT"): forge.text("y", "TXT", "new")})
    after = forge.commit(forge.apex(2, {label("x"): wallet, label("y"): text}), [commit])
    again = forge.tree({entry("TYPE262"): forge.text("z", "WALLET", "coin address")})
    new = forge.commit(forge.apex(3, {label("x"): wallet, label("z"): again}), [after])
    await harness.objects.put(forge.objects)
    await harness.adopter.adopt(make_slots(commit), origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].target == commit
    await harness.refs.move(MAIN, Exactly(commit), after, origin())
    with pytest.raises(Invalid, match=r"z\.foo\.com\. WALLET is stored as TYPE262"):
        await harness.refs.move(MAIN, Exactly(after), new, origin())


async def test_a_tip_that_no_resolver_could_load_is_not_adopted(harness: RefStoreHarness) -> None:
    forge = Forge(FOO)
    stranger = forge.tree({entry("A"): forge.text("y", "A", "192.0.2.1")})
    commit = forge.commit(forge.apex(1, {label("x"): stranger}))
    await harness.objects.put(forge.objects)
    with pytest.raises(Invalid, match=r"y\.foo\.com\. A is stored in place of x\.foo\.com\. A"):
        await harness.adopter.adopt(make_slots(commit), origin())
    assert (await harness.refs.snapshot()).zones == []


async def test_a_different_zone_is_a_conflict_and_nothing_is_changed(
    harness: RefStoreHarness,
) -> None:
    await with_objects(harness)
    made = commits.commit(FOO, 1)
    await harness.objects.put(made.objects)
    await harness.refs.register(FOO, origin())
    before = await harness.refs.move(MAIN, Absent(), made.id, origin())
    with pytest.raises(Conflict) as caught:
        await harness.adopter.adopt(SLOTS, origin())
    assert caught.value.details["tip"] == made.id.hex()
    assert (await harness.refs.snapshot()).sequence == before.sequence


async def test_a_zone_without_branches_is_filled(harness: RefStoreHarness) -> None:
    await with_objects(harness)
    await harness.refs.register(FOO, origin())
    await harness.adopter.adopt(SLOTS, origin())
    assert set((await harness.refs.zone(FOO, ACTOR)).heads) == {"main", "canary"}


async def test_an_existing_default_head_is_kept(harness: RefStoreHarness) -> None:
    await with_objects(harness)
    bar = names.parse("bar.com.")
    home = ref_names.branch(bar, "main")
    await harness.objects.put([encode(Symref(home.path()))])
    await harness.refs.register(bar, origin())
    await harness.refs.point(ref_names.default_head(), home, origin())
    await harness.adopter.adopt(SLOTS, origin())
    default = (await harness.refs.where(ACTOR)).default
    assert default is not None
    assert default.zone == bar


async def test_a_commit_that_is_not_stored_is_not_found_and_nothing_is_changed(
    harness: RefStoreHarness,
) -> None:
    with pytest.raises(NotFound):
        await harness.adopter.adopt(SLOTS, origin())
    assert (await harness.refs.snapshot()).sequence == 0


async def test_a_commit_of_another_zone_is_invalid_and_nothing_is_changed(
    harness: RefStoreHarness,
) -> None:
    await with_objects(harness)
    made = commits.commit(names.parse("bar.com."), 1)
    await harness.objects.put(made.objects)
    with pytest.raises(Invalid):
        await harness.adopter.adopt({**SLOTS, "refs/heads/strange": made.id}, origin())
    assert (await harness.refs.snapshot()).sequence == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"refs/heads/main": ObjectId(b"short")},
        {"refs/heads/a..b": bytes(32)},
        {v03_slots.HEAD: b"\xff" * 32},
        {f"refs/heads/b{n}": bytes(32) for n in range(2_000)},
    ],
)
async def test_malformed_names_are_invalid(
    harness: RefStoreHarness, wrong: dict[str, bytes]
) -> None:
    await with_objects(harness)
    with pytest.raises((Invalid, NotFound)):
        await harness.adopter.adopt({**SLOTS, **wrong}, origin())
    assert (await harness.refs.snapshot()).sequence == 0


async def test_a_serial_that_would_go_back_needs_force_and_nothing_is_changed(
    harness: RefStoreHarness,
) -> None:
    await with_objects(harness)
    made = commits.commit(FOO, 2_100_000_000)
    await harness.objects.put(made.objects)
    await harness.refs.register(FOO, origin())
    await harness.refs.move(MAIN, Absent(), made.id, origin())
    before = await remove_zone(harness.refs, FOO, origin(force=True))
    with pytest.raises(Unsafe):
        await harness.adopter.adopt(SLOTS, origin())
    assert (await harness.refs.snapshot()).sequence == before.sequence
    await harness.adopter.adopt(SLOTS, origin(force=True))
    main = (await harness.refs.zone(FOO, ACTOR)).heads["main"]
    assert (main.target, main.highest) == (SLOTS["refs/heads/main"], 2_100_000_000)
