"""The contract of every ref store (``zonegit.store.refs.RefStore``)."""

import asyncio
import secrets
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.contract.conftest import ACTOR, RefStoreHarness
from tests.support import commits
from tests.support.commits import StoredCommit
from tests.support.waiting import eventually
from tests.support.zone_removal import remove_zone

from zonegit.errors import Conflict, Corrupt, Denied, Invalid, NotFound, Unsafe, ZonegitError
from zonegit.objects.codec import encode
from zonegit.objects.ids import RawObject
from zonegit.objects.model import Doc, Symref
from zonegit.store import ref_names, serving_settings
from zonegit.store.ref_log import (
    MAX_SECONDS,
    Ago,
    At,
    Back,
    LogEntry,
    Moved,
    OperationSummary,
    Origin,
    RefAt,
)
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Anything, Exactly, RefsSnapshot
from zonegit.store.serving_settings import CanarySetting, ServingSettings
from zonegit.zone import names
from zonegit.zone.names import Name

FOO = names.parse("foo.com.")
BAR = names.parse("sub.foo.com.")
RFC2317 = names.parse("0/25.2.0.192.in-addr.arpa.")
MAX_NAME = names.join([b"\0" * 63, b"." * 63, b"\xff" * 63, b"/" * 61])
MAIN = ref_names.branch(FOO, "main")


def origin(*, force: bool = False, operation: str = "", reason: str | None = None) -> Origin:
    operation = operation or secrets.token_hex(16)
    return Origin(ACTOR, "test", operation, force, reason=reason)


async def store_commit(
    harness: RefStoreHarness, zone: Name, serial: int, address: str = "192.0.2.1"
) -> StoredCommit:
    made = commits.commit(zone, serial, address)
    await harness.objects.put(made.objects)
    return made


async def register_zone(
    harness: RefStoreHarness, zone: Name = FOO, serial: int = 1
) -> StoredCommit:
    """Register a zone with a first commit on main."""
    await harness.refs.register(zone, origin())
    made = await store_commit(harness, zone, serial)
    await harness.refs.move(ref_names.branch(zone, "main"), Absent(), made.id, origin())
    return made


async def point(harness: RefStoreHarness, head: RefName, branch: RefName) -> Moved:
    await harness.objects.put([encode(Symref(branch.path()))])
    return await harness.refs.point(head, branch, origin())


async def test_an_empty_store_knows_no_zone_and_no_head(harness: RefStoreHarness) -> None:
    where = await harness.refs.where(ACTOR)
    assert (where.own, where.default) == (None, None)
    snapshot = await harness.refs.snapshot()
    assert (snapshot.sequence, snapshot.zones, snapshot.after) == (0, [], None)


async def test_a_registered_zone_has_no_branch(harness: RefStoreHarness) -> None:
    moved = await harness.refs.register(FOO, origin())
    assert [entry.kind for entry in moved.entries] == ["added"]
    refs = await harness.refs.zone(FOO, ACTOR)
    assert (refs.zone, refs.heads, refs.tags) == (FOO, {}, {})


async def test_a_second_registration_is_a_conflict(harness: RefStoreHarness) -> None:
    await harness.refs.register(FOO, origin())
    with pytest.raises(Conflict, match="exists"):
        await harness.refs.register(FOO, origin())


async def test_an_unknown_zone_is_not_found(harness: RefStoreHarness) -> None:
    made = await store_commit(harness, FOO, 1)
    with pytest.raises(NotFound):
        await harness.refs.zone(FOO, ACTOR)
    with pytest.raises(NotFound):
        await harness.refs.move(MAIN, Absent(), made.id, origin())
    with pytest.raises(NotFound):
        await point(harness, ref_names.default_head(), MAIN)


async def test_a_created_branch_has_its_tip_serial_and_sequence(harness: RefStoreHarness) -> None:
    made = await register_zone(harness, serial=7)
    tip = (await harness.refs.zone(FOO, ACTOR)).heads["main"]
    assert (tip.target, tip.serial, tip.highest, tip.sequence) == (made.id, 7, 7, 2)


async def test_a_move_of_the_expected_tip_succeeds(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    second = await store_commit(harness, FOO, 2)
    moved = await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    (entry,) = moved.entries
    assert (entry.ref, entry.old, entry.new, entry.serial) == (MAIN, first.id, second.id, 2)
    assert (entry.actor, entry.command, entry.sequence) == (ACTOR, "test", moved.sequence)


async def test_a_lost_race_names_the_tip(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    second, third = await store_commit(harness, FOO, 2), await store_commit(harness, FOO, 3)
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    with pytest.raises(Conflict) as lost:
        await harness.refs.move(MAIN, Exactly(first.id), third.id, origin())
    assert lost.value.details["tip"] == second.id.hex()
    with pytest.raises(Conflict) as exists:
        await harness.refs.move(MAIN, Absent(), third.id, origin())
    assert exists.value.details["tip"] == second.id.hex()
    gone = ref_names.branch(FOO, "gone")
    with pytest.raises(Conflict) as absent:
        await harness.refs.move(gone, Exactly(first.id), third.id, origin())
    assert absent.value.details["tip"] == ""


async def test_one_of_many_writers_on_one_tip_wins(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    rivals = [await store_commit(harness, FOO, 2, f"192.0.2.{n}") for n in range(8)]
    outcomes = await asyncio.gather(
        *(harness.refs.move(MAIN, Exactly(first.id), rival.id, origin()) for rival in rivals),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Moved) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7


async def test_a_repeated_operation_is_answered_and_changes_nothing(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness)
    second, third = await store_commit(harness, FOO, 2), await store_commit(harness, FOO, 3)
    why = origin()
    moved = await harness.refs.move(MAIN, Exactly(first.id), second.id, why)
    await harness.refs.move(MAIN, Exactly(second.id), third.id, origin())
    again = await harness.refs.move(MAIN, Exactly(first.id), second.id, why)
    assert again.entries == moved.entries
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].target == third.id


async def test_every_kind_of_change_may_be_repeated(harness: RefStoreHarness) -> None:
    add, head, remove = origin(), origin(), origin()
    await harness.objects.put([encode(Symref(MAIN.path()))])
    added = await harness.refs.register(FOO, add)
    assert await harness.refs.register(FOO, add) == added
    pointed = await harness.refs.point(ref_names.own_head(ACTOR), MAIN, head)
    assert await harness.refs.point(ref_names.own_head(ACTOR), MAIN, head) == pointed
    removed = await harness.refs.unregister(FOO, remove)
    assert await harness.refs.unregister(FOO, remove) == removed
    assert (await harness.refs.snapshot()).sequence == removed.sequence


async def test_one_operation_may_move_several_refs(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    why = origin()
    other = ref_names.branch(FOO, "other")
    assert (await harness.refs.move(other, Absent(), first.id, why)).entries
    assert (await harness.refs.move(ref_names.tag(FOO, "v1"), Absent(), first.id, why)).entries
    refs = await harness.refs.zone(FOO, ACTOR)
    assert (set(refs.heads), set(refs.tags)) == ({"main", "other"}, {"v1"})


async def test_an_operation_id_cannot_be_used_for_another_move(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    second, third = await store_commit(harness, FOO, 2), await store_commit(harness, FOO, 3)
    why = origin()
    await harness.refs.move(MAIN, Exactly(first.id), second.id, why)
    with pytest.raises(Invalid, match="another move"):
        await harness.refs.move(MAIN, Exactly(second.id), third.id, why)


async def test_the_id_of_an_operation_without_changes_cannot_be_used_for_another_move(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness)
    second = await store_commit(harness, FOO, 2)
    gone = ref_names.branch(FOO, "gone")
    stays, deletes = origin(), origin()
    same = await harness.refs.move(MAIN, Anything(), first.id, stays)
    absent = await harness.refs.move(gone, Anything(), None, deletes)
    for ref, new, why in ((MAIN, second.id, stays), (MAIN, None, stays), (gone, first.id, deletes)):
        with pytest.raises(Invalid, match="another move"):
            await harness.refs.move(ref, Anything(), new, why)
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    await harness.refs.move(gone, Absent(), second.id, origin())
    assert await harness.refs.move(MAIN, Anything(), first.id, stays) == same
    assert await harness.refs.move(gone, Anything(), None, deletes) == absent
    refs = await harness.refs.zone(FOO, ACTOR)
    assert {name: tip.target for name, tip in refs.heads.items()} == {
        "main": second.id,
        "gone": second.id,
    }


async def test_an_operation_id_cannot_be_used_for_another_head(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    own, why = ref_names.own_head(ACTOR), origin()
    canary = ref_names.branch(FOO, "canary")
    await harness.objects.put([encode(Symref(each.path())) for each in (MAIN, canary)])
    await harness.refs.point(own, MAIN, why)
    with pytest.raises(Invalid, match="another move"):
        await harness.refs.point(own, canary, why)


async def test_a_move_to_the_same_commit_writes_no_row(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    before = (await harness.refs.snapshot()).sequence
    moved = await harness.refs.move(MAIN, Anything(), first.id, origin())
    gone = await harness.refs.move(ref_names.branch(FOO, "gone"), Anything(), None, origin())
    assert (moved.entries, gone.entries) == ([], [])
    assert (await harness.refs.snapshot()).sequence == before == moved.sequence


async def test_sequences_are_contiguous(harness: RefStoreHarness) -> None:
    await register_zone(harness, FOO)
    await register_zone(harness, BAR)
    with pytest.raises(ZonegitError):
        await harness.refs.register(BAR, origin())
    await point(harness, ref_names.own_head(ACTOR), MAIN)
    await remove_zone(harness.refs, BAR, origin(force=True))
    snapshot = await harness.refs.snapshot()
    since = await harness.refs.since(snapshot.epoch, 0)
    assert [entry.sequence for entry in since.entries] == list(range(1, snapshot.sequence + 1))
    assert since.sequence == snapshot.sequence == 8


async def test_only_a_stored_commit_becomes_a_tip(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    elsewhere = commits.commit(FOO, 2)
    with pytest.raises(NotFound):
        await harness.refs.move(MAIN, Anything(), elsewhere.id, origin())
    with pytest.raises(NotFound, match="not stored"):
        await harness.refs.move(MAIN, Anything(), elsewhere.id, origin(), elsewhere.objects)
    with pytest.raises(NotFound, match="tree"):
        await harness.refs.move(MAIN, Anything(), made.tree, origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].target == made.id


async def test_a_commit_without_soa_or_of_another_zone_is_refused(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    bare = commits.commit(FOO, None)
    await harness.objects.put(bare.objects)
    with pytest.raises(Invalid, match="SOA"):
        await harness.refs.move(MAIN, Anything(), bare.id, origin())
    foreign = await store_commit(harness, BAR, 2)
    with pytest.raises(Invalid, match=r"foo\.com\."):
        await harness.refs.move(MAIN, Anything(), foreign.id, origin())


async def test_a_serial_that_is_not_later_is_refused(harness: RefStoreHarness) -> None:
    """RFC 1982 section 3.2: 2^31 ahead is not later, and zero comes after 2^32-1."""
    await register_zone(harness, serial=10)
    for serial in (10, 9, 10 + (1 << 31)):
        made = await store_commit(harness, FOO, serial, "192.0.2.9")
        with pytest.raises(Unsafe, match="not later"):
            await harness.refs.move(MAIN, Anything(), made.id, origin())
    for serial in (11, 1 << 31, (1 << 32) - 1, 0):
        made = await store_commit(harness, FOO, serial)
        await harness.refs.move(MAIN, Anything(), made.id, origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].highest == 0


async def test_the_records_of_a_served_serial_may_return(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness, serial=10)
    child = commits.commit(FOO, 10, parent=first)
    assert child.tree == first.tree
    assert child.id != first.id
    await harness.objects.put(child.objects)
    await harness.refs.move(MAIN, Exactly(first.id), child.id, origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].target == child.id


async def test_a_forced_step_back_keeps_the_highest_serial(harness: RefStoreHarness) -> None:
    first = await register_zone(harness, serial=1)
    second, other = (
        await store_commit(harness, FOO, 5),
        await store_commit(harness, FOO, 4, "192.0.2.4"),
    )
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    await harness.refs.move(MAIN, Exactly(second.id), first.id, origin(force=True))
    tip = (await harness.refs.zone(FOO, ACTOR)).heads["main"]
    assert (tip.target, tip.serial, tip.highest) == (first.id, 1, 5)
    with pytest.raises(Unsafe) as caught:
        await harness.refs.move(MAIN, Exactly(first.id), other.id, origin())
    assert caught.value.details["highest"] == "5"


async def test_a_deleted_branch_is_remembered_by_its_highest_serial(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness, serial=5)
    await harness.refs.move(MAIN, Exactly(first.id), None, origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads == {}
    older = await store_commit(harness, FOO, 4)
    with pytest.raises(Unsafe):
        await harness.refs.move(MAIN, Absent(), older.id, origin())
    await harness.refs.move(MAIN, Absent(), first.id, origin())


async def test_each_branch_has_its_own_serials(harness: RefStoreHarness) -> None:
    await register_zone(harness, serial=5)
    older = await store_commit(harness, FOO, 1)
    canary = ref_names.branch(FOO, "canary")
    await harness.refs.move(canary, Absent(), older.id, origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads["canary"].highest == 1


async def store_shrinking_commits(harness: RefStoreHarness) -> tuple[StoredCommit, StoredCommit]:
    """Return the commit of main, and a commit with less than half of its records."""
    await harness.refs.register(FOO, origin())
    big, small = commits.commit(FOO, 1, hosts=20), commits.commit(FOO, 2, hosts=8)
    await harness.objects.put([*big.objects, *small.objects])
    await harness.refs.move(MAIN, Absent(), big.id, origin())
    return big, small


@pytest.mark.parametrize("is_exact", [True, False])
async def test_a_large_removal_needs_force_and_a_reason(
    harness: RefStoreHarness, is_exact: bool
) -> None:
    big, small = await store_shrinking_commits(harness)
    expected = Exactly(big.id) if is_exact else Anything()
    with pytest.raises(Unsafe, match="12 of its 22 RRsets"):
        await harness.refs.move(MAIN, expected, small.id, origin())
    with pytest.raises(Unsafe) as unexplained:
        await harness.refs.move(MAIN, expected, small.id, origin(force=True))
    assert unexplained.value.hint is not None
    assert "--force is not enough" in unexplained.value.hint
    with pytest.raises(Unsafe):
        await harness.refs.move(MAIN, expected, small.id, origin(reason="an idea"))
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].target == big.id
    why = origin(force=True, reason="the hosts were sold")
    (entry,) = (await harness.refs.move(MAIN, expected, small.id, why)).entries
    assert (entry.new, entry.reason) == (small.id, "the hosts were sold")


async def test_a_lost_race_is_a_conflict_even_for_a_refused_move(harness: RefStoreHarness) -> None:
    _, small = await store_shrinking_commits(harness)
    with pytest.raises(Conflict):
        await harness.refs.move(MAIN, Exactly(small.id), small.id, origin())
    with pytest.raises(Conflict):
        await harness.refs.move(MAIN, Absent(), small.id, origin())


async def test_creating_and_deleting_a_branch_needs_no_count_of_records(
    harness: RefStoreHarness,
) -> None:
    big, small = await store_shrinking_commits(harness)
    other = ref_names.branch(FOO, "other")
    await harness.refs.move(other, Absent(), small.id, origin())
    await harness.refs.move(MAIN, Exactly(big.id), None, origin())
    await harness.refs.move(MAIN, Absent(), small.id, origin())


async def test_objects_sent_with_a_move_must_match_their_ids(harness: RefStoreHarness) -> None:
    big, _ = await store_shrinking_commits(harness)
    grown = commits.commit(FOO, 2, hosts=21)
    await harness.objects.put(grown.objects)
    lie = RawObject(big.id, "commit", b"tree " + b"0" * 64)
    with pytest.raises(Corrupt):
        await harness.refs.move(MAIN, Exactly(big.id), grown.id, origin(), seen=[lie])
    await harness.refs.move(MAIN, Exactly(big.id), grown.id, origin(), seen=big.objects)


async def test_a_tag_holds_a_tag_object_or_a_commit(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    annotated = commits.tag(made, "v1")
    await harness.objects.put([annotated])
    await harness.refs.move(ref_names.tag(FOO, "v1"), Absent(), annotated.id, origin())
    await harness.refs.move(ref_names.tag(FOO, "light"), Absent(), made.id, origin())
    with pytest.raises(NotFound):
        await harness.refs.move(ref_names.tag(FOO, "bad"), Absent(), made.tree, origin())
    tags = (await harness.refs.zone(FOO, ACTOR)).tags
    assert {name: tip.target for name, tip in tags.items()} == {
        "v1": annotated.id,
        "light": made.id,
    }
    assert tags["v1"].serial is None


@pytest.mark.parametrize("force", [False, True])
async def test_a_zone_with_branches_or_tags_is_not_removed(
    harness: RefStoreHarness, force: bool
) -> None:
    """A user who may not move a branch, by a rule of the bus, cannot remove its zone either."""
    made = await register_zone(harness)
    await harness.refs.move(ref_names.tag(FOO, "v1"), Absent(), made.id, origin())
    before = await harness.refs.zone(FOO, ACTOR)
    with pytest.raises(Unsafe, match="branches: main; tags: v1"):
        await harness.refs.unregister(FOO, origin(force=force))
    await harness.refs.move(MAIN, Exactly(made.id), None, origin())
    with pytest.raises(Unsafe, match=r"has tags: v1") as caught:
        await harness.refs.unregister(FOO, origin(force=force))
    assert caught.value.hint is not None
    assert "earlier release" in caught.value.hint
    assert (await harness.refs.zone(FOO, ACTOR)).tags == before.tags


async def test_an_empty_zone_is_removed(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    why = origin()
    await harness.refs.move(MAIN, Exactly(made.id), None, why)
    moved = await harness.refs.unregister(FOO, why)
    assert [entry.kind for entry in moved.entries] == ["removed"]
    rows = [row for row in await read_log(harness) if row.operation == why.operation]
    assert [(row.kind, row.old) for row in rows] == [("moved", made.id), ("removed", None)]
    assert await harness.refs.unregister(FOO, why) == moved
    with pytest.raises(NotFound):
        await harness.refs.zone(FOO, ACTOR)
    with pytest.raises(NotFound):
        await harness.refs.unregister(FOO, origin())


async def test_a_zone_registered_again_starts_without_branches(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    await remove_zone(harness.refs, FOO, origin(force=True))
    await harness.refs.register(FOO, origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads == {}


async def test_the_default_head_applies_to_all_operators(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    await point(harness, ref_names.default_head(), MAIN)
    where = await harness.refs.where(ACTOR)
    assert where.own is None
    assert where.default is not None
    assert (where.default.zone, where.default.branch) == (FOO, "main")
    assert where.default.tip is not None
    assert where.default.tip.target == made.id


async def test_an_own_head_is_remembered_for_its_zone(harness: RefStoreHarness) -> None:
    await register_zone(harness, FOO)
    await register_zone(harness, BAR)
    canary = ref_names.branch(FOO, "canary")
    moved = await point(harness, ref_names.own_head(ACTOR), canary)
    assert [entry.ref for entry in moved.entries] == [
        ref_names.own_head(ACTOR),
        ref_names.remembered_branch(ACTOR, FOO),
    ]
    await point(harness, ref_names.own_head(ACTOR), ref_names.branch(BAR, "main"))
    where = await harness.refs.where(ACTOR)
    assert where.own is not None
    assert (where.own.zone, where.own.branch) == (BAR, "main")
    assert (await harness.refs.zone(FOO, ACTOR)).remembered == "canary"


async def test_a_head_may_name_a_branch_without_a_commit(harness: RefStoreHarness) -> None:
    await harness.refs.register(FOO, origin())
    await point(harness, ref_names.own_head(ACTOR), MAIN)
    where = await harness.refs.where(ACTOR)
    assert where.own is not None
    assert where.own.tip is None


async def test_a_head_into_a_removed_zone_is_lost(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    await point(harness, ref_names.own_head(ACTOR), MAIN)
    await point(harness, ref_names.default_head(), MAIN)
    await remove_zone(harness.refs, FOO, origin(force=True))
    where = await harness.refs.where(ACTOR)
    assert (where.own, where.own_lost) == (None, True)
    assert (where.default, where.default_lost) == (None, True)


async def test_a_head_names_only_a_stored_symref(harness: RefStoreHarness) -> None:
    await harness.refs.register(FOO, origin())
    with pytest.raises(NotFound, match="symref"):
        await harness.refs.point(ref_names.default_head(), MAIN, origin())
    await point(harness, ref_names.default_head(), MAIN)
    (entry,) = [entry for entry in await read_log(harness) if entry.ref.space == "head"]
    assert entry.new == encode(Symref("refs/heads/foo.com./main")).id


async def test_an_operator_cannot_move_the_head_of_another(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    with pytest.raises(ZonegitError) as caught:
        await point(harness, ref_names.own_head("eve"), MAIN)
    assert caught.value.code == "denied"


@pytest.mark.parametrize("zone", [MAX_NAME, RFC2317, names.ROOT, names.parse("com.")])
async def test_a_zone_of_any_name_can_be_stored(harness: RefStoreHarness, zone: Name) -> None:
    """Names of 255 octets with any values, a slash of RFC 2317, the root, a single label."""
    made = await register_zone(harness, zone)
    branch = ref_names.branch(zone, "feature/" + "ü" * 90)
    await harness.refs.move(branch, Absent(), made.id, origin())
    await point(harness, ref_names.own_head(ACTOR), branch)
    await point(harness, ref_names.default_head(), branch)
    where = await harness.refs.where(ACTOR)
    assert where.own is not None
    assert where.own == where.default
    assert (where.own.zone, where.own.branch) == (zone, branch.short)
    await eventually(lambda: len(harness.events) == 6)
    await remove_zone(harness.refs, zone, origin(force=True))


async def test_nested_zones_do_not_mix(harness: RefStoreHarness) -> None:
    outer, inner = await register_zone(harness, FOO), await register_zone(harness, BAR)
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].target == outer.id
    assert (await harness.refs.zone(BAR, ACTOR)).heads["main"].target == inner.id
    await remove_zone(harness.refs, FOO, origin(force=True))
    assert (await harness.refs.zone(BAR, ACTOR)).heads["main"].target == inner.id


async def test_a_snapshot_holds_every_zone_on_some_page(harness: RefStoreHarness) -> None:
    zones = [names.parse(f"zone{n}.example.") for n in range(600)]
    for zone in zones:
        await harness.refs.register(zone, origin())
    made = await register_zone(harness, FOO)
    page = await harness.refs.snapshot()
    found = list(page.zones)
    pages = 1
    while page.after is not None:
        page = await harness.refs.snapshot(page.after)
        found.extend(page.zones)
        pages += 1
    assert sorted(refs.zone for refs in found) == sorted([FOO, *zones])
    assert [refs.heads["main"].target for refs in found if refs.zone == FOO] == [made.id]
    assert pages == 2


async def test_since_returns_later_rows(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    snapshot = await harness.refs.snapshot()
    second = await store_commit(harness, FOO, 2)
    moved = await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    since = await harness.refs.since(snapshot.epoch, snapshot.sequence)
    assert since.entries == moved.entries
    assert (await harness.refs.since(snapshot.epoch, moved.sequence)).entries == []


async def test_since_another_epoch_returns_no_rows_and_our_epoch(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    epoch = (await harness.refs.snapshot()).epoch
    since = await harness.refs.since("another", 0)
    assert (since.epoch, since.sequence, since.entries) == (epoch, 2, [])


async def test_since_returns_pages_that_fit_a_message(harness: RefStoreHarness) -> None:
    await harness.refs.register(FOO, origin())
    for n in range(450):
        wordy = Origin(ACTOR, "r" * 1_000, f"{n:016d}")
        await harness.refs.register(names.parse(f"z{n}.example."), wordy)
    rows = await read_log(harness)
    epoch = (await harness.refs.snapshot()).epoch
    assert 0 < len((await harness.refs.since(epoch, 0)).entries) < len(rows)
    assert [row.sequence for row in rows] == list(range(1, 452))


async def test_the_reflog_is_of_one_ref_newest_first(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    await register_zone(harness, BAR)
    second = await store_commit(harness, FOO, 2)
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    entries = await harness.refs.reflog(MAIN, 10)
    assert [(entry.old, entry.new) for entry in entries] == [
        (first.id, second.id),
        (None, first.id),
    ]
    assert await harness.refs.reflog(MAIN, 1) == entries[:1]
    assert await harness.refs.reflog(MAIN, 10, serial=entries[1].serial) == entries[1:]
    assert await harness.refs.reflog(MAIN, 10, serial=99) == []


async def test_an_earlier_position_of_a_ref_is_found_by_time_and_by_moves(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness)
    second = await store_commit(harness, FOO, 2)
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    new, old = await harness.refs.reflog(MAIN, 10)
    now = await harness.refs.at(MAIN, Ago(0))
    assert (now.entry, now.time >= new.time) == (new, True)
    assert (await harness.refs.at(MAIN, At(old.time))).entry == old
    assert await harness.refs.at(MAIN, Back(0)) == RefAt(new, new.time)
    assert await harness.refs.at(MAIN, Back(1)) == RefAt(old, old.time)


async def test_a_time_before_the_first_move_of_a_ref_returns_that_move(
    harness: RefStoreHarness,
) -> None:
    await register_zone(harness)
    (first,) = await harness.refs.reflog(MAIN, 10)
    assert await harness.refs.at(MAIN, At(1.0)) == RefAt(first, 1.0)
    assert (await harness.refs.at(MAIN, Ago(MAX_SECONDS))).time == 0


async def test_a_ref_of_a_removed_zone_is_found_and_an_unknown_one_is_not(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness)
    await remove_zone(harness.refs, FOO, origin(force=True))
    assert (await harness.refs.at(MAIN, Ago(0))).entry.new is None
    assert (await harness.refs.at(MAIN, Back(1))).entry.new == made.id
    with pytest.raises(NotFound) as beyond:
        await harness.refs.at(MAIN, Back(2))
    assert beyond.value.details == {"moves": "2"}
    for when in (Ago(0), At(0), Back(0)):
        with pytest.raises(NotFound) as never:
            await harness.refs.at(ref_names.branch(FOO, "never"), when)
        assert never.value.details == {"moves": "0"}


async def test_every_row_is_announced_once_and_in_order(harness: RefStoreHarness) -> None:
    first = await register_zone(harness)
    why = origin()
    second = await store_commit(harness, FOO, 2)
    for _ in range(2):
        await harness.refs.move(MAIN, Exactly(first.id), second.id, why)
    await asyncio.gather(
        *(harness.refs.register(names.parse(f"z{n}."), origin()) for n in range(20))
    )
    await remove_zone(harness.refs, FOO, origin(force=True))
    rows = await read_log(harness)
    await eventually(lambda: len(harness.events) >= len(rows))
    assert harness.announced() == rows
    assert {event.epoch for event in harness.events} == {(await harness.refs.snapshot()).epoch}


async def test_an_event_carries_the_new_objects_when_they_are_small(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness)
    second = await store_commit(harness, FOO, 2)
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin(), second.objects)
    await eventually(lambda: len(harness.events) == 3)
    assert [len(event.objects) for event in harness.events] == [0, 0, len(second.objects)]
    assert harness.events[-1].objects == second.objects


async def test_a_row_is_durable_before_it_is_announced(harness: RefStoreHarness) -> None:
    """When the event arrives, another process can read the row from the file."""
    durable: list[int] = []

    def look() -> None:
        with closing(sqlite3.connect(f"file:{harness.file}?mode=ro", uri=True)) as other:
            durable.append(other.execute("SELECT max(sequence) FROM log").fetchone()[0])

    harness.on_event = look
    await register_zone(harness)
    await eventually(lambda: len(harness.events) == 2)
    assert all(
        event.entry.sequence <= last for event, last in zip(harness.events, durable, strict=True)
    )


async def read_log(harness: RefStoreHarness) -> list[LogEntry]:
    """Return the whole log, page by page."""
    rows: list[LogEntry] = []
    snapshot: RefsSnapshot = await harness.refs.snapshot()
    while not rows or rows[-1].sequence < snapshot.sequence:
        at = rows[-1].sequence if rows else 0
        rows += (await harness.refs.since(snapshot.epoch, at)).entries
    return rows


async def read_operations(
    harness: RefStoreHarness, limit: int, **wanted: Any
) -> list[OperationSummary]:
    """Return the operations of all pages."""
    page = await harness.refs.operations(limit, **wanted)
    found = list(page.operations)
    while page.before is not None:
        page = await harness.refs.operations(limit, page.before, **wanted)
        found += page.operations
    return found


async def test_operations_are_listed_whole_latest_first(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    both = origin()
    await harness.refs.move(ref_names.branch(FOO, "a"), Absent(), made.id, both)
    between = origin()
    await harness.refs.move(ref_names.tag(FOO, "v1"), Absent(), made.id, between)
    await harness.refs.move(ref_names.branch(FOO, "b"), Absent(), made.id, both)
    for limit in (1, 2, 100):
        found = await read_operations(harness, limit)
        assert [each.operation for each in found[:2]] == [both.operation, between.operation]
        assert [each.rows for each in found] == [2, 1, 1, 1]
        assert [entry.ref.short for entry in found[0].entries] == ["a", "b"]
        assert len({each.operation for each in found}) == len(found)


async def test_operations_are_filtered_by_zone_or_operator(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    shared = origin()
    for zone in (BAR, RFC2317):
        await harness.refs.register(zone, shared)
    (found,) = await read_operations(harness, 100, zone=BAR)
    assert (found.operation, found.rows) == (shared.operation, 1)
    assert [entry.ref.zone for entry in found.entries] == [BAR]
    assert len(await read_operations(harness, 100, zone=FOO, actor=ACTOR)) == 2
    assert await read_operations(harness, 100, actor="nobody") == []


async def test_a_long_operation_is_listed_in_part_with_its_size(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    long = origin()
    for number in range(25):
        await harness.refs.move(ref_names.tag(FOO, f"v{number}"), Absent(), made.id, long)
    (found,) = (await harness.refs.operations(1)).operations
    assert (found.operation, found.rows, len(found.entries)) == (long.operation, 25, 20)
    told = await harness.refs.operation(ACTOR, long.operation[:12])
    assert (told.operation, len(told.entries), told.more) == (long.operation, 25, False)
    after = told.entries[19].sequence
    rest = await harness.refs.operation(ACTOR, long.operation, after)
    assert rest.entries == told.entries[20:]


async def test_an_operation_is_shown_with_the_current_state_of_its_refs(
    harness: RefStoreHarness,
) -> None:
    first = await register_zone(harness)
    added = (await harness.refs.operations(100)).operations[1]
    told = await harness.refs.operation(ACTOR, None)
    assert (told.entries[0].ref, told.later) == (MAIN, [])
    second = await store_commit(harness, FOO, 2)
    await harness.refs.move(MAIN, Exactly(first.id), second.id, origin())
    again = await harness.refs.operation(ACTOR, told.operation)
    assert [(entry.ref, entry.new) for entry in again.later] == [(MAIN, second.id)]
    zone = await harness.refs.operation(ACTOR, added.operation)
    assert [(entry.ref, entry.new) for entry in zone.later] == [(MAIN, second.id)]


async def test_a_unique_prefix_of_an_id_names_an_operation(harness: RefStoreHarness) -> None:
    with pytest.raises(NotFound, match="no operations by"):
        await harness.refs.operation(ACTOR, None)
    ids = [f"%_*?[{number}" + "a" * 20 for number in (1, 2)]
    for number, operation in enumerate(ids):
        await harness.refs.register(names.parse(f"z{number}."), origin(operation=operation))
    assert (await harness.refs.operation(ACTOR, ids[1][:6])).operation == ids[1]
    with pytest.raises(Invalid) as refused:
        await harness.refs.operation(ACTOR, ids[0][:5])
    assert all(operation in refused.value.message for operation in ids)
    with pytest.raises(NotFound):
        await harness.refs.operation(ACTOR, "%%%%")


async def test_a_head_and_a_remembered_branch_can_be_removed(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    own = ref_names.own_head(ACTOR)
    await point(harness, ref_names.default_head(), MAIN)
    await point(harness, own, MAIN)
    moved = await harness.refs.unpoint(own, origin())
    assert [(entry.ref, entry.new) for entry in moved.entries] == [(own, None)]
    where = await harness.refs.where(ACTOR)
    assert (where.own, where.default is not None) == (None, True)
    assert (await harness.refs.zone(FOO, ACTOR)).remembered == "main"
    await harness.refs.unpoint(ref_names.remembered_branch(ACTOR, FOO), origin())
    assert (await harness.refs.zone(FOO, ACTOR)).remembered is None
    await harness.refs.unpoint(ref_names.default_head(), origin())
    assert (await harness.refs.where(ACTOR)).default is None
    assert (await harness.refs.unpoint(own, origin())).entries == []


async def test_a_branch_can_be_remembered_without_a_move_of_head(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    await point(harness, ref_names.remembered_branch(ACTOR, FOO), MAIN)
    assert (await harness.refs.zone(FOO, ACTOR)).remembered == "main"
    assert (await harness.refs.where(ACTOR)).own is None


async def test_operators_have_heads_of_their_own(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    for head in (ref_names.own_head("bob"), ref_names.remembered_branch("bob", FOO)):
        with pytest.raises(Denied):
            await harness.refs.unpoint(head, origin())
        with pytest.raises(Denied):
            await point(harness, head, MAIN)


async def test_a_repeated_operation_is_answered_and_removes_no_second_head(
    harness: RefStoreHarness,
) -> None:
    await register_zone(harness)
    own, why = ref_names.own_head(ACTOR), origin()
    await point(harness, own, MAIN)
    first = await harness.refs.unpoint(own, why)
    await point(harness, own, ref_names.branch(FOO, "canary"))
    assert await harness.refs.unpoint(own, why) == first
    assert (await harness.refs.where(ACTOR)).own is not None


SERVING = ref_names.serving(FOO)


async def store_settings(harness: RefStoreHarness, percent: int) -> RawObject:
    canary = CanarySetting("next", percent, "salt")
    raw = encode(serving_settings.make_doc(ServingSettings(canary)))
    await harness.objects.put([raw])
    return raw


async def test_serving_settings_move_like_a_branch_and_are_removed_with_their_zone(
    harness: RefStoreHarness,
) -> None:
    await register_zone(harness)
    first, second = await store_settings(harness, 10), await store_settings(harness, 50)
    moved = await harness.refs.move(SERVING, Absent(), first.id, origin())
    (entry,) = moved.entries
    assert (entry.ref, entry.old, entry.new, entry.serial) == (SERVING, None, first.id, None)
    with pytest.raises(Conflict, match="exists already"):
        await harness.refs.move(SERVING, Absent(), second.id, origin())
    await harness.refs.judge(SERVING, Exactly(first.id), second.id, origin())
    await harness.refs.move(SERVING, Exactly(first.id), second.id, origin())
    refs = await harness.refs.zone(FOO, ACTOR)
    assert refs.serving is not None
    assert (refs.serving.target, refs.serving.serial) == (second.id, None)
    assert (list(refs.heads), refs.tags) == (["main"], {})
    (zone,) = (await harness.refs.snapshot()).zones
    assert zone.serving == refs.serving
    assert [each.new for each in await harness.refs.reflog(SERVING, 10)] == [second.id, first.id]
    await harness.refs.move(MAIN, Anything(), None, origin())
    with pytest.raises(Unsafe, match="has serving settings"):
        await harness.refs.unregister(FOO, origin())
    await harness.refs.move(SERVING, Exactly(second.id), None, origin())
    await harness.refs.unregister(FOO, origin())


async def test_serving_settings_that_are_no_doc_or_do_not_parse_are_refused(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness)
    raw = encode(Doc({"type": "serving", "version": 1, "canary": None, "weight": 1}))
    await harness.objects.put([raw])
    for target, expected, error in (
        (made.id, "is a commit, not a doc", NotFound),
        (raw.id, "unknown keys in serving settings: 'weight'", Invalid),
    ):
        for attempt in (harness.refs.move, harness.refs.judge):
            with pytest.raises(error, match=expected):
                await attempt(SERVING, Absent(), target, origin(force=True))
    with pytest.raises(ZonegitError, match="is a doc, not a commit"):
        await harness.refs.move(MAIN, Anything(), raw.id, origin(force=True))


async def test_the_undo_of_an_operator_covers_serving_settings(harness: RefStoreHarness) -> None:
    await register_zone(harness)
    raw = await store_settings(harness, 10)
    done = await harness.refs.move(SERVING, Absent(), raw.id, origin())
    found = await harness.refs.operation(ACTOR, None)
    assert found.operation == done.entries[0].operation
