"""A service is added with one module and one row of the table of services.

``tests/toys/zone_counter.py`` is the module; it follows the log and answers a verb. The supervisor
starts its processes, gives them a user on the bus, and waits until they answer.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from tests.support.remote_stores import refs_of
from tests.support.waiting import DEADLINE_S, PATIENCE_S, eventually_true
from tests.toys import zone_counter
from tests.toys.zone_counter import COUNT

from zonegit.bus import Bus, connect
from zonegit.bus.verb_client import VerbClient
from zonegit.config import BusSettings
from zonegit.errors import Denied
from zonegit.store.ref_log import Origin
from zonegit.wire.messages import AskWhere
from zonegit.wire.services import SERVICES, Probe, Role, Service, Sharing
from zonegit.wire.subjects import EVENTS, HEARTBEAT
from zonegit.wire.verbs import Right
from zonegit.zone import names
from zonegit_cli.stack import supervisor
from zonegit_cli.stack.record import StackRecord
from zonegit_cli.stack.supervisor import UpOptions

ROLE = Role(
    rights=frozenset({Right.READ}),
    asks=frozenset({"refs"}),
    hears=("zg.*.counter.>", EVENTS, HEARTBEAT, "$SRV.>"),
    answers=True,
)
COUNTER = Service(
    name="counter",
    module=zone_counter.__name__,
    role=ROLE,
    sharing=Sharing.GROUP,
    instances=2,
    verbs=(COUNT,),
    probe=Probe(COUNT, AskWhere()),
)
MAX_LINES = 60
ORIGIN = Origin("ada", "a test", "0" * 16)


def connect_as(planned: StackRecord, user: str) -> AbstractAsyncContextManager[Bus]:
    url = planned.bus["url"].replace("://", f"://{user}:{planned.bus['users'][user]}@")
    return connect(BusSettings(url), name=user)


async def count_zones(bus: Bus, actor: str) -> int:
    return (await VerbClient(bus, actor, timeout=PATIENCE_S).ask(COUNT, AskWhere())).zones


async def has_counted(bus: Bus, zones: int) -> bool:
    return await count_zones(bus, "ada") == zones


async def test_the_supervisor_runs_a_service_from_its_row(tmp_path: Path) -> None:
    options = UpOptions(
        tmp_path, ["127.0.0.1:0"], None, 1, None, "info", services=(*SERVICES, COUNTER)
    )
    planned = supervisor.plan(options)
    started: asyncio.Future[StackRecord] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(supervisor.run(options, planned, started.set_result, print))
    try:
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.wait({running, started}, return_when=asyncio.FIRST_COMPLETED)
        assert started.done(), running
        async with connect_as(planned, "cli") as bus:
            await refs_of(bus, "ada").register(names.parse("example.com."), ORIGIN)
            await eventually_true(lambda: has_counted(bus, 1))
        async with connect_as(planned, "objectstore") as bus:
            with pytest.raises(Denied):
                await count_zones(bus, "objectstore")
        logs = sorted(path.name for path in (tmp_path / "logs").glob("counter*"))
        assert logs == ["counter-2.log", "counter.log"]
    finally:
        running.cancel()
        await asyncio.wait({running})


def test_the_service_is_short() -> None:
    assert len(Path(zone_counter.__file__).read_text().splitlines()) <= MAX_LINES
