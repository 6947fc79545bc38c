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

from benchmarks import memory, stack, zones
from benchmarks.figures import Figure, skipped, spread
from benchmarks.memory import MIB
from benchmarks.stack import ZONEGIT, Stack
from zonegit_resolver.cache.cache import LAYOUT

RUNS: Final = 3
PATIENCE_S: Final = 600.0
LOOK_EVERY_S: Final = 0.3
RESOLVER: Final = "resolver-1"
LAST_KNOWN: Final = Path("resolvers") / RESOLVER / LAYOUT.folder

_IMPORT: Final = "import of a million records"
_FROM_DISK: Final = "a million records ready from disk"
_MEMORY: Final = "memory of a record, of a million"


def figures() -> list[Figure]:
    """Measure import, load and restart of zonegit, and the start of NSD."""
    with stack.folder() as folder:
        file = folder / "zone"
        zone = zones.million_zone(file).zone
        records = _records(file)
        data = folder / "data"
        with stack.running(data, core=None) as running:
            idle = _resolver_memory(running)
            rows = [*_imported(running, zone, file), _loaded(running, zone, idle, records)]
            _until(lambda: _is_kept(data / LAST_KNOWN / zone))
        rows += _restarted(data, zone, idle, records)
        return rows + _of_nsd(folder, zone, file, records)


def _records(file: Path) -> int:
    with file.open() as lines:
        return sum(1 for line in lines if not line.startswith("$"))


def _imported(running: Stack, zone: str, file: Path) -> list[Figure]:
    running.zonegit("init", zone)
    started = time.perf_counter()
    importing = subprocess.Popen(
        [ZONEGIT, "import", str(file), "--zone", zone, "--timeout", "600"],
        env=stack.environment(running.data),
        stdout=subprocess.DEVNULL,
    )
    peaks: dict[str, int] = {}
    most = 0
    while importing.poll() is None:
        sizes = {"zonegit import": memory.taken(importing.pid), **_services(running)}
        most = max(most, sum(sizes.values()))
        peaks = {name: max(size, peaks.get(name, 0)) for name, size in sizes.items()}
        time.sleep(LOOK_EVERY_S)
    seconds = time.perf_counter() - started
    if importing.returncode:
        raise RuntimeError(f"the import ended with {importing.returncode}")
    each = ", ".join(f"{name} {size // MIB:,} MiB" for name, size in peaks.items())
    return [
        Figure(_IMPORT, "under 180 s", f"{seconds:.1f} s", "a single run, file to acknowledged"),
        Figure(f"{_IMPORT}, memory", "under 4 GiB", f"{most // MIB:,} MiB", f"at most: {each}"),
    ]


def _services(running: Stack) -> dict[str, int]:
    """Return the memory of each service of the stack, in octets."""
    found = memory.named(f"ZONEGIT_DATA={running.data}")
    return {
        module.removeprefix("zonegit_"): memory.taken(pid)
        for pid, command in found.items()
        for module in command.split()
        if module in ("zonegit_objectstore", "zonegit_refs", "zonegit_resolver")
    }


def _resolver_memory(running: Stack) -> int:
    return _services(running)["resolver"]


def _loaded(running: Stack, zone: str, idle: int, records: int) -> Figure:
    started = time.perf_counter()
    _until(lambda: _is_served(running.address, zone))
    seconds = time.perf_counter() - started
    each = (_resolver_memory(running) - idle) / records
    return Figure(
        "a million records loaded from the bus",
        "",
        f"{seconds:.1f} s, {each:.0f} octets a record",
        "a single run, from the end of the import to the first answer",
    )


def _restarted(data: Path, zone: str, idle: int, records: int) -> list[Figure]:
    seconds, octets = [], []
    for _ in range(RUNS):
        started = time.perf_counter()
        with _resolver_alone(data) as (process, address):
            _until(lambda address=address: _is_served(address, zone))  # type: ignore[misc]
            seconds.append(time.perf_counter() - started)
            octets.append((memory.taken(process.pid) - idle) / records)
    how = f"{RUNS} runs, the bus away"
    return [
        Figure(_FROM_DISK, "under 20 s", spread(seconds, "s"), f"{how}, to the first answer"),
        Figure(_MEMORY, "under 700 octets", spread(octets, "octets", 0), f"{how}, none asked for"),
    ]


@contextmanager
def _resolver_alone(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Address]]:
    """Run the resolver of the stack on its data, without a bus."""
    address = ("127.0.0.1", free_port())
    command = [
        f"{ZONEGIT}-resolver", "--name", RESOLVER, "--listen", f"127.0.0.1:{address[1]}",
        "--nats-url", f"nats://127.0.0.1:{free_port()}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=stack.environment(data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process, address
    finally:
        process.terminate()
        process.wait()


def _of_nsd(folder: Path, zone: str, file: Path, records: int) -> list[Figure]:
    rows = (f"NSD: {_FROM_DISK}", f"NSD: {_MEMORY}")
    if peers.installed("nsd") is None:
        return [skipped(row, "", "nsd is not installed") for row in rows]
    small = folder / "small"
    _, idle = _nsd(folder, zones.mixed_zone(small).zone, small)
    runs = [_nsd(folder, zone, file) for _ in range(RUNS)]
    seconds = [each for each, _ in runs]
    octets = [(taken - idle) / records for _, taken in runs]
    how = f"{RUNS} runs, all its processes"
    return [
        Figure(rows[0], "", spread(seconds, "s"), f"{how}, from its master file"),
        Figure(rows[1], "", spread(octets, "octets", 0), how),
    ]


def _nsd(folder: Path, zone: str, file: Path) -> tuple[float, int]:
    """Return the seconds until NSD answers, and its memory then."""
    own = folder / "nsd"
    own.mkdir(exist_ok=True)
    started = time.perf_counter()
    with peers.serving("nsd", own, [peers.Zone(zone, file)]) as peer:
        return time.perf_counter() - started, memory.taken(peer.process.pid)


def _is_served(address: Address, zone: str) -> bool:
    try:
        peers.wait_until_served(address, zone)
    except TimeoutError:
        return False
    return True


def _is_kept(file: Path) -> bool:
    if not file.exists():
        return False
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        (tips,) = connection.execute("SELECT count(*) FROM tip").fetchone()
        return bool(tips)


def _until(is_so: Callable[[], bool]) -> None:
    """Wait until a condition is true.

    Raises:
        TimeoutError: it is false for ten minutes.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError("gave up after ten minutes")
        time.sleep(LOOK_EVERY_S)
