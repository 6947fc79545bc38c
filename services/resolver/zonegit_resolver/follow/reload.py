"""Reload the configuration file on SIGHUP. A file with an error changes nothing."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from zonegit.containment import contain
from zonegit.errors import ZonegitError
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.serving import ServingPlan, describe_changes

MAX_LOGGED_CHANGES: Final = 50
"""The maximum number of changes in one log line."""

log = structlog.get_logger()


@contextmanager
def catch_sighup() -> Iterator[asyncio.Event]:
    """Yield an event that each SIGHUP sets."""
    loop, sighup = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, sighup.set)
    try:
        yield sighup
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


class ConfigReloader:
    """Reloads the configuration file.

    Attributes:
        is_good: Whether the file was valid when it was last read.
    """

    def __init__(self, plan: ServingPlan) -> None:
        self._plan = plan
        self.is_good = True

    async def run(
        self, file: PlanFile, sighup: asyncio.Event, adopt: Callable[[ServingPlan], Awaitable[None]]
    ) -> None:
        """Read the file each time ``sighup`` is set, until cancelled.

        Args:
            file: The file.
            sighup: Set by a signal; cleared here.
            adopt: Applies a plan that differs from the current one.
        """
        while True:
            await sighup.wait()
            sighup.clear()
            try:
                with contain("config"):
                    # A thread: parsing a large file would delay queries.
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
        return plan, describe_changes(self._plan, plan)
