"""Wait in tests for a condition with a deadline, never for a fixed time.

A deadline only ends a test that would never end: it must not depend on the speed or the load of the
machine.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 300.0
"""For a condition that must become true, and for whatever a test asks for and must get."""
PATIENCE_S = 60.0
"""For a request that is answered at once by a machine that has nothing else to do. A request that
is lost, because a service was killed, is given up after this."""


async def eventually(condition: Callable[[], object]) -> None:
    """Wait until ``condition`` is true; fail the test after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {DEADLINE_S} s"
        await asyncio.sleep(0.01)


async def eventually_true(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until an asynchronous condition is true; fail the test after the deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, f"it did not come true within {DEADLINE_S} s"
        await asyncio.sleep(0.01)


async def retry(attempt: Callable[[], Awaitable[T]], *passing: type[Exception]) -> T:
    """Call ``attempt`` until it raises none of ``passing``, and return its result."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return await attempt()
        except passing:
            assert time.monotonic() < deadline, f"it did not succeed within {DEADLINE_S} s"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def open_in_task(context: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave ``context`` in one task, as task groups require; pytest uses two for a
    fixture."""
    entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    leave = asyncio.Event()

    async def hold() -> None:
        try:
            async with context as value:
                entered.set_result(value)
                await leave.wait()
        except Exception as error:
            if entered.done():
                raise
            entered.set_exception(error)

    holding = asyncio.create_task(hold())
    try:
        yield await entered
    finally:
        leave.set()
        await holding
