"""The measured time of a piece of work: its own steps and its threads, without waiting."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.waiting import DEADLINE_S, eventually

from zonegit.fairness import meter
from zonegit.fairness.meter import Meter

STEP_S = 0.02


def work() -> None:
    """Occupy the event loop, or a thread."""
    end = time.perf_counter() + STEP_S
    while time.perf_counter() < end:
        pass


async def test_time_on_the_event_loop_is_counted() -> None:
    async def steps() -> str:
        work()
        await asyncio.sleep(0)
        work()
        return "done"

    found = Meter()
    assert await meter.run(steps(), found) == "done"
    assert found.close() >= 2 * STEP_S


async def test_waiting_is_not_counted() -> None:
    """Meanwhile another task occupies the event loop, for which the waiting one is not charged."""
    release = asyncio.Event()

    async def wait() -> None:
        await release.wait()

    found = Meter()
    waiting = asyncio.create_task(meter.run(wait(), found))
    await asyncio.sleep(0)
    other = Meter()

    async def busy() -> None:
        for _ in range(20):
            work()

    await meter.run(busy(), other)
    release.set()
    await waiting
    assert found.read() < other.read()


async def test_time_of_threads_is_counted() -> None:
    with ThreadPoolExecutor(1) as executor:
        found = Meter()
        await meter.run(meter.run_in_thread(executor, work), found)
    assert found.close() >= STEP_S


async def test_time_of_tasks_is_counted() -> None:
    async def step(number: int) -> int:
        await asyncio.sleep(0)
        work()
        return number

    found = Meter()
    assert await meter.run(meter.gather(map(step, range(3))), found) == [0, 1, 2]
    assert found.close() >= 3 * STEP_S
    assert await meter.gather(map(step, range(3))) == [0, 1, 2], "where nothing is measured"


async def test_time_of_a_failing_thread_is_counted() -> None:
    def fail() -> None:
        work()
        raise ZeroDivisionError

    with ThreadPoolExecutor(1) as executor:
        found = Meter()
        with pytest.raises(ZeroDivisionError):
            await meter.run(meter.run_in_thread(executor, fail), found)
    assert found.close() >= STEP_S


async def test_a_thread_that_continues_after_a_cancellation_is_charged_late() -> None:
    """Otherwise tiny deadlines would make work free."""
    late: list[float] = []
    started, closed = threading.Event(), threading.Event()

    def continue_after_close() -> None:
        started.set()
        assert closed.wait(DEADLINE_S)
        work()

    with ThreadPoolExecutor(1) as executor:
        found = Meter(late.append)
        running = asyncio.create_task(
            meter.run(meter.run_in_thread(executor, continue_after_close), found)
        )
        await eventually(started.is_set)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        found.close()
        closed.set()
        await eventually(lambda: late)
    assert late[0] >= STEP_S


async def test_a_cancellation_reaches_the_work() -> None:
    heard: list[str] = []

    async def wait() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        return "never"

    running = asyncio.create_task(meter.run(wait(), Meter()))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert heard == ["cancelled"]


async def test_unmeasured_work_runs_in_a_thread() -> None:
    with ThreadPoolExecutor(1) as executor:
        assert meter.current() is None
        assert await meter.run_in_thread(executor, lambda: 7) == 7
