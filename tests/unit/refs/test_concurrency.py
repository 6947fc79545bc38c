"""What readers ask of the ref store is bounded."""

import asyncio

import pytest

from zonegit.errors import Unavailable
from zonegit_refs.concurrency import ConcurrencyLimit


async def test_so_many_run_so_many_wait_and_one_more_is_refused_at_once() -> None:
    limit = ConcurrencyLimit(running=2, waiting=1)
    full, end = asyncio.Event(), asyncio.Event()
    entered: list[int] = []

    async def work(number: int) -> None:
        async with limit:
            entered.append(number)
            if len(entered) == 2:
                full.set()
            await end.wait()

    tasks = [asyncio.create_task(work(number)) for number in range(3)]
    await full.wait()
    with pytest.raises(Unavailable, match="too many"):
        await work(3)
    assert entered == [0, 1]
    end.set()
    await asyncio.gather(*tasks)
    assert entered == [0, 1, 2]
    await work(4)


async def test_who_gives_up_waiting_leaves_room() -> None:
    limit = ConcurrencyLimit(running=1, waiting=1)
    async with limit:
        waiting = asyncio.create_task(limit.__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        second = asyncio.create_task(limit.__aenter__())
        await asyncio.sleep(0)
        assert not second.done()
    await second
