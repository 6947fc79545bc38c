"""Both stores on a real bus, resolvers that follow them, and an operator, all in one process.

A test can thus stop any of them.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import dns.message
import dns.rcode
from msgspec import Struct
from tests.dns.local_server import SOA, format_records, parse_zone
from tests.support.ports import free_port
from tests.support.remote_stores import objects_of, refs_of
from tests.support.waiting import DEADLINE_S
from tests.support.zone_removal import remove_zone

from zonegit import http
from zonegit.bus import Bus, connect
from zonegit.bus.endpoints import Endpoints
from zonegit.bus.resolver_status import survey
from zonegit.bus.service import serve
from zonegit.config import BusSettings, ClientSettings
from zonegit.errors import Conflict
from zonegit.nameserver.acl import Address
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Identity
from zonegit.repo.change import branches, merge
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.basis import MoveLimits, ServedTree
from zonegit.store.ref_log import LogEntry
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Anything, Exactly
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    AskReflog,
    GetObjects,
    GotObjects,
    Missing,
    MissingObjects,
    ResolverStatus,
    ServedEvent,
)
from zonegit.wire.subjects import Request
from zonegit.zone import names
from zonegit_objectstore.handlers import ObjectHandlers
from zonegit_objectstore.sql.objects import SqlObjects, open_objects
from zonegit_refs.handlers import RefHandlers
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy.adopter import LegacyAdopter
from zonegit_refs.publisher import Publisher
from zonegit_refs.sql.refs import SqlRefs, open_refs
from zonegit_refs.witnesses import Witnesses
from zonegit_resolver import app
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.options import ResolverOptions
from zonegit_resolver.config.serving import Serving, ServingPlan

UNLIMITED = MoveLimits(percent=100, ds=True)
"""Here zones are replaced as a whole."""


@dataclass
class Backend:
    """Stores, an operator, and the faults that a test can inject.

    ``smuggled`` are objects that the object store returns without storing them. If ``announces`` is
    False, refs announces nothing, as if its events were lost. If ``sends_objects`` is False, events
    carry no objects. While ``reflog_enabled`` is not set, refs does not reply to requests for a
    reflog.
    """

    url: str
    data: Path
    bus: Bus
    repo: Repo
    announces: bool = True
    sends_objects: bool = True
    smuggled: dict[ObjectId, RawObject] = field(default_factory=dict)
    move: Callable[[RefName, ObjectId], Awaitable[object]] | None = None
    reflog_enabled: asyncio.Event = field(default_factory=asyncio.Event)
    served: list[ServedEvent] = field(default_factory=list)

    async def commit(
        self, zone: str, text: str, branch: str = "main", *, serial: int | None = None
    ) -> Committed:
        """Commit ``text`` as the whole zone to a branch; register the zone if it is new."""
        apex = names.parse(zone)
        whole = (SOA if serial is None else SOA.replace(" 7 ", f" {serial} ")) + text
        with suppress(Exception):
            await self.repo.refs.register(apex, self.repo.origin("test"))
        tips = (await self.repo.refs.zone(apex, self.repo.actor)).heads
        position = BranchPosition(apex, branch, tips.get(branch))
        plan = change_plan.plan_replacement(parse_zone(zone, whole), apex)
        done = await commit_loop.commit(self.repo, position, plan, Intent("test", "import"))
        assert done is not None
        return done

    async def branch(self, zone: str, branch: str, commit: ObjectId) -> None:
        await branches.create(self.repo, names.parse(zone), branch, commit)

    async def merge(self, zone: str, theirs: ObjectId, branch: str = "main") -> None:
        """Merge a commit into a branch."""
        apex = names.parse(zone)
        tip = (await self.repo.refs.zone(apex, self.repo.actor)).heads[branch]
        position = BranchPosition(apex, branch, tip)
        done = await merge.merge(self.repo, position, CommitId(theirs), Intent("test", "merge"))
        assert isinstance(done, Committed)

    async def force(self, zone: str, commit: ObjectId, branch: str = "main") -> None:
        """Move a branch to a commit with any serial."""
        ref = ref_names.branch(names.parse(zone), branch)
        tip = (await self.repo.refs.zone(names.parse(zone), self.repo.actor)).heads[branch]
        origin = self.repo.origin("test", force=True)
        await self.repo.refs.move(ref, Exactly(tip.target), commit, origin)

    async def smuggle(self, zone: str, commit: ObjectId, objects: Iterable[RawObject]) -> None:
        """Make a commit the tip of a zone's main branch without the checks of the stores."""
        apex = names.parse(zone)
        self.smuggled.update({raw.id: raw for raw in objects})
        with suppress(Conflict):
            await self.repo.refs.register(apex, self.repo.origin("test"))
        assert self.move is not None
        await self.move(ref_names.branch(apex, "main"), commit)

    async def remove(self, zone: str) -> None:
        origin = self.repo.origin("test", force=True)
        await remove_zone(self.repo.refs, names.parse(zone), origin)

    async def delete_branch(self, zone: str, branch: str) -> None:
        ref = ref_names.branch(names.parse(zone), branch)
        tip = (await self.repo.refs.zone(names.parse(zone), self.repo.actor)).heads[branch]
        await self.repo.refs.move(ref, Exactly(tip.target), None, self.repo.origin("test"))

    async def status(self) -> dict[str, ResolverStatus]:
        """Return the status of each resolver, after one has replied; it answers DNS queries before
        that."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := await self._survey()):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        return found

    async def _survey(self) -> dict[str, ResolverStatus]:
        """Return the statuses of registered resolvers that have opened their sockets."""
        found = await survey(self.bus, self.repo.actor, expected=["r"], timeout=DEADLINE_S)
        return {each.resolver: each for each in found.statuses if each.listen}


class SmugglingObjects:
    """The endpoints of an object store that also return objects which it never stored."""

    def __init__(self, objects: SqlObjects, smuggled: Mapping[ObjectId, RawObject]) -> None:
        self._objects = objects
        self._smuggled = smuggled
        self._stored = ObjectHandlers(objects).endpoints()

    def endpoints(self) -> Endpoints:
        return {
            **self._stored,
            "get": replace(self._stored["get"], answer=self._get),
            "missing": replace(self._stored["missing"], answer=self._missing),
        }

    async def _get(self, request: Request, message: GetObjects) -> Struct:
        if self._smuggled.keys().isdisjoint(message.ids):
            return await self._stored["get"].answer(request, message)
        # Like a store, it returns any number of the first objects. It returns no outlines, like a
        # store of an earlier release.
        of_store = [not self._smuggled.get(each) for each in message.ids]
        run = of_store.index(not of_store[0]) if len(set(of_store)) > 1 else len(of_store)
        ids = message.ids[:run]
        if of_store[0]:
            return await self._stored["get"].answer(request, GetObjects(ids=ids))
        return GotObjects(objects=[self._smuggled[each] for each in ids])

    async def _missing(self, request: Request, message: MissingObjects) -> Missing:
        absent = await self._objects.missing(message.ids)
        return Missing(ids=sorted(absent - self._smuggled.keys()))


@asynccontextmanager
async def run_backend(url: str, data: Path) -> AsyncIterator[Backend]:
    """Run new stores below ``data``."""
    settings = BusSettings(url)
    async with AsyncExitStack() as stack:
        objects = await stack.enter_async_context(open_objects(data / "objects.sqlite3"))
        refs = await stack.enter_async_context(open_refs(data / "refs.sqlite3"))
        serving = await stack.enter_async_context(connect(settings, name="stores"))
        bus = await stack.enter_async_context(connect(settings, name="operator"))
        repo = Repo(objects_of(bus, "ada"), refs_of(bus, "ada"), "ada", _now)
        backend = Backend(url, data, bus, repo)
        stored = SmugglingObjects(objects, backend.smuggled).endpoints()
        about_refs = await stack.enter_async_context(_run_refs(backend, serving, refs))
        await stack.enter_async_context(serve(serving, "objectstore", "objects", stored))
        await stack.enter_async_context(serve(serving, "refs", "refs", about_refs))

        def record(subject: str, octets: bytes) -> None:
            if not subject.endswith("._"):
                backend.served.append(codec.decode(octets, ServedEvent))

        await stack.enter_async_context(bus.subscribe(subjects.SERVED, record))
        yield backend


@asynccontextmanager
async def _run_refs(backend: Backend, serving: Bus, refs: SqlRefs) -> AsyncIterator[Endpoints]:
    """Run the ref store with the faults of the backend, and yield its endpoints."""
    publisher = Publisher(serving, refs)
    witnesses = Witnesses(serving, refs)

    def announce(new: Sequence[RawObject], entries: Sequence[LogEntry]) -> None:
        if backend.announces:
            publisher.announce(new if backend.sends_objects else (), entries)

    async def move(ref: RefName, target: ObjectId) -> object:
        served = ServedTree(1, ObjectId(bytes(32))) if ref.space == "heads" else None
        tip = (await refs.state(ref)).tip
        origin = backend.repo.origin("smuggle", force=True)
        now = time.time()
        return await refs.move(
            ref, Anything(), target, served, tip, origin, now, partial(announce, ())
        )

    objects = objects_of(serving, "refs")
    keeper = RefKeeper(refs, objects, announce, limits=UNLIMITED, resolvers=witnesses)
    adopter = LegacyAdopter(refs, keeper, objects)
    endpoints = RefHandlers(
        keeper, adopter, witnesses.take, witnesses.listener.list_registered
    ).endpoints()

    async def reflog(request: Request, message: AskReflog) -> Struct:
        await backend.reflog_enabled.wait()
        return await endpoints["reflog"].answer(request, message)

    backend.move = move
    backend.reflog_enabled.set()
    async with publisher.running(), witnesses.running():
        yield {**endpoints, "reflog": replace(endpoints["reflog"], answer=reflog)}


def _now() -> Identity:
    return Identity("Ada", "ada@example.net", int(time.time()))


@dataclass
class RunningResolver:
    """A running resolver."""

    address: Address
    metrics: Address
    task: asyncio.Task[None]

    async def ask(self, name: str, rdtype: str = "A", **make) -> dns.message.Message | None:
        """Return the reply, None without one."""
        octets = await self.exchange(dns.message.make_query(name, rdtype, **make).to_wire())
        return dns.message.from_wire(octets) if octets is not None else None

    async def exchange(self, wire: bytes) -> bytes | None:
        """Return the octets of the reply, None without one."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(tuple(self.address))
            try:
                async with asyncio.timeout(0.5):
                    await loop.sock_sendall(sock, wire)
                    return await loop.sock_recv(sock, 4096)
            except OSError:  # a timeout, or no process listens
                await asyncio.sleep(0)
                return None

    async def query_text(self, name: str, rdtype: str = "A", **make) -> str:
        """Return the reply in one line: its RCODE, then the RDATA of its answer."""
        reply = await self.ask(name, rdtype, **make)
        if reply is None:
            return "nothing"
        rdatas = [line.split(maxsplit=3)[3] for line in format_records(reply.answer)]
        return " ".join([dns.rcode.to_text(reply.rcode()), *rdatas])

    async def wait_for_first_text(self, name: str, rdtype: str = "A") -> str:
        """Return the first reply."""
        deadline = time.monotonic() + DEADLINE_S
        while (said := await self.query_text(name, rdtype)) == "nothing":
            assert not self.task.done(), self.task.exception()
            assert time.monotonic() < deadline
        return said

    async def wait_for_text(self, expected: str, name: str, rdtype: str = "A", **make) -> None:
        """Wait for this reply."""
        deadline = time.monotonic() + DEADLINE_S
        while (said := await self.query_text(name, rdtype, **make)) != expected:
            assert not self.task.done(), self.task.exception()
            assert time.monotonic() < deadline, f"{name} still says {said}"
            await asyncio.sleep(0.01)

    async def page(self, path: str) -> tuple[int, str]:
        reply = await http.get(*self.metrics, path, timeout=DEADLINE_S)
        return reply.status, reply.body.decode()


@asynccontextmanager
async def run_resolver(
    url: str,
    data: Path,
    name: str = "r",
    *,
    only: Sequence[names.Name] = (),
    config: PlanFile | None = None,
    **serving,
) -> AsyncIterator[RunningResolver]:
    """Run a resolver that follows ``url`` and has its cache below ``data``.

    ``serving`` has the settings of every zone, unless there is a ``config``.
    """
    listen, metrics = (Address("127.0.0.1", free_port()) for _ in range(2))
    settings = ClientSettings(data, "ada", "Ada", "ada@example.net", None)
    plan = (
        config.read()
        if config is not None
        else ServingPlan(Serving(**serving), only=frozenset(only))
    )
    options = ResolverOptions(name, [listen], plan, config, metrics)
    task = asyncio.create_task(app.run(options, BusSettings(url), settings))
    try:
        yield RunningResolver(listen, metrics, task)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
