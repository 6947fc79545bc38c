"""New branch and tag names have no characters that a shell interprets; existing names stay."""

import pytest
from tests.contract.conftest import ACTOR, RefStoreHarness
from tests.contract.test_ref_store import FOO, origin, register_zone, store_commit
from tests.support import vectors

from zonegit.errors import Invalid
from zonegit.repo.change import migrate
from zonegit.store import ref_names
from zonegit.store.refs import Absent, Exactly

ODD = "release`{touch,x}`"
OBJECTS = migrate.read((vectors.DATA / "v03-store.json").read_bytes(), "dump").objects


@pytest.mark.parametrize("character", [*"!\"#$&'();<>`{|}", "\x9b", "\u202e", "\u2028"])
async def test_a_new_name_with_a_shell_metacharacter_is_refused(
    harness: RefStoreHarness, character: str
) -> None:
    first = await register_zone(harness)
    for ref in (ref_names.branch(FOO, f"a{character}b"), ref_names.tag(FOO, f"a{character}b")):
        for change in (harness.refs.move, harness.refs.judge):
            with pytest.raises(Invalid, match="is not a name for a new"):
                await change(ref, Absent(), first.id, origin(force=True, reason="of it"))


@pytest.mark.parametrize("name", ["fix/ä-1", "a@b", "a+b,c=d", "100%", "v1.0_rc"])
async def test_a_plain_name_is_accepted(harness: RefStoreHarness, name: str) -> None:
    first = await register_zone(harness)
    await harness.refs.move(ref_names.branch(FOO, name), Absent(), first.id, origin())
    await harness.refs.move(ref_names.tag(FOO, name), Absent(), first.id, origin())


async def test_odd_names_of_an_adopted_store_stay_usable(harness: RefStoreHarness) -> None:
    await harness.objects.put(OBJECTS)
    slots = vectors.v03_slots()
    main = slots["refs/heads/main"]
    odd = {f"refs/heads/{ODD}": main, "refs/tags/v'1": main}
    await harness.adopter.adopt(slots | odd, origin())
    held = await harness.refs.zone(FOO, ACTOR)
    assert ODD in held.heads
    assert "v'1" in held.tags

    ref = ref_names.branch(FOO, ODD)
    tip = held.heads[ODD].target
    later = await store_commit(harness, FOO, 4_000_000_000 if held.heads[ODD].serial < 2**31 else 1)
    force = origin(force=True, reason="a test")
    await harness.refs.move(ref, Exactly(tip), later.id, force)
    await harness.refs.move(ref, Exactly(later.id), None, origin())
    # An undo of the deletion does the same.
    await harness.refs.move(ref, Absent(), later.id, origin(force=True, reason="a test"))
    with pytest.raises(Invalid):
        await harness.refs.move(ref_names.branch(FOO, ODD + "2"), Absent(), later.id, origin())
