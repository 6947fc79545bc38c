"""Resolve the refish of each pinned zone to the commit that is served.

Each pin is resolved separately, so a pin that cannot be resolved does not delay the others.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import structlog

from zonegit.back_off import BackOff
from zonegit.containment import contain
from zonegit.errors import Denied, Invalid, NotFound, Unavailable, ZonegitError
from zonegit.repo import refish
from zonegit.repo.repo import Repo
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.config.serving import Serving
from zonegit_resolver.follow.updater import Updater
from zonegit_resolver.zone_states import LogPosition, ZoneStates

MIN_RETRY_S: Final = 0.1
MAX_RETRY_S: Final = 5.0

log = structlog.get_logger()


class _LogPoint(NamedTuple):
    """The point in the log at which a pin is resolved."""

    epoch: str
    sequence: int


class Pins:
    """Resolves each pin once, and again if a new plan changes the pin.

    A refish that does not resolve is tried again when the log has a row about the zone. ``failed``
    is set when an attempt failed.
    """

    def __init__(self, repo: Repo, states: ZoneStates, updater: Updater) -> None:
        self._repo = repo
        self._states = states
        self._updater = updater
        self._waiting: dict[Name, _LogPoint] = {}
        self._resolved: dict[Name, Serving] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failed = asyncio.Event()

    def add(self, zone: Name, epoch: str, sequence: int) -> None:
        """Queue the pin of a zone, unless it is resolved already."""
        if self._resolved.get(zone) != self._states.plan.get(zone):
            self._waiting[zone] = _LogPoint(epoch, sequence)
            self._idle.clear()
            self._wake.set()

    def forget(self, zone: Name) -> None:
        """Forget the pin of a zone, so that :meth:`add` resolves it again."""
        self._resolved.pop(zone, None)

    async def wait_idle(self) -> None:
        """Wait until no pin waits to be resolved."""
        await self._idle.wait()

    async def run(self) -> None:
        """Resolve pins until cancelled.

        Raises:
            Denied: The permissions of this resolver on the bus do not allow it.
        """
        back_off = BackOff(MIN_RETRY_S, MAX_RETRY_S)
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._resolve_all():
                back_off.reset()
                continue
            self.failed.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(back_off.pause_s):
                    await self._wake.wait()
            self._wake.set()
            back_off.grow()

    async def _resolve_all(self) -> bool:
        """Try to resolve each pin that waits, and return whether all attempts succeeded.

        Raises:
            Denied: The permissions of this resolver on the bus do not allow it.
        """
        is_good = True
        for zone, since in list(self._waiting.items()):
            try:
                with contain("pin", zone=partial(names.text, zone)):
                    await self._resolve_zone(zone, since)
            except Denied:
                raise
            except ZonegitError as error:
                is_good = False
                log.warning(
                    "pin.not-resolved",
                    zone=names.text(zone),
                    error=error.message,
                    hint=error.hint,
                )
                if isinstance(error, Unavailable):
                    self._waiting[zone] = self._waiting.pop(zone)  # last at the next attempt
                    return False
        if not self._wake.is_set():
            self._idle.set()
        return is_good

    async def _resolve_zone(self, zone: Name, since: _LogPoint) -> None:
        serving = self._states.plan.get(zone)
        if serving is not None and serving.at is not None:
            await self._resolve(zone, serving, serving.at, since)
        if self._waiting.get(zone) is since:
            del self._waiting[zone]

    async def _resolve(self, zone: Name, serving: Serving, at: str, since: _LogPoint) -> None:
        try:
            found = await refish.resolve(self._repo, at, zone=zone, branch=serving.branch)
        except (NotFound, Invalid) as error:
            log.warning("pin.not-there", zone=names.text(zone), at=at, error=error.message)
            return
        if found.zone == zone and self._states.plan.get(zone) == serving:
            self._resolved[zone] = serving
            self._updater.set_target(zone, at, LogPosition(found.commit, *since))
