"""A stack of its own for a measurement, below a folder that goes away with it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support import peers
from tests.support.peers import Address
from tests.support.ports import free_port

from benchmarks import load

ZONEGIT: Final = str(Path(sys.executable).parent / "zonegit")
SERVERS_CORE: Final = 0
LOAD_CORE: Final = 1
LOAD_S: Final = 600.0
"""How long a resolver may take until it serves a zone: the largest have a million records."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: the folder it lives in, and where its resolver answers."""

    data: Path
    address: Address

    def zonegit(self, *words: str) -> float:
        """Runs a command and returns how many seconds it took as a whole process."""
        return timed(self.data, *words)

    def serve(self, zone: str, zonefile: Path) -> float:
        """Registers a zone and imports it; returns the seconds that the import took. The resolver
        answers it afterwards."""
        self.zonegit("init", zone)
        seconds = self.zonegit("import", str(zonefile), "--zone", zone, "--timeout", "600")
        peers.wait_until_served(self.address, zone, patience_s=LOAD_S)
        return seconds

    def record(self) -> dict[str, Any]:
        """What ``zonegit up`` wrote down of itself."""
        return dict(json.loads((self.data / "stack.json").read_text()))


def timed(data: Path, *words: str) -> float:
    """Runs ``zonegit`` for the stack of ``data``; its seconds as a whole process.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [ZONEGIT, *words], env=environment(data), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(f"zonegit {' '.join(words)}: {done.stderr.strip()}")
    return seconds


def environment(data: Path) -> dict[str, str]:
    """This process's, with no setting of zonegit's but the stack's folder."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("ZONEGIT_")}
    return {**clean, "ZONEGIT_DATA": str(data), "ZONEGIT_ACTOR": "bench"}


@contextmanager
def running(
    data: Path, *, core: int | None = SERVERS_CORE, options: Sequence[str] = ()
) -> Iterator[Stack]:
    """A stack with one resolver on a free port, all of it on ``core``; None: wherever there is
    room."""
    with pinned(core):
        timed(data, "up", "--detach", "--listen", "127.0.0.1:0", "--log-level", "warning", *options)
    try:
        host, _, port = json.loads((data / "stack.json").read_text())["dns"][0].rpartition(":")
        yield Stack(data, (host, int(port)))
    finally:
        timed(data, "down")


@contextmanager
def resolver(stack: Stack, zone: str, *options: str) -> Iterator[Address]:
    """One more resolver beside those of a stack, once it serves ``zone``."""
    address = ("127.0.0.1", free_port())
    command = [f"{ZONEGIT}-resolver", "--listen", f"127.0.0.1:{address[1]}", *options]
    with pinned(SERVERS_CORE):
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            env=environment(stack.data),
            stderr=subprocess.DEVNULL,
        )
    try:
        peers.wait_until_served(address, zone, process, LOAD_S)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Keeps this process, and what it starts meanwhile, on one core."""
    before = load.pin(core)
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on disk (not in memory: commits wait for it) that goes away afterwards."""
    with tempfile.TemporaryDirectory(prefix="zonegit-bench-", dir="/var/tmp") as made:
        yield Path(made)
