"""Reload the configuration file on SIGHUP and on request. A file with an error changes nothing."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from zonegit.containment import contain
from zonegit.errors import ZonegitError
from zonegit.wire.messages import MAX_CHANGES, ConfigReload, ReloadConfig
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.serving import ServingPlan, describe_changes

MAX_LINE: Final = 1_000
"""The maximum characters of a line about a change or an error."""

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
    """Reloads the configuration file on SIGHUP and on request.

    Args:
        name: The name of the resolver.
        plan: The plan that is served.
        file: The file; None if the resolver has none.
        adopt: Applies a plan that differs from the current one.

    Attributes:
        refusal: Why the file was refused when it was last read, with its line; empty if it was not.
    """

    def __init__(
        self,
        name: str,
        plan: ServingPlan,
        file: PlanFile | None,
        adopt: Callable[[ServingPlan], Awaitable[None]],
    ) -> None:
        self._name = name
        self._plan = plan
        self._file = file
        self._adopt = adopt
        self._turn = asyncio.Lock()
        self.refusal = ""

    async def run(self, sighup: asyncio.Event) -> None:
        """Reload each time ``sighup`` is set, until cancelled."""
        while True:
            await sighup.wait()
            sighup.clear()
            await self.reload(ReloadConfig())

    async def reload(self, asked: ReloadConfig) -> ConfigReload:
        """Read the file, and apply it unless it has an error or is only to be checked."""
        if self._file is None:
            return ConfigReload(resolver=self._name)
        async with self._turn:
            try:
                with contain("config"):
                    # A thread: parsing a large file would delay queries.
                    plan, changes = await asyncio.to_thread(self._read, self._file)
            except ZonegitError as error:
                return self._refuse(self._file, error, asked)
            done = ConfigReload(
                resolver=self._name,
                file=str(self._file.path),
                changes=[line[:MAX_LINE] for line in changes[:MAX_CHANGES]],
                more=max(0, len(changes) - MAX_CHANGES),
            )
            if not asked.is_check:
                log.info("config.adopted", file=done.file, changes=done.changes, more=done.more)
                if changes:
                    await self._adopt(plan)
                self._plan, self.refusal = plan, ""
            return done

    def _refuse(self, file: PlanFile, error: ZonegitError, asked: ReloadConfig) -> ConfigReload:
        if not asked.is_check:
            self.refusal = error.message[:MAX_LINE]
            log.error("config.refused", error=error.message, hint=error.hint)
        return ConfigReload(
            resolver=self._name,
            file=str(file.path),
            error=error.message[:MAX_LINE],
            hint=error.hint[:MAX_LINE] if error.hint else None,
        )

    def _read(self, file: PlanFile) -> tuple[ServingPlan, list[str]]:
        plan = file.read()
        return plan, describe_changes(self._plan, plan)
