"""Measure the time that asynchronous work occupies its worker: the event loop, and the threads that
run a part of the work. Waiting is not counted.

:func:`run` runs the work with a meter in its context; code that runs a part of it in a thread adds
the time of that (:mod:`zonegit.store.sqlite`).
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import ContextVar
from time import perf_counter
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")


class Meter:
    """Service time in seconds. ``on_late`` is called with time that is added after :meth:`close`,
    for example by a thread that continues after its caller was cancelled."""

    __slots__ = ("_began", "_is_closed", "_on_late", "_seconds")

    def __init__(self, on_late: Callable[[float], None] | None = None) -> None:
        self._seconds = 0.0
        self._began: float | None = None
        self._is_closed = False
        self._on_late = on_late

    def add(self, seconds: float) -> None:
        """Add the time of a thread; called on the event loop."""
        if not self._is_closed:
            self._seconds += seconds
        elif self._on_late is not None:
            self._on_late(seconds)

    def read(self) -> float:
        """Return the seconds so far."""
        running = perf_counter() - self._began if self._began is not None else 0.0
        return self._seconds + running

    def close(self) -> float:
        """Return the total seconds; time that is added later is late."""
        total = self.read()
        self._is_closed = True
        return total

    def resume(self) -> None:
        """Record that the work runs on the event loop."""
        self._began = perf_counter()

    def pause(self) -> None:
        """Record that the work waits."""
        if self._began is not None:
            self._seconds += perf_counter() - self._began
            self._began = None


_CURRENT: Final[ContextVar[Meter | None]] = ContextVar("meter", default=None)


def current() -> Meter | None:
    """Return the meter of the running work; None if it is not measured."""
    return _CURRENT.get()


async def run(work: Coroutine[Any, Any, T], meter: Meter) -> T:
    """Run ``work`` and measure it."""
    token = _CURRENT.set(meter)
    try:
        return await _run_measured(work, meter)
    finally:
        _CURRENT.reset(token)


async def gather(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run several pieces of work concurrently, each in a task, and add their time to the running
    work.

    Returns:
        Their results, in order.
    """
    meter = current()
    if meter is None:
        return await asyncio.gather(*works)
    return await asyncio.gather(*(_run_for(meter, work) for work in works))


async def _run_for(meter: Meter, work: Coroutine[Any, Any, T]) -> T:
    own = Meter(meter.add)
    try:
        return await run(work, own)
    finally:
        meter.add(own.close())


@types.coroutine
def _run_measured(work: Coroutine[Any, Any, T], meter: Meter) -> Generator[Any, Any, T]:
    """Run a coroutine as ``yield from`` does, and measure the time between its yields."""
    thrown: BaseException | None = None
    while True:
        meter.resume()
        try:
            awaited = work.send(None) if thrown is None else work.throw(thrown)
        except StopIteration as done:
            value: T = done.value
            return value
        finally:
            meter.pause()
        thrown = None
        try:
            yield awaited
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # a cancellation, for the work to handle
            thrown = error


async def run_in_thread(executor: Executor, work: Callable[[], T]) -> T:
    """Run ``work`` in a thread of ``executor``, and add its time to the running work.

    If the caller is cancelled, the time of the thread is still charged.
    """
    loop = asyncio.get_running_loop()
    meter = current()
    if meter is None:
        return await loop.run_in_executor(executor, work)
    timed = _TimedCall(work)
    future = executor.submit(timed)
    try:
        value = await asyncio.wrap_future(future, loop=loop)
    except asyncio.CancelledError:

        def count(done: object) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(meter.add, timed.seconds)

        future.add_done_callback(count)
        raise
    except BaseException:
        meter.add(timed.seconds)
        raise
    meter.add(timed.seconds)
    return value


class _TimedCall(Generic[T]):
    """A call that records its duration."""

    __slots__ = ("_work", "seconds")

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self.seconds = 0.0

    def __call__(self) -> T:
        began = perf_counter()
        try:
            return self._work()
        finally:
            self.seconds = perf_counter() - began
