"""SIGHUP: the file of ``--config`` is read again. What it says is served from then on; while it is
wrong, nothing changes.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from zonegit.containment import contain
from zonegit.errors import ZonegitError
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.serving import ServingPlan, differences

MAX_LOGGED_CHANGES: Final = 50
"""Zones whose change one line of the log tells."""

log = structlog.get_logger()


@contextmanager
def catch_sighup() -> Iterator[asyncio.Event]:
    """An event that each SIGHUP sets."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, told.set)
    try:
        yield told
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


class ConfigReloader:
    """Reads a file again when it is told to, ``plan`` being what it said first. ``is_good`` is
    whether it made sense when it was last read."""

    def __init__(self, plan: ServingPlan) -> None:
        self._plan = plan
        self.is_good = True

    async def run(
        self, file: PlanFile, told: asyncio.Event, adopt: Callable[[ServingPlan], Awaitable[None]]
    ) -> None:
        """Waits for ``told`` until cancelled, and hands on each plan that is another one."""
        while True:
            await told.wait()
            told.clear()
            try:
                with contain("config"):
                    # A big file takes longer than queries may wait.
                    plan, changes = await asyncio.to_thread(self._read, file)
            except ZonegitError as error:
                self.is_good = False
                log.error("config.refused", error=error.message, hint=error.hint)
                continue
            log.info(
                "config.adopted",
                file=str(file.path),
                changes=changes[:MAX_LOGGED_CHANGES],
                more=max(0, len(changes) - MAX_LOGGED_CHANGES),
            )
            if changes:
                await adopt(plan)
            self._plan, self.is_good = plan, True

    def _read(self, file: PlanFile) -> tuple[ServingPlan, list[str]]:
        plan = file.read()
        return plan, differences(self._plan, plan)
