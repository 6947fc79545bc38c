"""Construct the resolver from its parts.

The resolver first loads its disk cache, then follows the log. It binds its sockets when everything
in the log is loaded. If the cache has zones, it also binds them when following the log fails, or
after ``BUS_WAIT_S``.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import msgspec
import structlog

from zonegit import http
from zonegit.bus.connection import Bus, connect
from zonegit.bus.remote_objects import RemoteObjects
from zonegit.bus.remote_refs import RemoteRefs
from zonegit.bus.service import answer_requests
from zonegit.config import BusSettings, ClientSettings
from zonegit.containment import isolate, keep_running
from zonegit.errors import Unavailable
from zonegit.http import HttpReply, Page
from zonegit.nameserver.acl import Address, Secondary
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.objects.model import Identity
from zonegit.repo.repo import Repo
from zonegit.wire import subjects
from zonegit.wire.messages import (
    Announcement,
    AskAnswered,
    AskSecondaries,
    AskStatus,
    CallResolvers,
    ReloadConfig,
)
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.cache import ZoneCache, open_cache
from zonegit_resolver.config import tsig_keys
from zonegit_resolver.config.options import ResolverOptions
from zonegit_resolver.config.serving import ServingPlan
from zonegit_resolver.dispatcher import MessageDispatcher
from zonegit_resolver.follow.differences import DifferenceFinder, LogHistory
from zonegit_resolver.follow.follower import Follower
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.follow.pins import Pins
from zonegit_resolver.follow.reclaim import Reclaimer
from zonegit_resolver.follow.reload import ConfigReloader, catch_sighup
from zonegit_resolver.follow.stored_settings import SettingsFollower, verify_settings
from zonegit_resolver.follow.updater import Updater
from zonegit_resolver.listen.sockets import listen, raise_fd_limit
from zonegit_resolver.listen.tcp import Streams
from zonegit_resolver.listen.udp import DropCounters
from zonegit_resolver.report import exposition, readiness
from zonegit_resolver.report.announcer import Announcer, Process, claim_name
from zonegit_resolver.report.metrics import MetricsCollector, Propagation
from zonegit_resolver.report.secondaries import list_secondaries
from zonegit_resolver.report.status import ServedPublisher, describe, list_answered, report_status
from zonegit_resolver.scheduling import Scheduler, tune_gc, tune_switch_interval
from zonegit_resolver.xfr.notify import Notifier
from zonegit_resolver.xfr.outgoing import IXFR, Outgoing
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneState, ZoneStates

NAME: Final = "resolver"
BUS_WAIT_S: Final = 5.0
"""Seconds to wait for the bus before serving the disk cache."""
SEEN_INTERVAL_S: Final = 30.0
"""Seconds between two times that the cache records that it is current."""
STALE_CHECK_INTERVAL_S: Final = 5.0
"""Seconds between two checks for stale zones."""

log = structlog.get_logger()


async def run(
    options: ResolverOptions, bus_settings: BusSettings, settings: ClientSettings
) -> None:
    """Serve until cancelled.

    Raises:
        Unavailable: An address or the cache cannot be used, or the bus closed the connection
            permanently.
        Denied, Invalid: The bus cannot be used.
        Invalid: The folder of the cache holds files that are not part of a cache.
    """
    tune_gc()
    tune_switch_interval()
    raise_fd_limit()
    scheduler = Scheduler()
    async with AsyncExitStack() as stack:
        sighup = stack.enter_context(catch_sighup()) if options.config is not None else None
        folder = settings.data / "resolvers" / options.name
        cache = await stack.enter_async_context(open_cache(folder, scheduler))
        _warn_if_exposed(options.plan)
        resolver = Resolver(options, scheduler, cache)
        await resolver.load_cache()
        group = await stack.enter_async_context(asyncio.TaskGroup())
        group.create_task(resolver.follow(bus_settings))
        group.create_task(resolver.serve())
        group.create_task(keep_running("age", resolver.mark_stale_zones))
        if options.config is not None and sighup is not None:
            reload = partial(resolver.reload, sighup)
            group.create_task(keep_running("config", reload))


class Resolver:
    """The parts of one resolver, and their tasks."""

    def __init__(self, options: ResolverOptions, scheduler: Scheduler, cache: ZoneCache) -> None:
        self._options = options
        self._scheduler = scheduler
        self._cache = cache
        self._reclaimer = Reclaimer(cache, scheduler)
        self._zones = ZoneTable(time.time, options.plan.server_options, is_complete=False)
        stored = dict(verify_settings(cache.notes.list_settings()))
        self._states = ZoneStates(self._zones, options.plan, stored)
        self._states.on_change.append(cache.record_serving)
        self._states.on_apply.append(cache.record_answered)
        self._differences = DifferenceFinder(self._states, cache.journal, cache.lineage, scheduler)
        self._zones.find_deltas = self._differences.find_recent
        self._notifier = Notifier(self._find_secondaries, lambda: self._zones.options.keys)
        self._secondaries = self._notifier.states
        self._zones.record_increment = self._record_increment
        self._outgoing = Outgoing(self._zones, self._differences, self._secondaries.record_transfer)
        operations = [self._outgoing.make_operation()]
        self._dispatcher = MessageDispatcher(self._zones, operations)
        self._states.on_change.append(self._notify)
        self._states.on_remove.append(self._secondaries.forget)
        self._reloader = ConfigReloader(
            options.name, options.plan, options.config, self._adopt_plan
        )
        self._drops = DropCounters()
        self._propagation = Propagation()
        self._process = Process(options.name)
        self._problems = 0
        self._bus: Bus | None = None
        self._follower: Follower | None = None
        self._addresses: list[Address] = []
        self._metrics: Address | None = None
        self._is_complete = asyncio.Event()
        self._has_failed = asyncio.Event()
        self._is_serving = asyncio.Event()

    async def load_cache(self) -> None:
        """Load from disk what was last served."""
        async for each in self._cache.load():
            self._cache.notes.raise_followed(each.position.epoch, each.position.sequence)
            with isolate("cache"):
                if each.branch in self._states.plan.labels(each.zone):
                    state = self._states.set_target(each.zone, each.branch, each.position)
                    self._states.restore(state, each.compiled, each.seen)
                else:
                    self._cache.drop(each.zone, each.branch)
        log.info("last-known.recalled", zones=len(self._zones.by_apex))

    async def reload(self, sighup: asyncio.Event) -> None:
        """Read the configuration file and apply it each time ``sighup`` is set, until cancelled."""
        await self._reloader.run(sighup)

    async def _adopt_plan(self, plan: ServingPlan) -> None:
        self._zones.set_options(plan.server_options)
        _warn_if_exposed(plan)
        changed = self._states.adopt(plan)
        if self._follower is not None:
            self._follower.adopt_plan(changed)
        for zone in changed:
            with isolate("zone", zone=names.text(zone)):
                self._adopt_zone(zone)
            await self._scheduler.checkpoint()
        await self._reclaimer.finish()

    def _adopt_zone(self, zone: Name) -> None:
        self._secondaries.forget_others(zone)
        for state in self._states.publish(zone):
            self._reclaimer.add_state(state)
        if served := self._zones.by_apex.get(zone):  # the secondaries may have changed
            self._notifier.notify(zone, served.default.snapshot)

    async def serve(self) -> None:
        """Wait until zones are loaded, then answer queries until cancelled."""
        options = self._options
        async with AsyncExitStack() as stack:
            if options.metrics is not None:
                serving = http.serve(*options.metrics, self._make_pages())
                port = await stack.enter_async_context(serving)
                self._metrics = options.metrics._replace(port=port)
            await self._wait_until_loaded()
            streams = Streams(self._dispatcher, self._drops)
            self._addresses = await stack.enter_async_context(
                listen(options.listen, self._dispatcher, streams, self._drops)
            )
            self._is_serving.set()
            log.info(
                "service.started",
                name=options.name,
                listen=[str(address) for address in self._addresses],
                zones=len(self._zones.by_apex),
                complete=self._is_complete.is_set(),
            )
            await keep_running("notify", self._notifier.run)

    def _notify(self, state: ZoneState, now: Compiled) -> None:
        self._notifier.notify(state.zone, now.snapshot)

    def _record_increment(
        self, zone: Name, peer: str, key: Name | None, serial: int | None
    ) -> None:
        self._secondaries.record_transfer(zone, peer, key, IXFR, serial)

    def _find_secondaries(self, zone: Name) -> tuple[Secondary, ...]:
        serving = self._states.plan.get(zone)
        return serving.notify if serving is not None else ()

    async def mark_stale_zones(self) -> None:
        """Mark stale zones in the zone table at intervals, until cancelled."""
        while True:
            await readiness.mark_stale(self._states, self._scheduler)
            self._problems = await readiness.count_problems(self._states, self._scheduler)
            await asyncio.sleep(STALE_CHECK_INTERVAL_S)

    async def _wait_until_loaded(self) -> None:
        waits = [asyncio.ensure_future(self._is_complete.wait())]
        has_zones = bool(self._zones.by_apex)
        if has_zones:
            waits.append(asyncio.ensure_future(self._has_failed.wait()))
        try:
            await asyncio.wait(
                waits,
                timeout=BUS_WAIT_S if has_zones else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for wait in waits:
                wait.cancel()

    async def follow(self, bus_settings: BusSettings) -> None:
        """Follow the log and serve its state, until cancelled.

        Raises:
            Unavailable: The bus closed the connection permanently.
            Conflict: Another resolver has the name of this one.
        """
        async with (
            connect(
                bus_settings,
                name=self._options.name,
                actor=NAME,
                patient=True,
                report=self._report_bus_problem,
            ) as bus,
            asyncio.TaskGroup() as group,
        ):
            self._bus = bus
            await claim_name(bus, self._options.name)
            publisher = ServedPublisher(bus, self._options.name)

            def on_applied(state: ZoneState, position: LogPosition) -> None:
                publisher.enqueue(state, position)
                self._propagation.observe_state(state, position)

            store = NodeCache(RemoteObjects(bus, NAME))
            updater = Updater(
                group,
                self._states,
                store,
                self._cache,
                self._reclaimer,
                self._scheduler,
                on_applied,
            )
            refs = RemoteRefs(bus, NAME)
            self._differences.history = LogHistory(refs, store, self._scheduler)
            repo = Repo(RemoteObjects(bus, NAME), refs, NAME, _make_identity, note=_log_note)
            pins = Pins(repo, self._states, updater)
            settings = SettingsFollower(
                refs, store, self._states, updater, self._cache.notes, self._reclaimer, NAME
            )
            follower = self._follower = Follower(
                bus, refs, self._states, updater, pins, self._cache, settings
            )
            group.create_task(keep_running("report", publisher.run))
            announcer = Announcer(bus, self._process, partial(self._describe, follower))
            async with self._answer_requests(bus, follower, announcer):
                group.create_task(keep_running("report", announcer.run))
                group.create_task(self._follow_log(follower, settings, pins, updater))
                await self._is_serving.wait()
                announcer.announce()
                await bus.closed.wait()
            raise Unavailable(f"{bus_settings.shown} closed the connection permanently")

    @asynccontextmanager
    async def _answer_requests(
        self, bus: Bus, follower: Follower, announcer: Announcer
    ) -> AsyncIterator[None]:
        """Answer requests about this resolver, and those to all resolvers, which the earlier
        release sends."""
        name = self._options.name
        status = partial(self._report_status, follower)
        async with AsyncExitStack() as stack:
            for service in (
                answer_requests(bus, subjects.resolver(name, "status"), AskStatus, status),
                answer_requests(
                    bus, subjects.resolver(name, "answered"), AskAnswered, self._list_answered
                ),
                answer_requests(
                    bus, subjects.resolver(name, "reload"), ReloadConfig, self._reloader.reload
                ),
                answer_requests(
                    bus,
                    subjects.resolver(name, "secondaries"),
                    AskSecondaries,
                    self._list_secondaries,
                ),
                answer_requests(bus, subjects.resolvers("status"), AskStatus, status),
                answer_requests(
                    bus, subjects.resolvers("answered"), AskAnswered, self._list_answered
                ),
                answer_requests(
                    bus, subjects.resolvers("announce"), CallResolvers, announcer.answer_call
                ),
            ):
                await stack.enter_async_context(service)
            yield

    def _describe(self, follower: Follower) -> Announcement:
        return describe(
            self._process, self._states, follower, self._cache.notes,
            is_serving=self._is_serving.is_set(), problems=self._problems,
        )  # fmt: skip

    async def _follow_log(
        self, follower: Follower, settings: SettingsFollower, pins: Pins, updater: Updater
    ) -> None:
        """Follow the log, apply settings and resolve pins; record when everything is loaded."""
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_running("log", follower.log.run))
            group.create_task(keep_running("settings", settings.run))
            group.create_task(keep_running("pin", pins.run))
            group.create_task(self._await_failure(follower.log.failed))
            group.create_task(self._await_failure(settings.failed))
            group.create_task(self._await_failure(pins.failed))
            await follower.log.complete.wait()
            await settings.wait_idle()
            await pins.wait_idle()
            await updater.wait_idle()
            self._is_complete.set()
            self._zones.is_complete = True
            group.create_task(keep_running("cache", self._record_confirmed))
            group.create_task(keep_running("cache", self._delete_set_aside))

    async def _await_failure(self, failed: asyncio.Event) -> None:
        await failed.wait()
        self._has_failed.set()

    async def _record_confirmed(self) -> None:
        try:
            while True:
                await asyncio.sleep(SEEN_INTERVAL_S)
                await self._cache.record_confirmed(self._states)
        finally:
            await self._cache.record_confirmed(self._states)

    async def _delete_set_aside(self) -> None:
        await self._cache.delete_set_aside(self._states)

    def _report_bus_problem(self, event: str, **fields: str) -> None:
        log.warning(event, **fields)
        self._has_failed.set()

    def _report_status(self, follower: Follower, asked: AskStatus) -> msgspec.Struct:
        return report_status(
            self._options.name, self._addresses, self._metrics, self._states, follower,
            self._cache.notes, asked, refused_config=self._reloader.refusal,
        )  # fmt: skip

    def _list_answered(self, asked: AskAnswered) -> msgspec.Struct:
        return list_answered(self._options.name, self._cache.notes, asked)

    def _list_secondaries(self, asked: AskSecondaries) -> msgspec.Struct:
        return list_secondaries(self._options.name, self._secondaries, asked)

    def _make_pages(self) -> dict[str, Page]:
        collector = MetricsCollector(
            self._states,
            self._drops,
            self._dispatcher.latency,
            self._propagation,
            find_bus=lambda: self._bus,
            is_serving=self._is_serving.is_set,
            config_is_good=lambda: not self._reloader.refusal,
            outgoing=self._outgoing,
            notifier=self._notifier,
        )

        async def write_metrics() -> HttpReply:
            content = await exposition.write_text(collector.collect(), self._scheduler)
            return HttpReply(200, content.encode(), exposition.CONTENT_TYPE)

        async def report_live() -> HttpReply:
            return HttpReply(200, b"alive\n")

        async def report_ready() -> HttpReply:
            is_serving = self._is_serving.is_set()
            return await readiness.answer_ready(
                self._states, self._scheduler, is_serving=is_serving
            )

        return {"/metrics": write_metrics, "/livez": report_live, "/readyz": report_ready}


def _make_identity() -> Identity:
    """Return the identity for commits; a resolver makes no commits."""
    return Identity(NAME, "", 0)


def _log_note(text: str) -> None:
    log.info("pin.noted", text=text)


def _warn_if_exposed(plan: ServingPlan) -> None:
    if plan.keys_file is not None and tsig_keys.is_exposed(plan.keys_file):
        log.warning("keys.exposed", file=str(plan.keys_file), hint="run chmod o-r on it")
