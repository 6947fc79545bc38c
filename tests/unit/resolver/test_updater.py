"""A bug that one zone meets while it is loaded, swapped or written is that zone's alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import capture_logs
from tests.support.badzones import good_zone
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
    """A store that fails in a way that no contract allows, for these objects."""

    def __init__(self) -> None:
        super().__init__()
        self.failing: set[ObjectId] = set()

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        if self.failing & {*ids}:
            raise ZeroDivisionError("a bug")
        return await super().get(ids)


@dataclass
class World:
    tracks: ZoneStates
    updater: Updater
    objects: FailingObjects
    last_known: ZoneCache

    def want(self, apex: names.Name) -> ZoneState:
        position = LogPosition(ZONES[apex].commit, "e", 1)
        self.updater.want(apex, "main", position)
        (track,) = self.tracks.of(apex)
        return track


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    pace, objects = Scheduler(), FailingObjects()
    for each in ZONES.values():
        await objects.put(each.objects)
    async with open_cache(folder, pace) as last_known, asyncio.TaskGroup() as group:
        tracks = ZoneStates(ZoneTable(time.time), ServingPlan(Serving("main")))
        updater = Updater(
            group,
            tracks,
            NodeCache(objects),
            last_known,
            Reclaimer(last_known, pace),
            pace,
            lambda track, position: None,
        )
        yield World(tracks, updater, objects, last_known)


async def test_a_bug_while_a_zone_is_loaded_marks_it_and_it_is_tried_again(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with world(tmp_path) as here:
            here.objects.failing.add(ZONES[BAD].commit)
            bad, good = here.want(BAD), here.want(GOOD)
            await here.updater.settled()
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


async def test_an_observer_that_fails_keeps_no_zone_from_being_served(tmp_path: Path) -> None:
    def observe(track: ZoneState, compiled: Compiled) -> None:
        raise ZeroDivisionError("a bug")

    async with world(tmp_path) as here:
        here.tracks.arrived.append(observe)
        here.tracks.turned.append(observe)
        track = here.want(GOOD)
        await here.updater.settled()
        assert track.problem is None
        assert here.tracks.zones.by_apex[GOOD].default.commit == ZONES[GOOD].commit


async def test_a_bug_while_a_zone_is_written_keeps_no_other_from_being_written(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as here:
        track = here.want(GOOD)
        await here.updater.settled()
        assert track.current is not None
        senseless = CacheWrite(None, track.current, 0.0, None, None)  # type: ignore[arg-type]  # the bug
        here.last_known.keep(BAD, "main", senseless)
        await here.last_known.writing.idle.wait()
        assert not here.last_known.writing.holds(BAD, "main")
        assert here.last_known.writing.holds(GOOD, "main")
