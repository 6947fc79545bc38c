"""Follow the serving settings of zones in the store: read their docs, and serve zones by them.

Theory of operation. The log says which doc a zone has (``set_target``). ``run`` reads and parses
it, and gives it to the zone states, which lay it over the options and the configuration file. A
canary can name a branch that was not followed so far, so the tip of that branch is read from the
ref store. A row about the zone that arrives during this read may be later than its result; then
the refs are read again.

A doc that does not parse changes nothing: the earlier settings stay in service, and the zone has a
problem until a later doc parses. A doc that cannot be read is tried again.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import structlog

from zonegit.back_off import BackOff
from zonegit.containment import contain
from zonegit.errors import Corrupt, Invalid, NotFound, Unavailable, ZonegitError
from zonegit.objects.codec import decode
from zonegit.objects.ids import ObjectId, RawObject, verify
from zonegit.store import serving_settings
from zonegit.store.refs import RefStore
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.recovery_notes import RecoveryNotes
from zonegit_resolver.config.serving import FollowedSettings
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.follow.reclaim import Reclaimer
from zonegit_resolver.follow.updater import Updater
from zonegit_resolver.zone_states import LogPosition, ZoneStates

MIN_RETRY_S: Final = 0.1
MAX_RETRY_S: Final = 5.0
MAX_READS: Final = 20
"""Reads of the refs of a zone that moves during each of them."""

log = structlog.get_logger()


class _Target(NamedTuple):
    """The doc that a zone has at a position in the log.

    Attributes:
        doc: Its id; None if the zone has no settings.
        epoch: The epoch of the log.
        sequence: The position.
        known: Objects that came with the event.
    """

    doc: ObjectId | None
    epoch: str
    sequence: int
    known: Sequence[RawObject] = ()


class SettingsFollower:
    """Applies the serving settings of zones. ``failed`` is set when an attempt failed.

    Args:
        actor: The actor of requests for the refs of a zone.
    """

    def __init__(
        self,
        refs: RefStore,
        store: NodeCache,
        states: ZoneStates,
        updater: Updater,
        notes: RecoveryNotes,
        reclaimer: Reclaimer,
        actor: str,
    ) -> None:
        self._refs = refs
        self._store = store
        self._states = states
        self._updater = updater
        self._notes = notes
        self._reclaimer = reclaimer
        self._actor = actor
        self._targets: dict[Name, _Target] = {}
        self._waiting: dict[Name, _Target] = {}
        self._reading: Name | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failed = asyncio.Event()

    def set_target(
        self,
        zone: Name,
        doc: ObjectId | None,
        epoch: str,
        sequence: int,
        known: Sequence[RawObject] = (),
    ) -> None:
        """Set the doc that a zone has at a position in the log; None if it has none."""
        before = self._targets.get(zone)
        if before is not None and before.epoch == epoch and before.sequence > sequence:
            return  # a page of all refs has shown a later row already
        target = _Target(doc, epoch, sequence, known)
        if doc is not None:
            self._targets[zone] = target._replace(known=())
        else:
            self._targets.pop(zone, None)
        stored = self._states.plan.stored.get(zone)
        applied = stored.doc.id if stored is not None and stored.doc is not None else None
        if zone in self._waiting or doc != applied or (stored is not None and stored.problem):
            self._waiting[zone] = target
            self._idle.clear()
            self._wake.set()

    def note_row(self, zone: Name) -> None:
        """Record that the log has a row about a zone, or that all refs of it were read."""
        if zone == self._reading:
            self._reading = None

    def forget_others(self, zones: Collection[Name], epoch: str, sequence: int) -> None:
        """Remove the settings of all zones but ``zones``."""
        for zone in [each for each in self._states.plan.stored if each not in zones]:
            self.set_target(zone, None, epoch, sequence)

    async def wait_idle(self) -> None:
        """Wait until each doc was tried."""
        await self._idle.wait()

    async def run(self) -> None:
        """Apply settings until cancelled."""
        back_off = BackOff(MIN_RETRY_S, MAX_RETRY_S)
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._apply_all():
                back_off.reset()
                continue
            self.failed.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(back_off.pause_s):
                    await self._wake.wait()
            self._wake.set()
            back_off.grow()

    async def _apply_all(self) -> bool:
        """Try to apply all settings that wait, and return whether all attempts succeeded."""
        is_good = True
        for zone, target in list(self._waiting.items()):
            try:
                with contain("settings", zone=partial(names.text, zone)):
                    await self._apply(zone, target)
            except ZonegitError as error:
                is_good = False
                self._record_problem(zone, error)
                if isinstance(error, Unavailable):
                    self._waiting[zone] = self._waiting.pop(zone)  # last at the next attempt
                    return False
                continue
            if self._waiting.get(zone) is target:
                del self._waiting[zone]
        if not self._wake.is_set():
            self._idle.set()
        return is_good

    async def _apply(self, zone: Name, target: _Target) -> None:
        """Apply one doc, unless it does not parse.

        Raises:
            NotFound, Corrupt, Unavailable: It cannot be read.
        """
        stored = None
        if target.doc is not None:
            raw = await self._read(target.doc, target.known)
            try:
                stored = FollowedSettings(raw, serving_settings.parse(decode(raw)))
            except Invalid as error:
                self._record_problem(zone, error)
                return
        if self._waiting.get(zone) is not target:
            return
        if self._states.set_stored(zone, stored):
            log.info(
                "settings.applied",
                zone=names.text(zone),
                canary=str(stored.settings.canary) if stored and stored.settings.canary else None,
            )
            for each in self._states.publish(zone):
                self._reclaimer.add_state(each)
            await self._reclaimer.finish()
        self._notes.record_settings(zone, stored.doc if stored is not None else None)
        await self._follow_branches(zone, target.epoch)

    async def _read(self, doc: ObjectId, known: Sequence[RawObject]) -> RawObject:
        for each in known:
            if each.id == doc:
                with suppress(Corrupt):
                    return verify(each)
        return (await self._store.get([doc]))[doc]

    async def _follow_branches(self, zone: Name, epoch: str) -> None:
        """Set the targets of the branches of a zone that are served and were not followed."""
        for _ in range(MAX_READS):
            new = [
                each for each in self._states.plan.labels(zone) if not self._states.has(zone, each)
            ]
            if not new or self._states.plan.is_pinned(zone):
                return
            self._reading = zone
            try:
                refs = await self._refs.zone(zone, self._actor)
            except NotFound:
                return  # the log has a row that says so
            if self._reading != zone:
                continue
            for branch in new:
                if tip := refs.heads.get(branch):
                    position = LogPosition(tip.target, epoch, tip.sequence)
                    self._updater.set_target(zone, branch, position)
            return
        raise Unavailable(f"{names.text(zone)} moves too often to read its branches")

    def _record_problem(self, zone: Name, error: ZonegitError) -> None:
        stored = self._states.plan.stored.get(zone) or FollowedSettings()
        if stored.problem != error.message:
            log.error(
                "settings.not-applied", zone=names.text(zone), error=error.message, hint=error.hint
            )
        self._states.set_stored(zone, replace(stored, problem=error.message))


def verify_settings(docs: Mapping[Name, RawObject]) -> Iterator[tuple[Name, FollowedSettings]]:
    """Yield the settings among the docs of a cache that verify and parse."""
    for zone, raw in docs.items():
        try:
            with contain("cache", zone=partial(names.text, zone)):
                yield zone, FollowedSettings(raw, serving_settings.parse(decode(verify(raw))))
        except ZonegitError as error:
            log.error("last-known.dropped", zone=names.text(zone), error=error.message)
