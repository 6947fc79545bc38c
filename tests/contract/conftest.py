"""Fixtures that open every implementation of the object store and the ref store for the contract
tests."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.nats import nats_server
from tests.support.remote_stores import objects_of, refs_of
from tests.support.waiting import open_in_task
from tests.toys.memory_backend import MemoryBackend
from tests.toys.numbered_driver import open_numbered_refs

from zonegit.bus import Bus, connect
from zonegit.bus.service import serve
from zonegit.config import BusSettings
from zonegit.objects.ids import RawObject
from zonegit.store.backends import RefBackend
from zonegit.store.memory import MemoryObjects
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import LogEntry
from zonegit.store.refs import Adopter, RefStore
from zonegit.wire import codec, subjects
from zonegit.wire.messages import RefEvent
from zonegit_objectstore.handlers import DEPTHS, ObjectHandlers
from zonegit_objectstore.sql.objects import SqlObjects, open_objects
from zonegit_refs.handlers import RefHandlers
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy.adopter import LegacyAdopter
from zonegit_refs.publisher import Publisher
from zonegit_refs.sql.refs import open_refs

ACTOR = "ada"

OpenRefs = Callable[[Path], AbstractAsyncContextManager[RefBackend]]


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    with nats_server() as url:
        yield url


@pytest_asyncio.fixture
async def pair(nats_url: str) -> AsyncIterator[tuple[Bus, Bus]]:
    """Yield two connections: one for a service, one for its caller."""
    async with open_in_task(bus_pair(nats_url)) as both:
        yield both


@asynccontextmanager
async def bus_pair(url: str) -> AsyncIterator[tuple[Bus, Bus]]:
    """Open two connections: one for a service, one for its caller."""
    settings = BusSettings(url)
    async with connect(settings, name="service") as served, connect(settings, name="caller") as bus:
        yield served, bus


@asynccontextmanager
async def memory_objects(path: Path, url: str) -> AsyncIterator[ObjectStore]:
    yield MemoryObjects()


@asynccontextmanager
async def sqlite_objects(path: Path, url: str) -> AsyncIterator[SqlObjects]:
    async with open_objects(path / "objects.sqlite3") as store:
        yield store


@asynccontextmanager
async def remote_objects(path: Path, url: str) -> AsyncIterator[ObjectStore]:
    async with (
        sqlite_objects(path, url) as store,
        bus_pair(url) as (served, bus),
        serve(served, "objectstore", "objects", ObjectHandlers(store).endpoints(), DEPTHS),
    ):
        yield objects_of(bus, ACTOR)


@asynccontextmanager
async def toy_objects(path: Path, url: str) -> AsyncIterator[ObjectStore]:
    yield MemoryBackend()


@asynccontextmanager
async def remote_toy_objects(path: Path, url: str) -> AsyncIterator[ObjectStore]:
    async with (
        bus_pair(url) as (served, bus),
        serve(
            served, "objectstore", "objects", ObjectHandlers(MemoryBackend()).endpoints(), DEPTHS
        ),
    ):
        yield objects_of(bus, ACTOR)


OBJECT_STORES = {
    "memory": memory_objects,
    "sqlite": sqlite_objects,
    "toy": toy_objects,
    "bus": remote_objects,
    "bus-toy": remote_toy_objects,
}


@pytest_asyncio.fixture(params=OBJECT_STORES)
async def objects(
    request: pytest.FixtureRequest, tmp_path: Path, nats_url: str
) -> AsyncIterator[ObjectStore]:
    """Yield an empty object store."""
    async with open_in_task(OBJECT_STORES[request.param](tmp_path, nats_url)) as store:
        yield store


@dataclass
class RefStoreHarness:
    """A ref store with its adopter, object store, file, and the events announced so far."""

    refs: RefStore
    adopter: Adopter
    objects: ObjectStore
    file: Path
    events: list[RefEvent] = field(default_factory=list)
    on_event: Callable[[], None] = lambda: None

    def hear(self, event: RefEvent) -> None:
        self.on_event()
        self.events.append(event)

    def announced(self) -> list[LogEntry]:
        return [event.entry for event in self.events]


@asynccontextmanager
async def open_keeper(
    path: Path, url: str, open_backend: OpenRefs = open_refs
) -> AsyncIterator[RefStoreHarness]:
    file = path / "refs.sqlite3"
    async with open_backend(file) as refs:

        def announce(new: Sequence[RawObject], entries: Sequence[LogEntry]) -> None:
            for entry in entries:
                attached = list(new) if entry is entries[-1] else []
                harness.hear(RefEvent(epoch=refs.epoch, entry=entry, objects=attached))

        objects = MemoryObjects()
        keeper = RefKeeper(refs, objects, announce)
        harness = RefStoreHarness(keeper, LegacyAdopter(refs, keeper, objects), objects, file)
        yield harness


@asynccontextmanager
async def open_remote_refs(path: Path, url: str) -> AsyncIterator[RefStoreHarness]:
    file = path / "refs.sqlite3"
    async with AsyncExitStack() as stack:
        objects = await stack.enter_async_context(remote_objects(path, url))
        refs = await stack.enter_async_context(open_refs(file))
        served, bus = await stack.enter_async_context(bus_pair(url))
        publisher = Publisher(served, refs)
        asked = objects_of(served, "refs")
        keeper = RefKeeper(refs, asked, publisher.announce)
        await stack.enter_async_context(publisher.running())
        handlers = RefHandlers(keeper, LegacyAdopter(refs, keeper, asked)).endpoints()
        await stack.enter_async_context(serve(served, "refs", "refs", handlers))
        remote = refs_of(bus, ACTOR)
        harness = RefStoreHarness(remote, remote, objects, file)

        def heard(subject: str, data: bytes) -> None:
            event = codec.decode(data, RefEvent)
            assert subject == subjects.event(event.entry.kind, event.entry.ref)
            harness.hear(event)

        await stack.enter_async_context(bus.subscribe(subjects.EVENTS, heard))
        yield harness


REF_STORES = {
    "keeper": open_keeper,
    "keeper-toy": partial(open_keeper, open_backend=open_numbered_refs),
    "bus": open_remote_refs,
}


@pytest_asyncio.fixture(params=REF_STORES)
async def harness(
    request: pytest.FixtureRequest, tmp_path: Path, nats_url: str
) -> AsyncIterator[RefStoreHarness]:
    """Yield an empty ref store."""
    async with open_in_task(REF_STORES[request.param](tmp_path, nats_url)) as opened:
        yield opened
