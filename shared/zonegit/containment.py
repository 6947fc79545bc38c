"""Contain unexpected exceptions: an exception ends the work that raised it, not the process.

Theory of operation. zonegit raises a :class:`ZonegitError` on purpose, and code that can handle one
catches it. Any other exception is a bug, often one that hostile input has triggered. asyncio
cancels a whole ``TaskGroup`` for it, so one object of one zone, one connection or one message would
end the process, for all zones of all tenants.

Three helpers prevent that. They differ in what follows the exception:

- :func:`contain` surrounds a unit of work that is one of many (a zone, a request, a file) and whose
  failures are handled already. An unexpected exception becomes :class:`Internal` and is handled in
  the same way: the zone keeps its problem and is retried, the request is answered.
- :func:`isolate` surrounds a step whose failure does not affect what follows it (an observer, a
  callback, a message that is dropped). The exception ends there.
- :func:`keep_running` runs a task that has to live as long as the process: it restarts the task
  after growing pauses. A :class:`ZonegitError` ends it, and the process reports that.

Exceptions outside of these, in callbacks of the event loop, arrive at :func:`handle_loop_error`.

Each unexpected exception is counted by area (the metric ``zonegit_unexpected_errors``) and logged
with its traceback: the 1st, 2nd, 4th, 8th and so on of a kind, so that a client that can trigger
one cannot fill the disk. Cancellation is not an ``Exception`` and passes through all of them.
"""

import asyncio
import logging
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final

from zonegit.back_off import BackOff
from zonegit.errors import Internal, ZonegitError

RETRY_FIRST_S: Final = 0.1
RETRY_MAX_S: Final = 30.0
STEADY_S: Final = 60.0
"""A task that ran this long is restarted after the first pause."""
MAX_KINDS: Final = 1_024
"""Kinds of exceptions that are counted, to log ever fewer of each."""

ErrorKind = tuple[str, type[BaseException], tuple[str, int] | None]

counts: Final[Counter[str]] = Counter()
"""The number of unexpected exceptions in this process, by area."""

_seen: Final[OrderedDict[ErrorKind, int]] = OrderedDict()


class contain:  # as the context managers of contextlib are named
    """Turn an unexpected exception into :class:`Internal`; log it with ``fields``.

    Args:
        area: The kind of work, such as ``zone``; metrics show it, so there are few.
        fields: The fields to log; a callable is called only when they are logged.

    Raises:
        Internal: An unexpected exception was raised.
        ZonegitError: It was raised within, also as the only kind in a group of exceptions.
    """

    __slots__ = ("_area", "_fields")

    def __init__(self, area: str, **fields: Any) -> None:
        self._area = area
        self._fields = fields

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, ZonegitError):
            return
        first = find_first(error)
        if isinstance(first, ZonegitError):
            raise first from error
        note(self._area, first, **self._fields)
        raise Internal(
            f"unexpected {type(first).__name__}",
            hint=f"the log has its traceback: event unexpected.error, area {self._area}",
        ) from error


class isolate:
    """Log any exception, and continue after the ``with`` statement. The parameters are those of
    :class:`contain`."""

    __slots__ = ("_area", "_fields")

    def __init__(self, area: str, **fields: Any) -> None:
        self._area = area
        self._fields = fields

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        first = find_first(error)
        if isinstance(first, ZonegitError):
            fields = {**self._fields, "code": first.code, "error": first.message}
            _log("warning", "step.failed", area=self._area, **fields)
        else:
            note(self._area, first, **self._fields)
        return True


async def keep_running(
    area: str,
    run: Callable[[], Awaitable[None]],
    *,
    retry_first_s: float = RETRY_FIRST_S,
    retry_max_s: float = RETRY_MAX_S,
) -> None:
    """Await ``run``, and restart it each time that it fails unexpectedly, until it returns.

    Raises:
        ZonegitError: ``run`` raised it.
    """
    back_off = BackOff(retry_first_s, retry_max_s)
    while True:
        started = time.monotonic()
        try:
            with contain(area):
                return await run()
        except Internal:
            if time.monotonic() - started > STEADY_S:
                back_off.reset()
        await asyncio.sleep(back_off.pause_s)
        back_off.grow()


def note(area: str, error: BaseException, **fields: Any) -> None:
    """Count an unexpected exception, and log it if it is the 1st, 2nd, 4th, 8th and so on of its
    kind.

    A kind is an area, a class and the line that raised. ``fields`` are not part of it, since a
    client may control them.
    """
    counts[area] += 1
    kind = (area, type(error), _raised_at(error))
    times = _seen[kind] = _seen.pop(kind, 0) + 1
    if len(_seen) > MAX_KINDS:
        _seen.popitem(last=False)
    if times & (times - 1) == 0:
        _log("error", "unexpected.error", area=area, **fields, times=times, exc_info=error)


def find_first(error: BaseException) -> BaseException:
    """Return the exception that matters in nested groups: an unexpected one, if there is one."""
    found: list[BaseException] = []
    pending = [error]
    while pending:
        each = pending.pop()
        if isinstance(each, BaseExceptionGroup):
            pending.extend(each.exceptions)
        else:
            found.append(each)
    return min(found, key=lambda each: isinstance(each, ZonegitError))


def handle_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Record the exception of a callback of the event loop (``loop.set_exception_handler``)."""
    error = context.get("exception")
    if isinstance(error, BaseException):
        note("callback", error, message=context.get("message"))
    else:
        _log("error", "unexpected.error", area="callback", message=context.get("message"))


def _log(level: str, event: str, *, exc_info: BaseException | None = None, **fields: Any) -> None:
    """Write to the log of a service, or to stderr in a command, which does not import structlog."""
    fields = {name: value() if callable(value) else value for name, value in fields.items()}
    if "structlog" in sys.modules:
        import structlog

        more = {"exc_info": exc_info} if exc_info is not None else {}
        getattr(structlog.get_logger(), level)(event, **fields, **more)
    else:
        shown = " ".join(f"{name}={value!r}" for name, value in fields.items())
        number = logging.getLevelNamesMapping()[level.upper()]
        logging.getLogger(__name__).log(number, "%s %s", event, shown, exc_info=exc_info)


def _raised_at(error: BaseException) -> tuple[str, int] | None:
    """Return the file and line of the innermost frame."""
    at = error.__traceback__
    if at is None:
        return None
    while at.tb_next is not None:
        at = at.tb_next
    return at.tb_frame.f_code.co_filename, at.tb_lineno
