"""A resolver pinned to the past: each zone stays at the commit that a refish stands for."""

import asyncio
from typing import Final

import structlog

from zonegit.errors import Denied, Invalid, NotFound, ZonegitError
from zonegit.repo import refish
from zonegit.repo.workspace import Repo
from zonegit.store.protocols import ZoneRefs
from zonegit.zone import names
from zonegit_resolver.tracks import Position, Tracks
from zonegit_resolver.updater import Updater

RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 5.0

log = structlog.get_logger()


class Pins:
    """Resolves ``at`` in every zone that is followed, for ``branch`` where it says HEAD.
    ``complete`` is set when that is done, ``failed`` when an attempt failed."""

    def __init__(self, repo: Repo, tracks: Tracks, updater: Updater, at: str, branch: str) -> None:
        self._repo = repo
        self._tracks = tracks
        self._updater = updater
        self._at = at
        self._branch = branch
        self.complete = asyncio.Event()
        self.failed = asyncio.Event()

    async def run(self) -> None:
        """Returns when all is resolved; tries for as long as that takes."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                await self._resolve()
                break
            except (Denied, Invalid):
                raise
            except ZonegitError as error:
                log.warning("pin.not-resolved", at=self._at, error=error.message, hint=error.hint)
                self.failed.set()
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, RETRY_MOST_S)
        self.complete.set()

    async def _resolve(self) -> None:
        page = await self._repo.refs.snapshot()
        first = page
        while True:
            for zone in page.zones:
                if self._tracks.follows(zone.zone, self._at):
                    await self._pin(zone, first.epoch, first.sequence)
            if page.after is None:
                return
            page = await self._repo.refs.snapshot(page.after)

    async def _pin(self, zone: ZoneRefs, epoch: str, sequence: int) -> None:
        try:
            found = await refish.resolve(self._repo, self._at, zone=zone.zone, branch=self._branch)
        except (NotFound, Invalid) as error:
            log.warning(
                "pin.not-there", zone=names.text(zone.zone), at=self._at, error=error.message
            )
            return
        if found.zone == zone.zone:
            self._updater.want(zone.zone, self._at, Position(found.commit, epoch, sequence))
