"""Measure a zone of a million records: import, load, restart from disk and memory; NSD as the peer.

The import and the load from the bus are single runs, because each takes minutes.
"""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from tests.support import peers
from tests.support.peers import Address
from tests.support.ports import free_port

from benchmarks import memory, zones
from benchmarks.figures import Figure, format_spread, skip_figure
from benchmarks.memory import MIB
from benchmarks.stack import ZONEGIT, Stack, make_environment, make_folder, run_stack
from zonegit_resolver.cache.cache import LAYOUT

RUNS: Final = 3
TIMEOUT_S: Final = 600.0
POLL_INTERVAL_S: Final = 0.3
RESOLVER: Final = "resolver-1"

_IMPORT: Final = "import of a million records"
_FROM_DISK: Final = "a million records ready from disk"
_MEMORY: Final = "memory per record, 1,000,000 records"


def measure() -> list[Figure]:
    """Measure import, load and restart of zonegit, and the start of NSD."""
    with make_folder() as folder:
        file = folder / "zone"
        zone = zones.write_million_zone(file).zone
        records = _count_records(file)
        data = folder / "data"
        cache = data / "resolvers" / RESOLVER / LAYOUT.folder
        with run_stack(data, core=None) as stack:
            idle = _read_resolver_memory(stack)
            figures = _measure_import(stack, zone, file)
            figures.append(_measure_load(stack, zone, idle, records))
            _wait_until(lambda: _is_cached(cache / zone))
        figures += _measure_restarts(data, zone, idle, records)
        return figures + _measure_nsd(folder, zone, file, records)


def _count_records(file: Path) -> int:
    with file.open() as lines:
        return sum(1 for line in lines if not line.startswith("$"))


def _measure_import(stack: Stack, zone: str, file: Path) -> list[Figure]:
    stack.run("init", zone)
    started = time.perf_counter()
    process = subprocess.Popen(
        [ZONEGIT, "import", str(file), "--zone", zone, "--timeout", "600"],
        env=make_environment(stack.data),
        stdout=subprocess.DEVNULL,
    )
    peaks: dict[str, int] = {}
    peak = 0
    while process.poll() is None:
        sizes = {"zonegit import": memory.read_memory(process.pid), **_read_service_memory(stack)}
        peak = max(peak, sum(sizes.values()))
        peaks = {name: max(size, peaks.get(name, 0)) for name, size in sizes.items()}
        time.sleep(POLL_INTERVAL_S)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(f"the import ended with {process.returncode}")
    each = ", ".join(f"{name} {size // MIB:,} MiB" for name, size in peaks.items())
    return [
        Figure(_IMPORT, "under 180 s", f"{seconds:.1f} s", "whole process, a single run"),
        Figure(f"{_IMPORT}, memory", "under 4 GiB", f"{peak // MIB:,} MiB", f"peaks: {each}"),
    ]


def _read_service_memory(stack: Stack) -> dict[str, int]:
    """Return the memory of each service of the stack, in octets."""
    commands = memory.find_processes(f"ZONEGIT_DATA={stack.data}")
    return {
        module.removeprefix("zonegit_"): memory.read_memory(pid)
        for pid, command in commands.items()
        for module in command.split()
        if module in ("zonegit_objectstore", "zonegit_refs", "zonegit_resolver")
    }


def _read_resolver_memory(stack: Stack) -> int:
    return _read_service_memory(stack)["resolver"]


def _measure_load(stack: Stack, zone: str, idle: int, records: int) -> Figure:
    started = time.perf_counter()
    _wait_until(lambda: _is_served(stack.address, zone))
    seconds = time.perf_counter() - started
    octets = (_read_resolver_memory(stack) - idle) / records
    return Figure(
        "a million records loaded from the bus",
        "",
        f"{seconds:.1f} s, {octets:.0f} octets per record",
        "a single run, from the end of the import to the first answer",
    )


def _measure_restarts(data: Path, zone: str, idle: int, records: int) -> list[Figure]:
    seconds, octets = [], []
    for _ in range(RUNS):
        started = time.perf_counter()
        with _run_resolver_without_bus(data) as (process, address):
            _wait_until(lambda address=address: _is_served(address, zone))  # type: ignore[misc]
            seconds.append(time.perf_counter() - started)
            octets.append((memory.read_memory(process.pid) - idle) / records)
    runs = f"{RUNS} runs without a bus"
    return [
        Figure(_FROM_DISK, "under 20 s", format_spread(seconds, "s"), f"{runs}, to first answer"),
        Figure(_MEMORY, "under 700 octets", format_spread(octets, "octets", 0), runs),
    ]


@contextmanager
def _run_resolver_without_bus(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Address]]:
    """Run the resolver of the stack on its data, without a bus."""
    address = ("127.0.0.1", free_port())
    command = [
        f"{ZONEGIT}-resolver", "--name", RESOLVER, "--listen", f"127.0.0.1:{address[1]}",
        "--nats-url", f"nats://127.0.0.1:{free_port()}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=make_environment(data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process, address
    finally:
        process.terminate()
        process.wait()


def _measure_nsd(folder: Path, zone: str, file: Path, records: int) -> list[Figure]:
    names = (f"NSD: {_FROM_DISK}", f"NSD: {_MEMORY}")
    if peers.find_program("nsd") is None:
        return [skip_figure(name, "", "nsd is not installed") for name in names]
    small = folder / "small"
    _, idle = _start_nsd(folder, zones.write_mixed_zone(small).zone, small)
    runs = [_start_nsd(folder, zone, file) for _ in range(RUNS)]
    seconds = [each for each, _ in runs]
    octets = [(size - idle) / records for _, size in runs]
    method = f"{RUNS} runs, all its processes"
    return [
        Figure(names[0], "", format_spread(seconds, "s"), f"{method}, from its master file"),
        Figure(names[1], "", format_spread(octets, "octets", 0), method),
    ]


def _start_nsd(folder: Path, zone: str, file: Path) -> tuple[float, int]:
    """Return the seconds until NSD answers, and its memory then."""
    own = folder / "nsd"
    own.mkdir(exist_ok=True)
    started = time.perf_counter()
    with peers.run_peer("nsd", own, [peers.PeerZone(zone, file)]) as peer:
        return time.perf_counter() - started, memory.read_memory(peer.process.pid)


def _is_served(address: Address, zone: str) -> bool:
    try:
        peers.wait_until_served(address, zone)
    except TimeoutError:
        return False
    return True


def _is_cached(file: Path) -> bool:
    if not file.exists():
        return False
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (tips,) = connection.execute("SELECT count(*) FROM tip").fetchone()
        return bool(tips)


def _wait_until(is_true: Callable[[], bool]) -> None:
    """Wait until a condition is true.

    Raises:
        TimeoutError: it is false for ten minutes.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"gave up after {TIMEOUT_S:.0f} s")
        time.sleep(POLL_INTERVAL_S)
