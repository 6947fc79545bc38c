"""The contract of a recovery in every ref store (``zonegit.store.refs.RefStore.recover``)."""

from typing import Any

import pytest
from tests.contract.conftest import ACTOR, RefStoreHarness
from tests.contract.test_ref_store import BAR, FOO, MAIN, origin, register_zone, store_commit
from tests.support import commits
from tests.support.commits import StoredCommit

from zonegit.errors import Conflict, Invalid, NotFound, Unavailable, Unsafe
from zonegit.objects.ids import ObjectId
from zonegit.store import ref_names
from zonegit.store.recovery import Guard, Renewal
from zonegit.store.ref_log import Moved, PastEpoch
from zonegit.store.refs import Absent, Anything, Exactly, Installation
from zonegit.wire.messages import MAX_REPLACED

TREE = ObjectId(b"\7" * 32)


async def commit_again(
    harness: RefStoreHarness, made: StoredCommit, serial: int, address: str = "192.0.2.1"
) -> StoredCommit:
    """Return a child of a commit with the same records, unless ``address`` is another."""
    found = commits.commit(FOO, serial, address, made)
    await harness.objects.put(found.objects)
    return found


async def recover(
    harness: RefStoreHarness,
    made: StoredCommit,
    new: StoredCommit | None,
    *guards: Guard,
    **how: Any,
) -> Moved:
    renewal = Renewal("main", made.id, new.id if new else None)
    return await harness.refs.recover(FOO, [renewal], guards, origin(**how))


async def test_a_recovery_begins_an_epoch_that_names_its_predecessor(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness)
    before = await harness.refs.snapshot()
    moved = await recover(harness, made, await commit_again(harness, made, 7))
    after = await harness.refs.snapshot()
    assert after.epoch == moved.epoch != before.epoch
    assert after.past == [PastEpoch(before.epoch, before.sequence)]
    assert [entry.serial for entry in moved.entries] == [7]
    tip = after.zones[0].heads["main"]
    assert (tip.serial, tip.highest, tip.sequence) == (7, 7, before.sequence + 1)
    since = await harness.refs.since(before.epoch, before.sequence)
    assert (since.epoch, since.entries) == (after.epoch, [])


async def test_a_branch_that_stays_writes_no_row(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    moved = await recover(harness, made, None)
    assert moved.entries == []
    assert (await harness.refs.snapshot()).past
    await harness.refs.move(
        MAIN, Exactly(made.id), (await store_commit(harness, FOO, 2)).id, origin()
    )


async def test_zones_await_their_recovery_one_by_one(harness: RefStoreHarness) -> None:
    """No ref of such a zone moves: neither branches, nor tags, nor the zone itself."""
    made, other = await register_zone(harness), await register_zone(harness, BAR)
    await recover(harness, made, None)
    state = await harness.refs.recovery()
    assert (state.awaiting, state.zones, state.witness) == (1, [BAR], None)
    snapshot = await harness.refs.snapshot()
    assert snapshot.recovering
    assert {each.zone: each.awaiting for each in snapshot.zones} == {FOO: False, BAR: True}
    assert (await harness.refs.zone(BAR, ACTOR)).awaiting
    branch, tag = ref_names.branch(BAR, "main"), ref_names.tag(BAR, "v1")
    for attempt in (
        harness.refs.move(
            branch, Anything(), (await store_commit(harness, BAR, 2)).id, origin(force=True)
        ),
        harness.refs.move(tag, Absent(), other.id, origin()),
        harness.refs.judge(tag, Absent(), other.id, origin()),
        harness.refs.unregister(BAR, origin(force=True)),
    ):
        with pytest.raises(Unavailable, match="not recovered yet") as caught:
            await attempt
        assert "zonegit recover --finish" in (caught.value.hint or "")
    await harness.refs.recover(BAR, [Renewal("main", other.id)], [], origin())
    assert (await harness.refs.recovery()).awaiting == 0
    assert not (await harness.refs.snapshot()).recovering
    await harness.refs.move(tag, Absent(), other.id, origin())


async def test_a_zone_is_recovered_once_while_others_await_it(harness: RefStoreHarness) -> None:
    made, _ = await register_zone(harness), await register_zone(harness, BAR)
    await recover(harness, made, None)
    epoch = (await harness.refs.snapshot()).epoch
    moved = await recover(harness, made, await commit_again(harness, made, 7))
    assert (moved.epoch, moved.entries) == (epoch, [])


async def test_the_next_recovery_begins_another_epoch(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    await recover(harness, made, None)
    await recover(harness, made, None)
    assert len((await harness.refs.snapshot()).past) == 2


async def test_a_repeated_recovery_returns_its_first_outcome(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    new = await commit_again(harness, made, 7)
    first = await recover(harness, made, new, operation="o" * 32)
    assert await recover(harness, made, new, operation="o" * 32) == first
    assert len((await harness.refs.snapshot()).past) == 1


async def test_a_recovery_that_missed_a_branch_or_a_move_changes_nothing(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness)
    second = await store_commit(harness, FOO, 2)
    side = ref_names.branch(FOO, "side")
    await harness.refs.move(side, Absent(), second.id, origin())
    before = await harness.refs.snapshot()
    for renewals in ([Renewal("main", made.id)], [], [Renewal("main", second.id)]):
        with pytest.raises(Conflict):
            await harness.refs.recover(FOO, renewals, [], origin())
    assert await harness.refs.snapshot() == before


async def test_a_recovery_commits_the_same_records_and_no_others(harness: RefStoreHarness) -> None:
    """Otherwise it would bypass the permissions and limits of a move."""
    made = await register_zone(harness)
    before = await harness.refs.snapshot()
    changed = await commit_again(harness, made, 7, "192.0.2.99")
    unrelated = await store_commit(harness, FOO, 7)
    for wrong in (changed, unrelated):
        with pytest.raises(Invalid, match="another serial"):
            await recover(harness, made, wrong)
    with pytest.raises(NotFound):
        await recover(harness, made, commits.commit(FOO, 9, parent=made))
    assert await harness.refs.snapshot() == before


async def test_the_serial_of_a_recovery_is_later_than_all_earlier_ones(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness, serial=5)
    with pytest.raises(Unsafe):
        await recover(harness, made, await commit_again(harness, made, 4))
    guard = Guard("main", 9, TREE)
    with pytest.raises(Unsafe):
        await recover(harness, made, await commit_again(harness, made, 9), guard)
    await recover(harness, made, await commit_again(harness, made, 10), guard)


async def test_highest_serials_of_lost_branches_and_zones_are_raised_too(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness, serial=5)
    await recover(harness, made, None, Guard("main", 9, TREE), Guard("lost", 70, TREE))
    await harness.refs.recover(BAR, [], [Guard("main", 30, TREE)], origin())
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].highest == 9
    early = await store_commit(harness, FOO, 70)
    with pytest.raises(Unsafe):
        await harness.refs.move(ref_names.branch(FOO, "lost"), Absent(), early.id, origin())
    await harness.refs.register(BAR, origin())
    for serial, is_late in ((30, False), (31, True)):
        new = await store_commit(harness, BAR, serial)
        move = harness.refs.move(ref_names.branch(BAR, "main"), Absent(), new.id, origin())
        if is_late:
            await move
        else:
            with pytest.raises(Unsafe):
                await move


async def test_a_guard_never_lowers_a_serial_nor_leaves_its_order_undefined(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness, serial=5)
    await recover(harness, made, None, Guard("main", 3, TREE))
    assert (await harness.refs.zone(FOO, ACTOR)).heads["main"].highest == 5
    with pytest.raises(Invalid, match="neither earlier nor later"):
        await recover(harness, made, None, Guard("main", 5 + (1 << 31), TREE))


async def test_a_signed_branch_needs_a_later_serial_until_it_has_one(
    harness: RefStoreHarness,
) -> None:
    made = await register_zone(harness, serial=5)
    await recover(harness, made, None, Guard("main", 9, TREE, owed=True))
    owed = (await harness.refs.recovery()).owed
    assert [(each.zone, each.branch, each.serial) for each in owed] == [(FOO, "main", 9)]
    late = await store_commit(harness, FOO, 9)
    with pytest.raises(Unsafe):
        await harness.refs.move(MAIN, Exactly(made.id), late.id, origin())
    later = await store_commit(harness, FOO, 10)
    await harness.refs.move(MAIN, Exactly(made.id), later.id, origin())
    assert (await harness.refs.recovery()).owed == []


async def test_serials_of_earlier_epochs_are_not_bases(harness: RefStoreHarness) -> None:
    """A secondary may have such a serial from moves that this log has lost."""
    made = await register_zone(harness, serial=5)
    assert len(await harness.refs.reflog(MAIN, 10, 5)) == 1
    new = await commit_again(harness, made, 7)
    await recover(harness, made, new)
    assert await harness.refs.reflog(MAIN, 10, 5) == []
    assert [row.new for row in await harness.refs.reflog(MAIN, 10, 7)] == [new.id]
    assert len(await harness.refs.reflog(MAIN, 10)) == 2


async def test_a_store_notes_which_installations_it_replaces(harness: RefStoreHarness) -> None:
    before = await harness.refs.snapshot()
    assert before.installation
    noted = await harness.refs.replace("0123456789abcdef", origin())
    assert noted == Installation(before.installation, ["0123456789abcdef"])
    assert await harness.refs.replace("0123456789abcdef", origin()) == noted
    after, state = await harness.refs.snapshot(), await harness.refs.recovery()
    assert after.replaces == state.replaces == ["0123456789abcdef"]
    assert after.installation == state.installation == before.installation
    assert (after.epoch, after.sequence) == (before.epoch, before.sequence)
    with pytest.raises(Invalid, match="the id of this store"):
        await harness.refs.replace(before.installation, origin())


async def test_the_number_of_replaced_installations_is_bounded(harness: RefStoreHarness) -> None:
    """Each heartbeat names all of them."""
    for number in range(MAX_REPLACED):
        await harness.refs.replace(f"{number:016x}", origin())
    with pytest.raises(Invalid, match="replaces 32"):
        await harness.refs.replace("f" * 16, origin())


async def test_an_installation_outlives_recoveries(harness: RefStoreHarness) -> None:
    made = await register_zone(harness)
    before = (await harness.refs.snapshot()).installation
    await recover(harness, made, None)
    after = await harness.refs.snapshot()
    assert after.installation == before
    assert after.past[0].recovered
