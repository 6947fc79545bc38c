"""Waiting in tests: for a condition, with a deadline, never for a time.

A deadline ends only a test that would never end: it must not depend on how fast the machine is, or
on what else it does meanwhile.
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
    """Returns once ``condition`` is true; fails the test when it never is."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"it did not come true within {DEADLINE_S} s"
        await asyncio.sleep(0.01)


async def comes_true(holds: Callable[[], Awaitable[object]]) -> None:
    """As :func:`eventually`, of what has to be asked for."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, f"it did not come true within {DEADLINE_S} s"
        await asyncio.sleep(0.01)


async def succeeds(attempt: Callable[[], Awaitable[T]], *passing: type[Exception]) -> T:
    """The result of ``attempt``, which is made again while it raises one of ``passing``."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return await attempt()
        except passing:
            assert time.monotonic() < deadline, f"it did not succeed within {DEADLINE_S} s"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def held(context: AbstractAsyncContextManager[T]) -> AsyncIterator[T]:
    """Enters and leaves ``context`` in one task of its own, as task groups demand; a fixture is
    set up and torn down in two."""
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
