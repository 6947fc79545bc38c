"""Run a zonegit stack for one measurement, in a temporary folder."""

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
SERVE_TIMEOUT_S: Final = 600.0
"""Time limit for a resolver to serve a zone; the largest zones have a million records."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its data folder and the address of its resolver."""

    data: Path
    address: Address

    def run(self, *words: str) -> float:
        """Run a ``zonegit`` command and return its seconds as a whole process."""
        return time_command(self.data, *words)

    def serve(self, zone: str, zonefile: Path) -> float:
        """Register a zone, import it, and wait until the resolver serves it.

        Returns:
            The seconds of the import.
        """
        self.run("init", zone)
        seconds = self.run("import", str(zonefile), "--zone", zone, "--timeout", "600")
        peers.wait_until_served(self.address, zone, patience_s=SERVE_TIMEOUT_S)
        return seconds

    def read_record(self) -> dict[str, Any]:
        """Return the content of ``stack.json``."""
        return dict(json.loads((self.data / "stack.json").read_text()))


def time_command(data: Path, *words: str) -> float:
    """Run ``zonegit`` for the stack in a data folder and return its seconds as a whole process.

    Raises:
        RuntimeError: the command failed; the message has its standard error.
    """
    started = time.perf_counter()
    result = subprocess.run(
        [ZONEGIT, *words], env=make_environment(data), capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    if result.returncode:
        raise RuntimeError(f"zonegit {' '.join(words)}: {result.stderr.strip()}")
    return seconds


def make_environment(data: Path) -> dict[str, str]:
    """Return this process's environment with the settings of one stack.

    Other ``ZONEGIT_`` variables are dropped.
    """
    others = {key: value for key, value in os.environ.items() if not key.startswith("ZONEGIT_")}
    return {**others, "ZONEGIT_DATA": str(data), "ZONEGIT_ACTOR": "bench"}


@contextmanager
def run_stack(
    data: Path, *, core: int | None = SERVERS_CORE, options: Sequence[str] = ()
) -> Iterator[Stack]:
    """Run a stack with one resolver on a free port.

    Args:
        data: the data folder.
        core: the core that all processes are pinned to; None pins nothing.
        options: further options of ``zonegit up``.
    """
    with pin_to_core(core):
        time_command(
            data, "up", "--detach", "--listen", "127.0.0.1:0", "--log-level", "warning", *options
        )
    try:
        host, _, port = json.loads((data / "stack.json").read_text())["dns"][0].rpartition(":")
        yield Stack(data, (host, int(port)))
    finally:
        time_command(data, "down")


@contextmanager
def run_resolver(stack: Stack, zone: str, *options: str) -> Iterator[Address]:
    """Run one more resolver on the bus of a stack, and wait until it serves ``zone``."""
    address = ("127.0.0.1", free_port())
    command = [f"{ZONEGIT}-resolver", "--listen", f"127.0.0.1:{address[1]}", *options]
    with pin_to_core(SERVERS_CORE):
        process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            env=make_environment(stack.data),
            stderr=subprocess.DEVNULL,
        )
    try:
        peers.wait_until_served(address, zone, process, SERVE_TIMEOUT_S)
        yield address
    finally:
        process.terminate()
        process.wait()


@contextmanager
def pin_to_core(core: int | None) -> Iterator[None]:
    """Pin this process, and the processes that it starts meanwhile, to one core."""
    cores = load.pin(core)
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


@contextmanager
def make_folder() -> Iterator[Path]:
    """Make a temporary folder on disk.

    A file system in memory would hide the time that commits wait for the disk.
    """
    with tempfile.TemporaryDirectory(prefix="zonegit-bench-", dir="/var/tmp") as folder:
        yield Path(folder)
