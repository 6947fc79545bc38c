"""The logs of a stack, bounded while it runs.

Each process appends to its log through a descriptor that it was given, so a log is rotated as
``copytruncate`` of logrotate does it: copied, then cut to nothing. Lines that are written in
between are lost.
"""

import asyncio
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

LOOK_S: Final = 2.0
"""Seconds between two looks at the sizes."""


class LogBounds(msgspec.Struct, frozen=True):
    """The size in octets at which a log is rotated, and how many rotated logs are kept."""

    octets: int = 10_000_000
    files: int = 5


async def keep_bounded(logs: Iterable[Path], bounds: LogBounds) -> None:
    """Rotate logs whenever they exceed their bounds, until cancelled."""
    every = list(logs)
    while True:
        for log in every:
            await asyncio.to_thread(rotate, log, bounds)
        await asyncio.sleep(LOOK_S)


def rotate(log: Path, bounds: LogBounds) -> None:
    """Set a log aside as ``.1`` where it is too long, and the earlier ones as ``.2`` and so on.

    Where that fails, as on a full disk, the log is cut: a log must not stop the stack.
    """
    try:
        if log.stat().st_size <= bounds.octets:
            return
    except OSError:  # it does not exist yet
        return
    with suppress(OSError):
        for number in range(bounds.files - 1, 0, -1):
            with suppress(FileNotFoundError):
                _aside(log, number).replace(_aside(log, number + 1))
        if bounds.files:
            shutil.copyfile(log, _aside(log, 1))
    with suppress(OSError):
        os.truncate(log, 0)


def _aside(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
