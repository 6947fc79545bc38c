"""A bug in the load, swap or write of one zone affects this zone alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import capture_logs
from tests.support.bad_zones import good_zone
from tests.support.waiting import eventually

from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store.memory import MemoryObjects
from zonegit.zone import names
from zonegit_resolver.cache.cache import ZoneCache, open_cache
from zonegit_resolver.cache.write import CacheWrite
from zonegit_resolver.config.serving import Serving, ServingPlan
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.follow.reclaim import Reclaimer
from zonegit_resolver.follow.updater import Updater
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneState, ZoneStates

BAD, GOOD = names.parse("bad.test."), names.parse("good.test.")
ZONES = {apex: good_zone(apex) for apex in (BAD, GOOD)}


class FailingObjects(MemoryObjects):
    """A store that violates its contract for these objects."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[ObjectId] = set()

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        if self.failing & {*ids}:
            raise ZeroDivisionError("a bug")
        return await super().get(ids)


@dataclass
class UpdaterHarness:
    states: ZoneStates
    updater: Updater
    objects: FailingObjects
    cache: ZoneCache

    def set_target(self, apex: names.Name) -> ZoneState:
        position = LogPosition(ZONES[apex].commit, "e", 1)
        self.updater.set_target(apex, "main", position)
        (state,) = self.states.list_states(apex)
        return state


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[UpdaterHarness]:
    scheduler, objects = Scheduler(), FailingObjects()
    for each in ZONES.values():
        await objects.put(each.objects)
    async with open_cache(folder, scheduler) as cache, asyncio.TaskGroup() as group:
        states = ZoneStates(ZoneTable(time.time), ServingPlan(Serving("main")))
        updater = Updater(
            group,
            states,
            NodeCache(objects),
            cache,
            Reclaimer(cache, scheduler),
            scheduler,
            lambda state, position: None,
        )
        yield UpdaterHarness(states, updater, objects, cache)


async def test_an_unexpected_exception_marks_the_zone_and_the_load_is_retried(
    tmp_path: Path,
) -> None:
    with capture_logs() as logs:
        async with world(tmp_path) as here:
            here.objects.failing.add(ZONES[BAD].commit)
            bad, good = here.set_target(BAD), here.set_target(GOOD)
            await here.updater.wait_idle()
            assert bad.problem == "unexpected ZeroDivisionError"
            assert bad.current is None
            assert good.problem is None
            assert good.current is not None
            here.objects.failing.clear()
            await eventually(lambda: bad.current)
            assert bad.problem is None
    (event,) = (each for each in logs if each["event"] == "zone.not-loaded")
    assert event["zone"] == "bad.test."
    assert isinstance(event["exc_info"].__cause__, ZeroDivisionError)


async def test_an_exception_of_an_observer_does_not_affect_what_is_served(tmp_path: Path) -> None:
    def observe(state: ZoneState, compiled: Compiled) -> None:
        raise ZeroDivisionError("a bug")

    async with world(tmp_path) as here:
        here.states.on_apply.append(observe)
        here.states.on_change.append(observe)
        state = here.set_target(GOOD)
        await here.updater.wait_idle()
        assert state.problem is None
        assert here.states.zones.by_apex[GOOD].default.commit == ZONES[GOOD].commit


async def test_an_unexpected_exception_of_a_write_affects_no_other_zone(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        state = here.set_target(GOOD)
        await here.updater.wait_idle()
        assert state.current is not None
        senseless = CacheWrite(None, state.current, 0.0, None, None)  # type: ignore[arg-type]  # the bug
        here.cache.record_swap(BAD, "main", senseless)
        await here.cache.writer.idle.wait()
        assert not here.cache.writer.has(BAD, "main")
        assert here.cache.writer.has(GOOD, "main")
