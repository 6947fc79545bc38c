"""Rotate the logs of a stack while it runs.

Each process appends to its log through an inherited descriptor, so a log is rotated like
``copytruncate`` of logrotate: it is copied, then truncated. Lines written in between are lost.
"""

import asyncio
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

CHECK_INTERVAL_S: Final = 2.0
"""Interval at which the sizes are checked."""


class LogBounds(msgspec.Struct, frozen=True):
    """The size in octets at which a log is rotated, and the number of rotated logs to keep."""

    octets: int = 10_000_000
    files: int = 5


async def keep_rotating(logs: Iterable[Path], bounds: LogBounds) -> None:
    """Rotate logs whenever they exceed their bounds, until cancelled."""
    every = list(logs)
    while True:
        for log in every:
            await asyncio.to_thread(rotate, log, bounds)
        await asyncio.sleep(CHECK_INTERVAL_S)


def rotate(log: Path, bounds: LogBounds) -> None:
    """Rename a log that is too long to ``.1``, ``.1`` to ``.2``, and so on.

    If that fails, for example on a full disk, the log is truncated: a log must not stop the stack.
    """
    try:
        if log.stat().st_size <= bounds.octets:
            return
    except OSError:  # it does not exist yet
        return
    with suppress(OSError):
        for number in range(bounds.files - 1, 0, -1):
            with suppress(FileNotFoundError):
                _make_path(log, number).replace(_make_path(log, number + 1))
        if bounds.files:
            shutil.copyfile(log, _make_path(log, 1))
    with suppress(OSError):
        os.truncate(log, 0)


def _make_path(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
