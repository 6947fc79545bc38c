"""Run resolvers for tests next to a stack, or send the messages of one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.e2e.stack import Stack
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S, PATIENCE_S

from zonegit.bus import Bus, connect
from zonegit.bus.resolver_status import read_registry
from zonegit.config import BusSettings
from zonegit.wire.messages import Announcement, Registered


def make_announcement(name: str, instance: str = "hand-made", **fields: object) -> Announcement:
    """Return the announcement of a resolver that follows main in all zones."""
    said = {"version": "1", "started": 0.0, "epoch": "", "sequence": 0, "branches": ["main"]}
    return Announcement(resolver=name, instance=instance, **{**said, **fields})  # type: ignore[arg-type]  # as given


def url_of(stack: Stack, user: str) -> str:
    """Return the bus URL of a user of the stack."""
    bus = stack.record()["bus"]
    return str(bus["url"].replace("://", f"://{user}:{bus['users'][user]}@"))


@asynccontextmanager
async def connect_to(stack: Stack, user: str) -> AsyncIterator[Bus]:
    """Connect to the bus of the stack."""
    async with connect(BusSettings(url_of(stack, user)), name=user) as bus:
        yield bus


async def list_resolvers(bus: Bus) -> dict[str, Registered]:
    """Return the registry, by name."""
    known = await read_registry(bus, "ada", timeout=PATIENCE_S)
    return {each.last.resolver: each for each in known.resolvers}


def registry_of(stack: Stack) -> dict[str, Registered]:
    """Return the registry of a stack, for tests that are not asynchronous."""

    async def read() -> dict[str, Registered]:
        async with connect_to(stack, "cli") as bus:
            return await list_resolvers(bus)

    return asyncio.run(read())


@contextmanager
def run_resolver(stack: Stack, folder: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a resolver next to those of a stack; its log is ``folder/NAME.log``.

    At exit, if it still runs, it is stopped and says goodbye.
    """
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "zonegit_resolver", "--name", name]
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{free_port()}"],
            env={
                **os.environ,
                "ZONEGIT_NATS_URL": url_of(stack, "resolver"),
                "ZONEGIT_DATA": str(folder),
            },
            stderr=log,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(DEADLINE_S)
