"""The contract of every ref store (``zonegit.store.refs.RefStore``)."""

import asyncio
import secrets
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from tests.contract.conftest import ACTOR, RefStand
from tests.support import commits
from tests.support.commits import Made
from tests.support.waiting import eventually
from tests.support.zone_removal import remove_zone

from zonegit.errors import Conflict, Corrupt, Denied, Invalid, NotFound, Unsafe, ZonegitError
from zonegit.objects.codec import encode
from zonegit.objects.ids import RawObject
from zonegit.objects.model import Symref
from zonegit.store import ref_names
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
from zonegit.zone import names
from zonegit.zone.names import Name

FOO = names.parse("foo.com.")
BAR = names.parse("sub.foo.com.")
RFC2317 = names.parse("0/25.2.0.192.in-addr.arpa.")
LONGEST = names.join([b"\0" * 63, b"." * 63, b"\xff" * 63, b"/" * 61])
MAIN = ref_names.branch(FOO, "main")


def origin(*, force: bool = False, operation: str = "", reason: str | None = None) -> Origin:
    operation = operation or secrets.token_hex(16)
    return Origin(ACTOR, "test", operation, force, reason=reason)


async def stored(stand: RefStand, zone: Name, serial: int, address: str = "192.0.2.1") -> Made:
    made = commits.commit(zone, serial, address)
    await stand.objects.put(made.objects)
    return made


async def registered(stand: RefStand, zone: Name = FOO, serial: int = 1) -> Made:
    """Register a zone with a first commit on main."""
    await stand.refs.register(zone, origin())
    made = await stored(stand, zone, serial)
    await stand.refs.move(ref_names.branch(zone, "main"), Absent(), made.id, origin())
    return made


async def point(stand: RefStand, head: RefName, branch: RefName) -> Moved:
    await stand.objects.put([encode(Symref(branch.path()))])
    return await stand.refs.point(head, branch, origin())


async def test_an_empty_store_knows_no_zone_and_no_head(stand: RefStand) -> None:
    where = await stand.refs.where(ACTOR)
    assert (where.own, where.default) == (None, None)
    snapshot = await stand.refs.snapshot()
    assert (snapshot.sequence, snapshot.zones, snapshot.after) == (0, [], None)


async def test_a_registered_zone_has_no_branch(stand: RefStand) -> None:
    moved = await stand.refs.register(FOO, origin())
    assert [entry.kind for entry in moved.entries] == ["added"]
    refs = await stand.refs.zone(FOO, ACTOR)
    assert (refs.zone, refs.heads, refs.tags) == (FOO, {}, {})


async def test_a_second_registration_is_a_conflict(stand: RefStand) -> None:
    await stand.refs.register(FOO, origin())
    with pytest.raises(Conflict, match="exists"):
        await stand.refs.register(FOO, origin())


async def test_an_unknown_zone_is_not_found(stand: RefStand) -> None:
    made = await stored(stand, FOO, 1)
    with pytest.raises(NotFound):
        await stand.refs.zone(FOO, ACTOR)
    with pytest.raises(NotFound):
        await stand.refs.move(MAIN, Absent(), made.id, origin())
    with pytest.raises(NotFound):
        await point(stand, ref_names.default_head(), MAIN)


async def test_a_created_branch_has_its_tip_serial_and_sequence(stand: RefStand) -> None:
    made = await registered(stand, serial=7)
    tip = (await stand.refs.zone(FOO, ACTOR)).heads["main"]
    assert (tip.target, tip.serial, tip.highest, tip.sequence) == (made.id, 7, 7, 2)


async def test_a_move_of_the_expected_tip_succeeds(stand: RefStand) -> None:
    first = await registered(stand)
    second = await stored(stand, FOO, 2)
    moved = await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    (entry,) = moved.entries
    assert (entry.ref, entry.old, entry.new, entry.serial) == (MAIN, first.id, second.id, 2)
    assert (entry.actor, entry.command, entry.sequence) == (ACTOR, "test", moved.sequence)


async def test_a_lost_race_names_the_tip(stand: RefStand) -> None:
    first = await registered(stand)
    second, third = await stored(stand, FOO, 2), await stored(stand, FOO, 3)
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    with pytest.raises(Conflict) as lost:
        await stand.refs.move(MAIN, Exactly(first.id), third.id, origin())
    assert lost.value.details["tip"] == second.id.hex()
    with pytest.raises(Conflict) as exists:
        await stand.refs.move(MAIN, Absent(), third.id, origin())
    assert exists.value.details["tip"] == second.id.hex()
    gone = ref_names.branch(FOO, "gone")
    with pytest.raises(Conflict) as absent:
        await stand.refs.move(gone, Exactly(first.id), third.id, origin())
    assert absent.value.details["tip"] == ""


async def test_one_of_many_writers_on_one_tip_wins(stand: RefStand) -> None:
    first = await registered(stand)
    rivals = [await stored(stand, FOO, 2, f"192.0.2.{n}") for n in range(8)]
    outcomes = await asyncio.gather(
        *(stand.refs.move(MAIN, Exactly(first.id), rival.id, origin()) for rival in rivals),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Moved) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7


async def test_a_repeated_operation_is_answered_and_changes_nothing(stand: RefStand) -> None:
    first = await registered(stand)
    second, third = await stored(stand, FOO, 2), await stored(stand, FOO, 3)
    why = origin()
    moved = await stand.refs.move(MAIN, Exactly(first.id), second.id, why)
    await stand.refs.move(MAIN, Exactly(second.id), third.id, origin())
    again = await stand.refs.move(MAIN, Exactly(first.id), second.id, why)
    assert again.entries == moved.entries
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].target == third.id


async def test_every_kind_of_change_may_be_repeated(stand: RefStand) -> None:
    add, head, remove = origin(), origin(), origin()
    await stand.objects.put([encode(Symref(MAIN.path()))])
    added = await stand.refs.register(FOO, add)
    assert await stand.refs.register(FOO, add) == added
    pointed = await stand.refs.point(ref_names.own_head(ACTOR), MAIN, head)
    assert await stand.refs.point(ref_names.own_head(ACTOR), MAIN, head) == pointed
    removed = await stand.refs.unregister(FOO, remove)
    assert await stand.refs.unregister(FOO, remove) == removed
    assert (await stand.refs.snapshot()).sequence == removed.sequence


async def test_one_operation_may_move_several_refs(stand: RefStand) -> None:
    first = await registered(stand)
    why = origin()
    other = ref_names.branch(FOO, "other")
    assert (await stand.refs.move(other, Absent(), first.id, why)).entries
    assert (await stand.refs.move(ref_names.tag(FOO, "v1"), Absent(), first.id, why)).entries
    refs = await stand.refs.zone(FOO, ACTOR)
    assert (set(refs.heads), set(refs.tags)) == ({"main", "other"}, {"v1"})


async def test_an_operation_id_cannot_be_used_for_another_move(stand: RefStand) -> None:
    first = await registered(stand)
    second, third = await stored(stand, FOO, 2), await stored(stand, FOO, 3)
    why = origin()
    await stand.refs.move(MAIN, Exactly(first.id), second.id, why)
    with pytest.raises(Invalid, match="another move"):
        await stand.refs.move(MAIN, Exactly(second.id), third.id, why)


async def test_the_id_of_an_operation_without_changes_cannot_be_used_for_another_move(
    stand: RefStand,
) -> None:
    first = await registered(stand)
    second = await stored(stand, FOO, 2)
    gone = ref_names.branch(FOO, "gone")
    stays, deletes = origin(), origin()
    same = await stand.refs.move(MAIN, Anything(), first.id, stays)
    absent = await stand.refs.move(gone, Anything(), None, deletes)
    for ref, new, why in ((MAIN, second.id, stays), (MAIN, None, stays), (gone, first.id, deletes)):
        with pytest.raises(Invalid, match="another move"):
            await stand.refs.move(ref, Anything(), new, why)
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    await stand.refs.move(gone, Absent(), second.id, origin())
    assert await stand.refs.move(MAIN, Anything(), first.id, stays) == same
    assert await stand.refs.move(gone, Anything(), None, deletes) == absent
    refs = await stand.refs.zone(FOO, ACTOR)
    assert {name: tip.target for name, tip in refs.heads.items()} == {
        "main": second.id,
        "gone": second.id,
    }


async def test_an_operation_id_cannot_be_used_for_another_head(stand: RefStand) -> None:
    await registered(stand)
    own, why = ref_names.own_head(ACTOR), origin()
    canary = ref_names.branch(FOO, "canary")
    await stand.objects.put([encode(Symref(each.path())) for each in (MAIN, canary)])
    await stand.refs.point(own, MAIN, why)
    with pytest.raises(Invalid, match="another move"):
        await stand.refs.point(own, canary, why)


async def test_a_move_to_the_same_commit_writes_no_row(stand: RefStand) -> None:
    first = await registered(stand)
    before = (await stand.refs.snapshot()).sequence
    moved = await stand.refs.move(MAIN, Anything(), first.id, origin())
    gone = await stand.refs.move(ref_names.branch(FOO, "gone"), Anything(), None, origin())
    assert (moved.entries, gone.entries) == ([], [])
    assert (await stand.refs.snapshot()).sequence == before == moved.sequence


async def test_sequences_are_contiguous(stand: RefStand) -> None:
    await registered(stand, FOO)
    await registered(stand, BAR)
    with pytest.raises(ZonegitError):
        await stand.refs.register(BAR, origin())
    await point(stand, ref_names.own_head(ACTOR), MAIN)
    await remove_zone(stand.refs, BAR, origin(force=True))
    snapshot = await stand.refs.snapshot()
    since = await stand.refs.since(snapshot.epoch, 0)
    assert [entry.sequence for entry in since.entries] == list(range(1, snapshot.sequence + 1))
    assert since.sequence == snapshot.sequence == 8


async def test_only_a_stored_commit_becomes_a_tip(stand: RefStand) -> None:
    made = await registered(stand)
    elsewhere = commits.commit(FOO, 2)
    with pytest.raises(NotFound):
        await stand.refs.move(MAIN, Anything(), elsewhere.id, origin())
    with pytest.raises(NotFound, match="not stored"):
        await stand.refs.move(MAIN, Anything(), elsewhere.id, origin(), elsewhere.objects)
    with pytest.raises(NotFound, match="tree"):
        await stand.refs.move(MAIN, Anything(), made.tree, origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].target == made.id


async def test_a_commit_without_soa_or_of_another_zone_is_refused(stand: RefStand) -> None:
    await registered(stand)
    bare = commits.commit(FOO, None)
    await stand.objects.put(bare.objects)
    with pytest.raises(Invalid, match="SOA"):
        await stand.refs.move(MAIN, Anything(), bare.id, origin())
    foreign = await stored(stand, BAR, 2)
    with pytest.raises(Invalid, match=r"foo\.com\."):
        await stand.refs.move(MAIN, Anything(), foreign.id, origin())


async def test_a_serial_that_is_not_later_is_refused(stand: RefStand) -> None:
    """RFC 1982 section 3.2: 2^31 ahead is not later, and zero comes after 2^32-1."""
    await registered(stand, serial=10)
    for serial in (10, 9, 10 + (1 << 31)):
        made = await stored(stand, FOO, serial, "192.0.2.9")
        with pytest.raises(Unsafe, match="not later"):
            await stand.refs.move(MAIN, Anything(), made.id, origin())
    for serial in (11, 1 << 31, (1 << 32) - 1, 0):
        made = await stored(stand, FOO, serial)
        await stand.refs.move(MAIN, Anything(), made.id, origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].highest == 0


async def test_the_records_of_a_served_serial_may_return(
    stand: RefStand,
) -> None:
    first = await registered(stand, serial=10)
    child = commits.commit(FOO, 10, parent=first)
    assert child.tree == first.tree
    assert child.id != first.id
    await stand.objects.put(child.objects)
    await stand.refs.move(MAIN, Exactly(first.id), child.id, origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].target == child.id


async def test_a_forced_step_back_keeps_the_highest_serial(stand: RefStand) -> None:
    first = await registered(stand, serial=1)
    second, other = await stored(stand, FOO, 5), await stored(stand, FOO, 4, "192.0.2.4")
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    await stand.refs.move(MAIN, Exactly(second.id), first.id, origin(force=True))
    tip = (await stand.refs.zone(FOO, ACTOR)).heads["main"]
    assert (tip.target, tip.serial, tip.highest) == (first.id, 1, 5)
    with pytest.raises(Unsafe) as caught:
        await stand.refs.move(MAIN, Exactly(first.id), other.id, origin())
    assert caught.value.details["highest"] == "5"


async def test_a_deleted_branch_is_remembered_by_its_highest_serial(stand: RefStand) -> None:
    first = await registered(stand, serial=5)
    await stand.refs.move(MAIN, Exactly(first.id), None, origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads == {}
    older = await stored(stand, FOO, 4)
    with pytest.raises(Unsafe):
        await stand.refs.move(MAIN, Absent(), older.id, origin())
    await stand.refs.move(MAIN, Absent(), first.id, origin())


async def test_each_branch_has_its_own_serials(stand: RefStand) -> None:
    await registered(stand, serial=5)
    older = await stored(stand, FOO, 1)
    canary = ref_names.branch(FOO, "canary")
    await stand.refs.move(canary, Absent(), older.id, origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads["canary"].highest == 1


async def shrinking(stand: RefStand) -> tuple[Made, Made]:
    """Return the commit of main, and a commit with less than half of its records."""
    await stand.refs.register(FOO, origin())
    big, small = commits.commit(FOO, 1, hosts=20), commits.commit(FOO, 2, hosts=8)
    await stand.objects.put([*big.objects, *small.objects])
    await stand.refs.move(MAIN, Absent(), big.id, origin())
    return big, small


@pytest.mark.parametrize("is_exact", [True, False])
async def test_a_large_removal_needs_force_and_a_reason(stand: RefStand, is_exact: bool) -> None:
    big, small = await shrinking(stand)
    expected = Exactly(big.id) if is_exact else Anything()
    with pytest.raises(Unsafe, match="12 of its 22 RRsets"):
        await stand.refs.move(MAIN, expected, small.id, origin())
    with pytest.raises(Unsafe) as unexplained:
        await stand.refs.move(MAIN, expected, small.id, origin(force=True))
    assert unexplained.value.hint is not None
    assert "--force is not enough" in unexplained.value.hint
    with pytest.raises(Unsafe):
        await stand.refs.move(MAIN, expected, small.id, origin(reason="an idea"))
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].target == big.id
    why = origin(force=True, reason="the hosts were sold")
    (entry,) = (await stand.refs.move(MAIN, expected, small.id, why)).entries
    assert (entry.new, entry.reason) == (small.id, "the hosts were sold")


async def test_a_lost_race_is_a_conflict_even_for_a_refused_move(stand: RefStand) -> None:
    _, small = await shrinking(stand)
    with pytest.raises(Conflict):
        await stand.refs.move(MAIN, Exactly(small.id), small.id, origin())
    with pytest.raises(Conflict):
        await stand.refs.move(MAIN, Absent(), small.id, origin())


async def test_creating_and_deleting_a_branch_needs_no_count_of_records(stand: RefStand) -> None:
    big, small = await shrinking(stand)
    other = ref_names.branch(FOO, "other")
    await stand.refs.move(other, Absent(), small.id, origin())
    await stand.refs.move(MAIN, Exactly(big.id), None, origin())
    await stand.refs.move(MAIN, Absent(), small.id, origin())


async def test_objects_sent_with_a_move_must_match_their_ids(stand: RefStand) -> None:
    big, _ = await shrinking(stand)
    grown = commits.commit(FOO, 2, hosts=21)
    await stand.objects.put(grown.objects)
    lie = RawObject(big.id, "commit", b"tree " + b"0" * 64)
    with pytest.raises(Corrupt):
        await stand.refs.move(MAIN, Exactly(big.id), grown.id, origin(), seen=[lie])
    await stand.refs.move(MAIN, Exactly(big.id), grown.id, origin(), seen=big.objects)


async def test_a_tag_holds_a_tag_object_or_a_commit(stand: RefStand) -> None:
    made = await registered(stand)
    annotated = commits.tag(made, "v1")
    await stand.objects.put([annotated])
    await stand.refs.move(ref_names.tag(FOO, "v1"), Absent(), annotated.id, origin())
    await stand.refs.move(ref_names.tag(FOO, "light"), Absent(), made.id, origin())
    with pytest.raises(NotFound):
        await stand.refs.move(ref_names.tag(FOO, "bad"), Absent(), made.tree, origin())
    tags = (await stand.refs.zone(FOO, ACTOR)).tags
    assert {name: tip.target for name, tip in tags.items()} == {
        "v1": annotated.id,
        "light": made.id,
    }
    assert tags["v1"].serial is None


@pytest.mark.parametrize("force", [False, True])
async def test_a_zone_with_branches_or_tags_is_not_removed(stand: RefStand, force: bool) -> None:
    """A user who may not move a branch, by a rule of the bus, cannot remove its zone either."""
    made = await registered(stand)
    await stand.refs.move(ref_names.tag(FOO, "v1"), Absent(), made.id, origin())
    before = await stand.refs.zone(FOO, ACTOR)
    with pytest.raises(Unsafe, match="branches: main; tags: v1"):
        await stand.refs.unregister(FOO, origin(force=force))
    await stand.refs.move(MAIN, Exactly(made.id), None, origin())
    with pytest.raises(Unsafe, match=r"has tags: v1") as caught:
        await stand.refs.unregister(FOO, origin(force=force))
    assert caught.value.hint is not None
    assert "earlier release" in caught.value.hint
    assert (await stand.refs.zone(FOO, ACTOR)).tags == before.tags


async def test_an_empty_zone_is_removed(stand: RefStand) -> None:
    made = await registered(stand)
    why = origin()
    await stand.refs.move(MAIN, Exactly(made.id), None, why)
    moved = await stand.refs.unregister(FOO, why)
    assert [entry.kind for entry in moved.entries] == ["removed"]
    rows = [row for row in await all_rows(stand) if row.operation == why.operation]
    assert [(row.kind, row.old) for row in rows] == [("moved", made.id), ("removed", None)]
    assert await stand.refs.unregister(FOO, why) == moved
    with pytest.raises(NotFound):
        await stand.refs.zone(FOO, ACTOR)
    with pytest.raises(NotFound):
        await stand.refs.unregister(FOO, origin())


async def test_a_zone_registered_again_starts_without_branches(stand: RefStand) -> None:
    await registered(stand)
    await remove_zone(stand.refs, FOO, origin(force=True))
    await stand.refs.register(FOO, origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads == {}


async def test_the_default_head_applies_to_all_operators(stand: RefStand) -> None:
    made = await registered(stand)
    await point(stand, ref_names.default_head(), MAIN)
    where = await stand.refs.where(ACTOR)
    assert where.own is None
    assert where.default is not None
    assert (where.default.zone, where.default.branch) == (FOO, "main")
    assert where.default.tip is not None
    assert where.default.tip.target == made.id


async def test_an_own_head_is_remembered_for_its_zone(stand: RefStand) -> None:
    await registered(stand, FOO)
    await registered(stand, BAR)
    canary = ref_names.branch(FOO, "canary")
    moved = await point(stand, ref_names.own_head(ACTOR), canary)
    assert [entry.ref for entry in moved.entries] == [
        ref_names.own_head(ACTOR),
        ref_names.remembered_branch(ACTOR, FOO),
    ]
    await point(stand, ref_names.own_head(ACTOR), ref_names.branch(BAR, "main"))
    where = await stand.refs.where(ACTOR)
    assert where.own is not None
    assert (where.own.zone, where.own.branch) == (BAR, "main")
    assert (await stand.refs.zone(FOO, ACTOR)).remembered == "canary"


async def test_a_head_may_name_a_branch_without_a_commit(stand: RefStand) -> None:
    await stand.refs.register(FOO, origin())
    await point(stand, ref_names.own_head(ACTOR), MAIN)
    where = await stand.refs.where(ACTOR)
    assert where.own is not None
    assert where.own.tip is None


async def test_a_head_into_a_removed_zone_is_lost(stand: RefStand) -> None:
    await registered(stand)
    await point(stand, ref_names.own_head(ACTOR), MAIN)
    await point(stand, ref_names.default_head(), MAIN)
    await remove_zone(stand.refs, FOO, origin(force=True))
    where = await stand.refs.where(ACTOR)
    assert (where.own, where.own_lost) == (None, True)
    assert (where.default, where.default_lost) == (None, True)


async def test_a_head_names_only_a_stored_symref(stand: RefStand) -> None:
    await stand.refs.register(FOO, origin())
    with pytest.raises(NotFound, match="symref"):
        await stand.refs.point(ref_names.default_head(), MAIN, origin())
    await point(stand, ref_names.default_head(), MAIN)
    (entry,) = [entry for entry in await all_rows(stand) if entry.ref.space == "head"]
    assert entry.new == encode(Symref("refs/heads/foo.com./main")).id


async def test_an_operator_cannot_move_the_head_of_another(stand: RefStand) -> None:
    await registered(stand)
    with pytest.raises(ZonegitError) as caught:
        await point(stand, ref_names.own_head("eve"), MAIN)
    assert caught.value.code == "denied"


@pytest.mark.parametrize("zone", [LONGEST, RFC2317, names.ROOT, names.parse("com.")])
async def test_a_zone_of_any_name_can_be_stored(stand: RefStand, zone: Name) -> None:
    """Names of 255 octets with any values, a slash of RFC 2317, the root, a single label."""
    made = await registered(stand, zone)
    branch = ref_names.branch(zone, "feature/" + "ü" * 90)
    await stand.refs.move(branch, Absent(), made.id, origin())
    await point(stand, ref_names.own_head(ACTOR), branch)
    await point(stand, ref_names.default_head(), branch)
    where = await stand.refs.where(ACTOR)
    assert where.own is not None
    assert where.own == where.default
    assert (where.own.zone, where.own.branch) == (zone, branch.short)
    await eventually(lambda: len(stand.events) == 6)
    await remove_zone(stand.refs, zone, origin(force=True))


async def test_nested_zones_do_not_mix(stand: RefStand) -> None:
    outer, inner = await registered(stand, FOO), await registered(stand, BAR)
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].target == outer.id
    assert (await stand.refs.zone(BAR, ACTOR)).heads["main"].target == inner.id
    await remove_zone(stand.refs, FOO, origin(force=True))
    assert (await stand.refs.zone(BAR, ACTOR)).heads["main"].target == inner.id


async def test_a_snapshot_holds_every_zone_on_some_page(stand: RefStand) -> None:
    zones = [names.parse(f"zone{n}.example.") for n in range(600)]
    for zone in zones:
        await stand.refs.register(zone, origin())
    made = await registered(stand, FOO)
    page = await stand.refs.snapshot()
    found = list(page.zones)
    pages = 1
    while page.after is not None:
        page = await stand.refs.snapshot(page.after)
        found.extend(page.zones)
        pages += 1
    assert sorted(refs.zone for refs in found) == sorted([FOO, *zones])
    assert [refs.heads["main"].target for refs in found if refs.zone == FOO] == [made.id]
    assert pages == 2


async def test_since_returns_later_rows(stand: RefStand) -> None:
    first = await registered(stand)
    snapshot = await stand.refs.snapshot()
    second = await stored(stand, FOO, 2)
    moved = await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    since = await stand.refs.since(snapshot.epoch, snapshot.sequence)
    assert since.entries == moved.entries
    assert (await stand.refs.since(snapshot.epoch, moved.sequence)).entries == []


async def test_since_another_epoch_returns_no_rows_and_our_epoch(stand: RefStand) -> None:
    await registered(stand)
    epoch = (await stand.refs.snapshot()).epoch
    since = await stand.refs.since("another", 0)
    assert (since.epoch, since.sequence, since.entries) == (epoch, 2, [])


async def test_since_returns_pages_that_fit_a_message(stand: RefStand) -> None:
    await stand.refs.register(FOO, origin())
    for n in range(450):
        wordy = Origin(ACTOR, "r" * 1_000, f"{n:016d}")
        await stand.refs.register(names.parse(f"z{n}.example."), wordy)
    rows = await all_rows(stand)
    epoch = (await stand.refs.snapshot()).epoch
    assert 0 < len((await stand.refs.since(epoch, 0)).entries) < len(rows)
    assert [row.sequence for row in rows] == list(range(1, 452))


async def test_the_reflog_is_of_one_ref_newest_first(stand: RefStand) -> None:
    first = await registered(stand)
    await registered(stand, BAR)
    second = await stored(stand, FOO, 2)
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    entries = await stand.refs.reflog(MAIN, 10)
    assert [(entry.old, entry.new) for entry in entries] == [
        (first.id, second.id),
        (None, first.id),
    ]
    assert await stand.refs.reflog(MAIN, 1) == entries[:1]
    assert await stand.refs.reflog(MAIN, 10, serial=entries[1].serial) == entries[1:]
    assert await stand.refs.reflog(MAIN, 10, serial=99) == []


async def test_an_earlier_position_of_a_ref_is_found_by_time_and_by_moves(stand: RefStand) -> None:
    first = await registered(stand)
    second = await stored(stand, FOO, 2)
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    new, old = await stand.refs.reflog(MAIN, 10)
    now = await stand.refs.at(MAIN, Ago(0))
    assert (now.entry, now.time >= new.time) == (new, True)
    assert (await stand.refs.at(MAIN, At(old.time))).entry == old
    assert await stand.refs.at(MAIN, Back(0)) == RefAt(new, new.time)
    assert await stand.refs.at(MAIN, Back(1)) == RefAt(old, old.time)


async def test_a_time_before_the_first_move_of_a_ref_returns_that_move(stand: RefStand) -> None:
    await registered(stand)
    (first,) = await stand.refs.reflog(MAIN, 10)
    assert await stand.refs.at(MAIN, At(1.0)) == RefAt(first, 1.0)
    assert (await stand.refs.at(MAIN, Ago(MAX_SECONDS))).time == 0


async def test_a_ref_of_a_removed_zone_is_found_and_an_unknown_one_is_not(
    stand: RefStand,
) -> None:
    made = await registered(stand)
    await remove_zone(stand.refs, FOO, origin(force=True))
    assert (await stand.refs.at(MAIN, Ago(0))).entry.new is None
    assert (await stand.refs.at(MAIN, Back(1))).entry.new == made.id
    with pytest.raises(NotFound) as beyond:
        await stand.refs.at(MAIN, Back(2))
    assert beyond.value.details == {"moves": "2"}
    for when in (Ago(0), At(0), Back(0)):
        with pytest.raises(NotFound) as never:
            await stand.refs.at(ref_names.branch(FOO, "never"), when)
        assert never.value.details == {"moves": "0"}


async def test_every_row_is_announced_once_and_in_order(stand: RefStand) -> None:
    first = await registered(stand)
    why = origin()
    second = await stored(stand, FOO, 2)
    for _ in range(2):
        await stand.refs.move(MAIN, Exactly(first.id), second.id, why)
    await asyncio.gather(*(stand.refs.register(names.parse(f"z{n}."), origin()) for n in range(20)))
    await remove_zone(stand.refs, FOO, origin(force=True))
    rows = await all_rows(stand)
    await eventually(lambda: len(stand.events) >= len(rows))
    assert stand.announced() == rows
    assert {event.epoch for event in stand.events} == {(await stand.refs.snapshot()).epoch}


async def test_an_event_carries_the_new_objects_when_they_are_small(stand: RefStand) -> None:
    first = await registered(stand)
    second = await stored(stand, FOO, 2)
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin(), second.objects)
    await eventually(lambda: len(stand.events) == 3)
    assert [len(event.objects) for event in stand.events] == [0, 0, len(second.objects)]
    assert stand.events[-1].objects == second.objects


async def test_a_row_is_durable_before_it_is_announced(stand: RefStand) -> None:
    """When the event arrives, another process can read the row from the file."""
    durable: list[int] = []

    def look() -> None:
        with closing(sqlite3.connect(f"file:{stand.file}?mode=ro", uri=True)) as other:
            durable.append(other.execute("SELECT max(sequence) FROM log").fetchone()[0])

    stand.on_event = look
    await registered(stand)
    await eventually(lambda: len(stand.events) == 2)
    assert all(
        event.entry.sequence <= last for event, last in zip(stand.events, durable, strict=True)
    )


async def all_rows(stand: RefStand) -> list[LogEntry]:
    """Return the whole log, page by page."""
    rows: list[LogEntry] = []
    snapshot: RefsSnapshot = await stand.refs.snapshot()
    while not rows or rows[-1].sequence < snapshot.sequence:
        at = rows[-1].sequence if rows else 0
        rows += (await stand.refs.since(snapshot.epoch, at)).entries
    return rows


async def every_operation(stand: RefStand, limit: int, **wanted: Any) -> list[OperationSummary]:
    """Return the operations of all pages."""
    page = await stand.refs.operations(limit, **wanted)
    found = list(page.operations)
    while page.before is not None:
        page = await stand.refs.operations(limit, page.before, **wanted)
        found += page.operations
    return found


async def test_operations_are_listed_whole_latest_first(stand: RefStand) -> None:
    made = await registered(stand)
    both = origin()
    await stand.refs.move(ref_names.branch(FOO, "a"), Absent(), made.id, both)
    between = origin()
    await stand.refs.move(ref_names.tag(FOO, "v1"), Absent(), made.id, between)
    await stand.refs.move(ref_names.branch(FOO, "b"), Absent(), made.id, both)
    for limit in (1, 2, 100):
        found = await every_operation(stand, limit)
        assert [each.operation for each in found[:2]] == [both.operation, between.operation]
        assert [each.rows for each in found] == [2, 1, 1, 1]
        assert [entry.ref.short for entry in found[0].entries] == ["a", "b"]
        assert len({each.operation for each in found}) == len(found)


async def test_operations_are_filtered_by_zone_or_operator(stand: RefStand) -> None:
    await registered(stand)
    shared = origin()
    for zone in (BAR, RFC2317):
        await stand.refs.register(zone, shared)
    (found,) = await every_operation(stand, 100, zone=BAR)
    assert (found.operation, found.rows) == (shared.operation, 1)
    assert [entry.ref.zone for entry in found.entries] == [BAR]
    assert len(await every_operation(stand, 100, zone=FOO, actor=ACTOR)) == 2
    assert await every_operation(stand, 100, actor="nobody") == []


async def test_a_long_operation_is_listed_in_part_with_its_size(stand: RefStand) -> None:
    made = await registered(stand)
    long = origin()
    for number in range(25):
        await stand.refs.move(ref_names.tag(FOO, f"v{number}"), Absent(), made.id, long)
    (found,) = (await stand.refs.operations(1)).operations
    assert (found.operation, found.rows, len(found.entries)) == (long.operation, 25, 20)
    told = await stand.refs.operation(ACTOR, long.operation[:12])
    assert (told.operation, len(told.entries), told.more) == (long.operation, 25, False)
    after = told.entries[19].sequence
    rest = await stand.refs.operation(ACTOR, long.operation, after)
    assert rest.entries == told.entries[20:]


async def test_an_operation_is_shown_with_the_current_state_of_its_refs(stand: RefStand) -> None:
    first = await registered(stand)
    added = (await stand.refs.operations(100)).operations[1]
    told = await stand.refs.operation(ACTOR, None)
    assert (told.entries[0].ref, told.later) == (MAIN, [])
    second = await stored(stand, FOO, 2)
    await stand.refs.move(MAIN, Exactly(first.id), second.id, origin())
    again = await stand.refs.operation(ACTOR, told.operation)
    assert [(entry.ref, entry.new) for entry in again.later] == [(MAIN, second.id)]
    zone = await stand.refs.operation(ACTOR, added.operation)
    assert [(entry.ref, entry.new) for entry in zone.later] == [(MAIN, second.id)]


async def test_a_unique_prefix_of_an_id_names_an_operation(stand: RefStand) -> None:
    with pytest.raises(NotFound, match="no operations by"):
        await stand.refs.operation(ACTOR, None)
    ids = [f"%_*?[{number}" + "a" * 20 for number in (1, 2)]
    for number, operation in enumerate(ids):
        await stand.refs.register(names.parse(f"z{number}."), origin(operation=operation))
    assert (await stand.refs.operation(ACTOR, ids[1][:6])).operation == ids[1]
    with pytest.raises(Invalid) as refused:
        await stand.refs.operation(ACTOR, ids[0][:5])
    assert all(operation in refused.value.message for operation in ids)
    with pytest.raises(NotFound):
        await stand.refs.operation(ACTOR, "%%%%")


async def test_a_head_and_a_remembered_branch_can_be_removed(stand: RefStand) -> None:
    await registered(stand)
    own = ref_names.own_head(ACTOR)
    await point(stand, ref_names.default_head(), MAIN)
    await point(stand, own, MAIN)
    moved = await stand.refs.unpoint(own, origin())
    assert [(entry.ref, entry.new) for entry in moved.entries] == [(own, None)]
    where = await stand.refs.where(ACTOR)
    assert (where.own, where.default is not None) == (None, True)
    assert (await stand.refs.zone(FOO, ACTOR)).remembered == "main"
    await stand.refs.unpoint(ref_names.remembered_branch(ACTOR, FOO), origin())
    assert (await stand.refs.zone(FOO, ACTOR)).remembered is None
    await stand.refs.unpoint(ref_names.default_head(), origin())
    assert (await stand.refs.where(ACTOR)).default is None
    assert (await stand.refs.unpoint(own, origin())).entries == []


async def test_a_branch_can_be_remembered_without_a_move_of_head(stand: RefStand) -> None:
    await registered(stand)
    await point(stand, ref_names.remembered_branch(ACTOR, FOO), MAIN)
    assert (await stand.refs.zone(FOO, ACTOR)).remembered == "main"
    assert (await stand.refs.where(ACTOR)).own is None


async def test_operators_have_heads_of_their_own(stand: RefStand) -> None:
    await registered(stand)
    for head in (ref_names.own_head("bob"), ref_names.remembered_branch("bob", FOO)):
        with pytest.raises(Denied):
            await stand.refs.unpoint(head, origin())
        with pytest.raises(Denied):
            await point(stand, head, MAIN)


async def test_a_repeated_operation_is_answered_and_removes_no_second_head(
    stand: RefStand,
) -> None:
    await registered(stand)
    own, why = ref_names.own_head(ACTOR), origin()
    await point(stand, own, MAIN)
    first = await stand.refs.unpoint(own, why)
    await point(stand, own, ref_names.branch(FOO, "canary"))
    assert await stand.refs.unpoint(own, why) == first
    assert (await stand.refs.where(ACTOR)).own is not None
