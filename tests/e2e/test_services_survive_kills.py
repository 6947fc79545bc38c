"""SIGKILL of a service at any moment loses no acknowledged write, and leaves none half done.

Real processes are killed repeatedly while several writers write.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.support import commits
from tests.support.commits import StoredCommit
from tests.support.nats import nats_server
from tests.support.processes import ServiceProcess, run_service
from tests.support.waiting import DEADLINE_S, eventually, retry

from zonegit.bus import RemoteObjects, RemoteRefs, connect
from zonegit.bus.connection import Bus
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.objects.ids import compute_id
from zonegit.store import ref_names
from zonegit.store.ref_log import LogEntry, Origin
from zonegit.store.refs import Absent, Exactly
from zonegit.zone import names

ACTOR = "ada"
KILLS = 6
WRITERS = 4
PROBE_S = 1.0
"""A probe may be sent to a connection that the bus has not yet seen end; then it is lost."""
ZONE = names.parse("foo.com.")
SOME_ID = compute_id("blob", b"")

T = TypeVar("T")


@dataclass
class StoreProcesses:
    """Both services, and clients of their stores.

    ``killed`` is set from the kill of a service until both services answer again.
    """

    bus: Bus
    objectstore: ServiceProcess
    refs_service: ServiceProcess
    objects: RemoteObjects
    refs: RemoteRefs
    killed: asyncio.Event = field(default_factory=asyncio.Event)

    async def attempt(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return the result of a request; a kill ends the request on any machine, however slow.

        Raises:
            Unavailable: a service was killed before the answer arrived.
        """
        asking = asyncio.ensure_future(call())
        killing = asyncio.ensure_future(self.killed.wait())
        try:
            await asyncio.wait([asking, killing], return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise Unavailable("the service was killed")
        finally:
            for each in (asking, killing):
                each.cancel()

    async def restart(self, service: ServiceProcess) -> None:
        """Kill a service and start it; call :meth:`until_answers` next."""
        self.killed.set()
        await asyncio.to_thread(service.kill)
        await asyncio.to_thread(service.start)

    async def until_answers(self) -> None:
        """Wait until both services answer."""
        objects = RemoteObjects(self.bus, ACTOR, timeout=PROBE_S)
        refs = RemoteRefs(self.bus, ACTOR, timeout=PROBE_S)
        await retry(lambda: objects.missing([SOME_ID]), Unavailable)
        await retry(lambda: refs.where(ACTOR), Unavailable)
        self.killed.clear()


@contextmanager
def run_processes(data: Path) -> Iterator[tuple[str, ServiceProcess, ServiceProcess]]:
    with (
        nats_server() as url,
        run_service("objectstore", url, data) as objectstore,
        run_service("refs", url, data) as refs,
    ):
        yield url, objectstore, refs


@asynccontextmanager
async def run_stores(data: Path) -> AsyncIterator[StoreProcesses]:
    with run_processes(data) as (url, objectstore, refs_service):
        async with connect(BusSettings(url), name="test") as bus:
            objects = RemoteObjects(bus, ACTOR, timeout=DEADLINE_S)
            refs = RemoteRefs(bus, ACTOR, timeout=DEADLINE_S)
            stack = StoreProcesses(bus, objectstore, refs_service, objects, refs)
            await stack.until_answers()
            yield stack


async def kill_in_a_loop(
    stack: StoreProcesses, service: ServiceProcess, acknowledged: Sequence[object]
) -> None:
    """Kill a service at random moments, each after it has acknowledged some more requests."""
    for _ in range(KILLS):
        enough = len(acknowledged) + random.randint(1, 20)
        await eventually(lambda enough=enough: len(acknowledged) >= enough)
        await asyncio.sleep(random.uniform(0, 0.01))
        await stack.restart(service)
        await stack.until_answers()


async def write_until_done(
    killing: asyncio.Task[None], write: Callable[[], Awaitable[None]]
) -> None:
    while not killing.done():
        await write()


async def test_objects_acknowledged_before_a_kill_still_exist(tmp_path: Path) -> None:
    async with run_stores(tmp_path) as stack:
        acknowledged: list[StoredCommit] = []
        attempted: list[StoredCommit] = []

        async def write() -> None:
            made = commits.commit(ZONE, random.getrandbits(32), f"192.0.2.{random.randrange(256)}")
            attempted.append(made)
            try:
                await stack.attempt(lambda: stack.objects.put(made.objects))
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                acknowledged.append(made)

        killing = asyncio.create_task(kill_in_a_loop(stack, stack.objectstore, acknowledged))
        await asyncio.gather(*(write_until_done(killing, write) for _ in range(WRITERS)))
        assert acknowledged
        ids = {raw.id for made in acknowledged for raw in made.objects}
        assert set(await stack.objects.get(ids)) == ids
        for made in attempted:
            missing = await stack.objects.missing([raw.id for raw in made.objects])
            assert made.id in missing or not missing, "half a message was stored"


async def test_moves_acknowledged_before_a_kill_are_in_the_log(tmp_path: Path) -> None:
    """Each writer moves a branch of its own repeatedly. After a kill it repeats its last request,
    and gets the answer that it would have got."""
    async with run_stores(tmp_path) as stack:
        await stack.refs.register(ZONE, origin())
        acknowledged: list[LogEntry] = []
        killing = asyncio.create_task(kill_in_a_loop(stack, stack.refs_service, acknowledged))
        await asyncio.gather(
            *(move_branch(stack, killing, f"writer{n}", acknowledged) for n in range(WRITERS))
        )
        log = await read_log(stack.refs)

    assert acknowledged
    assert [entry.sequence for entry in log] == list(range(1, len(log) + 1))
    assert {entry.sequence: entry for entry in acknowledged}.items() <= {
        entry.sequence: entry for entry in log
    }.items()
    # Each operation happened once, even if repeated: every row starts at the end of the last one.
    for n in range(WRITERS):
        rows = [entry for entry in log if entry.ref.short == f"writer{n}"]
        assert [row.old for row in rows] == [None, *(row.new for row in rows[:-1])]
        assert len({row.operation for row in rows}) == len(rows)


async def move_branch(
    stack: StoreProcesses,
    killing: asyncio.Task[None],
    branch: str,
    acknowledged: list[LogEntry],
) -> None:
    ref = ref_names.branch(ZONE, branch)
    tip: StoredCommit | None = None
    serial = 0
    while not killing.done():
        serial += 1
        made = commits.commit(ZONE, serial, parent=tip)
        await stack.objects.put(made.objects)
        why = origin()
        expected = Exactly(tip.id) if tip else Absent()

        move = partial(stack.refs.move, ref, expected, made.id, why, made.objects)
        move = partial(stack.attempt, move)
        moved = await retry(move, Unavailable)
        again = await retry(move, Unavailable)
        assert again.entries == moved.entries
        acknowledged += moved.entries
        tip = made


async def read_log(refs: RemoteRefs) -> list[LogEntry]:
    snapshot = await retry(refs.snapshot, Unavailable)
    entries: list[LogEntry] = []
    while len(entries) < snapshot.sequence:
        at = entries[-1].sequence if entries else 0
        entries += (await refs.since(snapshot.epoch, at)).entries
    return entries


def origin() -> Origin:
    return Origin(ACTOR, "test", secrets.token_hex(16))
