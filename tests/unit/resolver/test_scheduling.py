"""Work in slices: other tasks run in between, and nothing is lost."""

import asyncio
import gc
import weakref

from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit.zone.rrset import rdata_from_text, rrset
from zonegit_resolver.scheduling import Scheduler, free_snapshots

APEX = names.parse("foo.com.")


def zone(count: int) -> ZoneSnapshot:
    address = rdata_from_text(1, "192.0.2.1")
    owners = (names.parse(f"h{n}.sub{n % 7}.foo.com.") for n in range(count))
    return compile_zone(APEX, (rrset(owner, 1, 300, [address]) for owner in owners))


async def test_other_tasks_run_between_slices() -> None:
    scheduler = Scheduler()
    turns = 0
    done = False

    async def work() -> None:
        nonlocal done
        for _ in range(2_000):
            sum(range(2_000))
            await scheduler.checkpoint()
        done = True

    async def other() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.gather(work(), work(), other())
    assert turns > 50


async def test_background_work_waits_for_priority_work() -> None:
    scheduler = Scheduler()
    told: list[str] = []

    async def background() -> None:
        await scheduler.checkpoint_background()
        told.append("background")

    with scheduler.priority(), scheduler.priority():
        waiting = asyncio.create_task(background())
        for _ in range(100):
            await asyncio.sleep(0)
            await scheduler.checkpoint()
        told.append("hurried")
    await waiting
    assert told == ["hurried", "background"]


async def test_the_nodes_of_a_snapshot_are_freed() -> None:
    snapshots = [zone(1_000)]
    children = weakref.ref(snapshots[0].root.children)
    gc.disable()  # only reference counts may free them
    try:
        await free_snapshots(snapshots, Scheduler())
        assert children() is None
    finally:
        gc.enable()
    assert not snapshots


async def test_nodes_that_another_snapshot_shares_are_not_freed() -> None:
    first = zone(100)
    await free_snapshots([first], Scheduler())
    assert len(first.root.children) == 7
