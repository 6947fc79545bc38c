"""Report what a resolver serves: on the bus on request, and after each swap."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from zonegit import release
from zonegit.bus.connection import Bus
from zonegit.containment import contain
from zonegit.errors import ZonegitError
from zonegit.nameserver.acl import Address
from zonegit.objects.ids import ObjectId
from zonegit.wire import subjects
from zonegit.wire.messages import (
    MAX_ANSWERED,
    Announcement,
    AnsweredSerials,
    AskAnswered,
    AskStatus,
    HighestSerial,
    ResolverStatus,
    ServedEvent,
    ServedZone,
    ZoneServing,
)
from zonegit.zone.names import Name
from zonegit_resolver.cache.recovery_notes import RecoveryNotes
from zonegit_resolver.config.serving import ServingPlan
from zonegit_resolver.follow.follower import Follower
from zonegit_resolver.report.announcer import Process
from zonegit_resolver.zone_states import LogPosition, ZoneState, ZoneStates

MAX_ZONES: Final = 1_000
"""Zones in one reply."""
MAX_PAGE_OCTETS: Final = 400 * 1024
"""The approximate maximum size of a page of serials."""
ROW_OCTETS: Final = 90
"""The size of a serial on such a page, without its zone and branch."""
HELD: Final = "the ref store was restored from a backup and lacks this; run zonegit recover"
REFUSED: Final = "refs belongs to another installation and is not followed; run zonegit doctor"

log = structlog.get_logger()


class ServedPublisher:
    """Publishes each swap, in order, while :meth:`run` runs."""

    def __init__(self, bus: Bus, name: str) -> None:
        self._bus = bus
        self._name = name
        self._queue: asyncio.Queue[ServedEvent] = asyncio.Queue()

    def enqueue(self, state: ZoneState, position: LogPosition) -> None:
        """Queue the report that a state has reached a position."""
        current = state.current
        self._queue.put_nowait(
            ServedEvent(
                resolver=self._name,
                zone=state.zone,
                branch=state.branch,
                epoch=position.epoch,
                sequence=position.sequence,
                commit=current.commit if current is not None else None,
                serial=current.snapshot.serial if current is not None else None,
                delay_ms=position.delay_ms(),
            )
        )

    async def run(self) -> None:
        """Publish until cancelled. A report that cannot be published is dropped: a client that
        waits asks."""
        while True:
            event = await self._queue.get()
            try:
                with contain("report"):
                    await self._bus.publish(subjects.served(self._name, event.zone), event)
            except ZonegitError as error:
                log.warning("served.not-told", sequence=event.sequence, error=error.message)


def describe(
    me: Process,
    states: ZoneStates,
    follower: Follower,
    notes: RecoveryNotes,
    *,
    is_serving: bool,
    problems: int,
) -> Announcement:
    """Return what a resolver announces, in a time that does not depend on the number of zones."""
    plan, followed = states.plan, follower.log
    is_pinned = plan.default.at is not None
    return msgspec.structs.replace(
        me.make_announcement(),
        epoch=followed.end.epoch,
        sequence=followed.end.sequence,
        operation=followed.end.operation,
        began=notes.followed.began,
        held=followed.is_held,
        is_serving=is_serving,
        zones=len(states.zones.by_apex),
        problems=problems,
        branches=[] if is_pinned else list(plan.default.labels),
        is_pinned=is_pinned,
        own_settings=len(plan.zones) + len(plan.stored),
        only=len(plan.only),
        installation=followed.end.installation,
        refuses=followed.refused_installation,
    )


def report_status(
    name: str,
    listen: Sequence[Address],
    metrics: Address | None,
    states: ZoneStates,
    follower: Follower,
    notes: RecoveryNotes,
    asked: AskStatus,
    *,
    refused_config: str = "",
) -> ResolverStatus:
    """Return the answer to ``resolvers.status``."""
    now = time.time()
    plan, followed = states.plan, follower.log
    found = list(states) if asked.zone is None else states.list_states(asked.zone)
    held_problem = REFUSED if followed.refused_installation else HELD
    return ResolverStatus(
        resolver=name,
        version=release(),
        listen=[str(address) for address in listen],
        metrics=str(metrics) if metrics is not None else None,
        branches=list(plan.default.labels),
        only=sorted(plan.only),
        at=plan.default.at,
        epoch=followed.end.epoch,
        sequence=followed.end.sequence,
        lag=follower.lag,
        zones=[
            _describe_zone(state, states, notes, now, held_problem) for state in found[:MAX_ZONES]
        ],
        more=len(found) > MAX_ZONES,
        asked=_describe_serving(plan, asked.zone) if asked.zone is not None else None,
        past=list(followed.end.past),
        held=followed.is_held,
        began=notes.followed.began,
        operation=followed.end.operation,
        installation=followed.end.installation,
        refuses=followed.refused_installation,
        refused_config=refused_config,
    )


def list_answered(name: str, notes: RecoveryNotes, asked: AskAnswered) -> AnsweredSerials:
    """Return a page of the highest serials that were ever answered."""
    after = (asked.after[0], asked.after[1]) if asked.after is not None else None
    found = notes.list_answered(asked.zone, after, MAX_ANSWERED + 1)
    serials: list[HighestSerial] = []
    octets = 0
    for (zone, branch), highest in found[:MAX_ANSWERED]:
        octets += ROW_OCTETS + len(zone) + len(branch.encode())
        if serials and octets > MAX_PAGE_OCTETS:
            break
        serials.append(
            HighestSerial(
                zone=zone, branch=branch, serial=highest.serial, tree=ObjectId(highest.tree)
            )
        )
    more = len(serials) < len(found)
    return AnsweredSerials(resolver=name, serials=serials, more=more, began=notes.followed.began)


def _describe_serving(plan: ServingPlan, zone: Name) -> ZoneServing | None:
    serving, stored = plan.get(zone), plan.stored.get(zone)
    if serving is None:
        return None
    split = serving.canary
    return ZoneServing(
        branches=list(serving.labels),
        at=serving.at,
        canary=f"{split.branch}:{split.percent}" if split is not None else None,
        salt=split.salt if split is not None else None,
        source=serving.source,
        settings=stored.doc.id if stored is not None and stored.doc is not None else None,
        problem=plan.find_problem(zone),
    )


def _describe_zone(
    state: ZoneState, states: ZoneStates, notes: RecoveryNotes, now: float, held: str
) -> ServedZone:
    current = state.current
    serving = states.plan.get(state.zone)
    split = serving.canary if serving is not None else None
    is_canary = split is not None and split.branch == state.branch
    return ServedZone(
        zone=state.zone,
        branch=state.branch,
        commit=current.commit if current is not None else None,
        serial=current.snapshot.serial if current is not None else None,
        sequence=state.applied.sequence if state.applied is not None else 0,
        age=states.age(state, now),
        pinned=states.plan.is_pinned(state.zone),
        problem=states.find_problem(state) or (held if state.is_held else None),
        percent=split.percent if split is not None and is_canary else None,
        highest=notes.find_highest((state.zone, state.branch)),
        queries=states.canary_counts.count(state.zone, state.branch),
        source=serving.source if serving is not None and is_canary else None,
    )
