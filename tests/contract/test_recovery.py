"""The contract of a recovery in every ref store (``zonegit.store.refs.RefStore.recover``)."""

from typing import Any

import pytest
from tests.contract.conftest import ACTOR, RefStand
from tests.contract.test_ref_store import BAR, FOO, MAIN, origin, registered, stored
from tests.support import commits
from tests.support.commits import Made

from zonegit.errors import Conflict, Invalid, NotFound, Unavailable, Unsafe
from zonegit.objects.ids import ObjectId
from zonegit.store import ref_names
from zonegit.store.recovery import Guard, Renewal
from zonegit.store.ref_log import Moved, PastEpoch
from zonegit.store.refs import Absent, Anything, Exactly, Installation
from zonegit.wire.messages import MAX_REPLACED

TREE = ObjectId(b"\7" * 32)


async def again(stand: RefStand, made: Made, serial: int, address: str = "192.0.2.1") -> Made:
    """Return a child of a commit with the same records, unless ``address`` is another."""
    found = commits.commit(FOO, serial, address, made)
    await stand.objects.put(found.objects)
    return found


async def recovered(
    stand: RefStand, made: Made, new: Made | None, *guards: Guard, **how: Any
) -> Moved:
    renewal = Renewal("main", made.id, new.id if new else None)
    return await stand.refs.recover(FOO, [renewal], guards, origin(**how))


async def test_a_recovery_begins_an_epoch_that_names_its_predecessor(stand: RefStand) -> None:
    made = await registered(stand)
    before = await stand.refs.snapshot()
    moved = await recovered(stand, made, await again(stand, made, 7))
    after = await stand.refs.snapshot()
    assert after.epoch == moved.epoch != before.epoch
    assert after.past == [PastEpoch(before.epoch, before.sequence)]
    assert [entry.serial for entry in moved.entries] == [7]
    tip = after.zones[0].heads["main"]
    assert (tip.serial, tip.highest, tip.sequence) == (7, 7, before.sequence + 1)
    since = await stand.refs.since(before.epoch, before.sequence)
    assert (since.epoch, since.entries) == (after.epoch, [])


async def test_a_branch_that_stays_writes_no_row(stand: RefStand) -> None:
    made = await registered(stand)
    moved = await recovered(stand, made, None)
    assert moved.entries == []
    assert (await stand.refs.snapshot()).past
    await stand.refs.move(MAIN, Exactly(made.id), (await stored(stand, FOO, 2)).id, origin())


async def test_zones_await_their_recovery_one_by_one(stand: RefStand) -> None:
    """No ref of such a zone moves: neither branches, nor tags, nor the zone itself."""
    made, other = await registered(stand), await registered(stand, BAR)
    await recovered(stand, made, None)
    state = await stand.refs.recovery()
    assert (state.awaiting, state.zones, state.witness) == (1, [BAR], None)
    snapshot = await stand.refs.snapshot()
    assert snapshot.recovering
    assert {each.zone: each.awaiting for each in snapshot.zones} == {FOO: False, BAR: True}
    assert (await stand.refs.zone(BAR, ACTOR)).awaiting
    branch, tag = ref_names.branch(BAR, "main"), ref_names.tag(BAR, "v1")
    for attempt in (
        stand.refs.move(branch, Anything(), (await stored(stand, BAR, 2)).id, origin(force=True)),
        stand.refs.move(tag, Absent(), other.id, origin()),
        stand.refs.judge(tag, Absent(), other.id, origin()),
        stand.refs.unregister(BAR, origin(force=True)),
    ):
        with pytest.raises(Unavailable, match="not recovered yet") as caught:
            await attempt
        assert "zonegit recover --finish" in (caught.value.hint or "")
    await stand.refs.recover(BAR, [Renewal("main", other.id)], [], origin())
    assert (await stand.refs.recovery()).awaiting == 0
    assert not (await stand.refs.snapshot()).recovering
    await stand.refs.move(tag, Absent(), other.id, origin())


async def test_a_zone_is_recovered_once_while_others_await_it(stand: RefStand) -> None:
    made, _ = await registered(stand), await registered(stand, BAR)
    await recovered(stand, made, None)
    epoch = (await stand.refs.snapshot()).epoch
    moved = await recovered(stand, made, await again(stand, made, 7))
    assert (moved.epoch, moved.entries) == (epoch, [])


async def test_the_next_recovery_begins_another_epoch(stand: RefStand) -> None:
    made = await registered(stand)
    await recovered(stand, made, None)
    await recovered(stand, made, None)
    assert len((await stand.refs.snapshot()).past) == 2


async def test_a_repeated_recovery_returns_its_first_outcome(stand: RefStand) -> None:
    made = await registered(stand)
    new = await again(stand, made, 7)
    first = await recovered(stand, made, new, operation="o" * 32)
    assert await recovered(stand, made, new, operation="o" * 32) == first
    assert len((await stand.refs.snapshot()).past) == 1


async def test_a_recovery_that_missed_a_branch_or_a_move_changes_nothing(stand: RefStand) -> None:
    made = await registered(stand)
    second = await stored(stand, FOO, 2)
    side = ref_names.branch(FOO, "side")
    await stand.refs.move(side, Absent(), second.id, origin())
    before = await stand.refs.snapshot()
    for renewals in ([Renewal("main", made.id)], [], [Renewal("main", second.id)]):
        with pytest.raises(Conflict):
            await stand.refs.recover(FOO, renewals, [], origin())
    assert await stand.refs.snapshot() == before


async def test_a_recovery_commits_the_same_records_and_no_others(stand: RefStand) -> None:
    """Otherwise it would bypass the permissions and limits of a move."""
    made = await registered(stand)
    before = await stand.refs.snapshot()
    changed = await again(stand, made, 7, "192.0.2.99")
    unrelated = await stored(stand, FOO, 7)
    for wrong in (changed, unrelated):
        with pytest.raises(Invalid, match="another serial"):
            await recovered(stand, made, wrong)
    with pytest.raises(NotFound):
        await recovered(stand, made, commits.commit(FOO, 9, parent=made))
    assert await stand.refs.snapshot() == before


async def test_the_serial_of_a_recovery_is_later_than_all_earlier_ones(stand: RefStand) -> None:
    made = await registered(stand, serial=5)
    with pytest.raises(Unsafe):
        await recovered(stand, made, await again(stand, made, 4))
    guard = Guard("main", 9, TREE)
    with pytest.raises(Unsafe):
        await recovered(stand, made, await again(stand, made, 9), guard)
    await recovered(stand, made, await again(stand, made, 10), guard)


async def test_highest_serials_of_lost_branches_and_zones_are_raised_too(
    stand: RefStand,
) -> None:
    made = await registered(stand, serial=5)
    await recovered(stand, made, None, Guard("main", 9, TREE), Guard("lost", 70, TREE))
    await stand.refs.recover(BAR, [], [Guard("main", 30, TREE)], origin())
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].highest == 9
    early = await stored(stand, FOO, 70)
    with pytest.raises(Unsafe):
        await stand.refs.move(ref_names.branch(FOO, "lost"), Absent(), early.id, origin())
    await stand.refs.register(BAR, origin())
    for serial, is_late in ((30, False), (31, True)):
        new = await stored(stand, BAR, serial)
        move = stand.refs.move(ref_names.branch(BAR, "main"), Absent(), new.id, origin())
        if is_late:
            await move
        else:
            with pytest.raises(Unsafe):
                await move


async def test_a_guard_never_lowers_a_serial_nor_leaves_its_order_undefined(
    stand: RefStand,
) -> None:
    made = await registered(stand, serial=5)
    await recovered(stand, made, None, Guard("main", 3, TREE))
    assert (await stand.refs.zone(FOO, ACTOR)).heads["main"].highest == 5
    with pytest.raises(Invalid, match="neither earlier nor later"):
        await recovered(stand, made, None, Guard("main", 5 + (1 << 31), TREE))


async def test_a_signed_branch_needs_a_later_serial_until_it_has_one(stand: RefStand) -> None:
    made = await registered(stand, serial=5)
    await recovered(stand, made, None, Guard("main", 9, TREE, owed=True))
    owed = (await stand.refs.recovery()).owed
    assert [(each.zone, each.branch, each.serial) for each in owed] == [(FOO, "main", 9)]
    late = await stored(stand, FOO, 9)
    with pytest.raises(Unsafe):
        await stand.refs.move(MAIN, Exactly(made.id), late.id, origin())
    later = await stored(stand, FOO, 10)
    await stand.refs.move(MAIN, Exactly(made.id), later.id, origin())
    assert (await stand.refs.recovery()).owed == []


async def test_serials_of_earlier_epochs_are_not_bases(stand: RefStand) -> None:
    """A secondary may have such a serial from moves that this log has lost."""
    made = await registered(stand, serial=5)
    assert len(await stand.refs.reflog(MAIN, 10, 5)) == 1
    new = await again(stand, made, 7)
    await recovered(stand, made, new)
    assert await stand.refs.reflog(MAIN, 10, 5) == []
    assert [row.new for row in await stand.refs.reflog(MAIN, 10, 7)] == [new.id]
    assert len(await stand.refs.reflog(MAIN, 10)) == 2


async def test_a_store_notes_which_installations_it_replaces(stand: RefStand) -> None:
    before = await stand.refs.snapshot()
    assert before.installation
    noted = await stand.refs.replace("0123456789abcdef", origin())
    assert noted == Installation(before.installation, ["0123456789abcdef"])
    assert await stand.refs.replace("0123456789abcdef", origin()) == noted
    after, state = await stand.refs.snapshot(), await stand.refs.recovery()
    assert after.replaces == state.replaces == ["0123456789abcdef"]
    assert after.installation == state.installation == before.installation
    assert (after.epoch, after.sequence) == (before.epoch, before.sequence)
    with pytest.raises(Invalid, match="the id of this store"):
        await stand.refs.replace(before.installation, origin())


async def test_the_number_of_replaced_installations_is_bounded(stand: RefStand) -> None:
    """Each heartbeat names all of them."""
    for number in range(MAX_REPLACED):
        await stand.refs.replace(f"{number:016x}", origin())
    with pytest.raises(Invalid, match="replaces 32"):
        await stand.refs.replace("f" * 16, origin())


async def test_an_installation_outlives_recoveries(stand: RefStand) -> None:
    made = await registered(stand)
    before = (await stand.refs.snapshot()).installation
    await recovered(stand, made, None)
    after = await stand.refs.snapshot()
    assert after.installation == before
    assert after.past[0].recovered
