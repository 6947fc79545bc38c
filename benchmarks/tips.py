"""Measure the moves of one zone while refs checks the first tip of another, large zone.

refs checks a tip of a million names in slices (ADR 0042), and moves of other zones run between
them. The check begins with the request that moves the branch of the large zone, seen on the bus,
and ends with the import.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.msg import Msg

from benchmarks import zones
from benchmarks.changes import connect_to_bus, make_identity
from benchmarks.figures import Figure, percentile
from benchmarks.stack import ZONEGIT, Stack, make_environment, make_folder, run_stack
from zonegit.bus import Bus, RemoteObjects, RemoteRefs
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.repo import Repo
from zonegit.store.ref_log import Moved
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.store.ref_names import branch as branch_of
from zonegit.wire import subjects
from zonegit.zone import names
from zonegit.zone.rrset import rrset

QUIET: Final = "quiet.test."
LARGE: Final = "large.test."
NAMES: Final = 1_000_000
MOVER: Final = "mover"
INTERVAL_S: Final = 0.02


class TimedRefs(RemoteRefs):
    """A client of refs that records the begin and the seconds of each move."""

    def __init__(self, bus: Bus, actor: str) -> None:
        super().__init__(bus, actor)
        self.moves: list[tuple[float, float]] = []

    async def move(self, *arguments: Any, **options: Any) -> Moved:
        started = time.perf_counter()
        moved = await super().move(*arguments, **options)
        self.moves.append((started, time.perf_counter() - started))
        return moved


@dataclass(slots=True)
class Import:
    """The times of the import of the large zone, as values of ``time.perf_counter``."""

    started: float
    ended: float = 0.0
    moves: list[float] = field(default_factory=list)

    @property
    def check_s(self) -> float:
        """The seconds from the move of the branch to the end of the import."""
        return self.ended - self.moves[0]


def measure() -> list[Figure]:
    """Measure the check of the first tip of a million names and the moves of another zone."""
    with make_folder() as folder, run_stack(folder / "data", core=None) as stack:
        for zone, size in ((QUIET, 10), (LARGE, NAMES)):
            (folder / f"{zone}zone").write_text(zones.format_flat_zone(zone, size))
        stack.serve(QUIET, folder / f"{QUIET}zone")
        stack.run("init", LARGE)
        imported, moves = asyncio.run(_move_during_import(stack, folder / f"{LARGE}zone"))
    during = [ms for begun, ms in moves if begun >= imported.moves[0]]
    whole = imported.ended - imported.started
    share = 100 * imported.check_s / whole
    return [
        Figure(
            f"check of the first tip of {NAMES:,} names, of the time of its import",
            "at most 10 %",
            f"{share:.1f} % ({imported.check_s:.1f} s of {whole:.0f} s)",
            "a single run, with the default timeout",
        ),
        Figure(
            "moves of another zone meanwhile",
            "p99 under 20 ms",
            f"p50 {percentile(during, 50):.1f} ms, p99 {percentile(during, 99):.1f} ms",
            f"{len(during):,} moves of one record, maximum {max(during):.1f} ms;"
            f" p99 of the whole import {percentile([ms for _, ms in moves], 99):.1f} ms",
        ),
    ]


async def _move_during_import(stack: Stack, file: Path) -> tuple[Import, list[tuple[float, float]]]:
    """Import the large zone and move the other one meanwhile; return all moves in milliseconds."""
    large = names.parse(LARGE)
    async with connect_to_bus(stack) as bus:
        refs = TimedRefs(bus, MOVER)
        mover = asyncio.create_task(
            _move_again_and_again(Repo(RemoteObjects(bus, MOVER), refs, MOVER, make_identity))
        )
        await asyncio.sleep(1)
        imported = Import(time.perf_counter())
        subject = subjects.request("bench", "refs", "move", branch_of(large, DEFAULT_BRANCH))
        async with _watch_requests(stack, subject, imported.moves):
            process = await asyncio.create_subprocess_exec(
                *(ZONEGIT, "import", str(file), "--zone", LARGE),
                env=make_environment(stack.data),
                stdout=asyncio.subprocess.DEVNULL,
            )
            status = await process.wait()
        imported.ended = time.perf_counter()
        mover.cancel()
        await asyncio.wait([mover])
    if status:
        raise RuntimeError(f"the import ended with {status}")
    return imported, [(begun, seconds * 1_000) for begun, seconds in refs.moves]


@asynccontextmanager
async def _watch_requests(stack: Stack, subject: str, times: list[float]) -> AsyncIterator[None]:
    """Record the time of each request on a subject; only the user of refs may receive them."""

    async def record(_: Msg) -> None:
        times.append(time.perf_counter())

    bus = stack.read_record()["bus"]
    client = await nats.connect(bus["url"], user="refs", password=bus["users"]["refs"])
    try:
        await client.subscribe(subject, cb=record)
        await client.flush()
        yield
    finally:
        await client.close()


async def _move_again_and_again(repo: Repo) -> None:
    apex = names.parse(QUIET)
    number = 0
    while True:
        number += 1
        address = bytes((192, 0, 2 + number // 256 % 200, number % 256))
        edit = Set(rrset(names.parse("h1", apex), zones.A, 300, [address]))
        position = await heads.find_position(repo, apex, DEFAULT_BRANCH)
        plan = change_plan.plan_edits([edit], apex)
        await commit_loop.commit(repo, position, plan, Intent("change", "bench"))
        await asyncio.sleep(INTERVAL_S)
