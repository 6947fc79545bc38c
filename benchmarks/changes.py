"""Measure one-record changes in a small and in a large zone.

For each change: the time of the commit, the octets that it stores, and the time from the reply to
the ref's move until the first changed answer. Changes are made over the bus with the use cases of
the command line, in one connected process, so the start of a process is not measured.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks import zones
from benchmarks.figures import Figure, percentile
from benchmarks.stack import Stack, make_environment, make_folder, run_stack
from zonegit.bus import Bus, RemoteObjects, RemoteRefs, connect
from zonegit.config import load as load_settings
from zonegit.objects.ids import RawObject
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.repo import Repo
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.zone import names
from zonegit.zone.rrset import rrset

ZONES: Final = {"small.test.": 10, "large.test.": 100_000}
SAMPLES: Final = 200
WARM_UP: Final = 10
TIMEOUT_S: Final = 10.0


class CountingObjects(RemoteObjects):
    """An object store over the bus that counts the octets put into it."""

    octets = 0

    async def put(self, objects: Sequence[RawObject]) -> None:
        self.octets += sum(len(raw.payload) for raw in objects)
        await super().put(objects)


@dataclass(frozen=True, slots=True)
class Sample:
    """The measurements of one change.

    Attributes:
        commit_ms: the time of the whole commit.
        cpu_ms: the processor time of this process during the commit.
        octets: the octets of the new objects.
        answer_ms: the time from the reply to the ref's move until the changed answer.
    """

    commit_ms: float
    cpu_ms: float
    octets: int
    answer_ms: float


def measure() -> list[Figure]:
    """Measure changes in a zone of each size."""
    with make_folder() as folder, run_stack(folder / "data", core=None) as stack:
        figures: list[Figure] = []
        for zone, size in ZONES.items():
            zonefile = folder / f"{zone}zone"
            zonefile.write_text(zones.format_flat_zone(zone, size))
            stack.serve(zone, zonefile)
            samples = asyncio.run(_make_changes(stack, zone, size))
            figures += _summarize(size, samples)
        return figures


def _summarize(size: int, samples: Sequence[Sample]) -> list[Figure]:
    answers = [sample.answer_ms for sample in samples]
    commits = [sample.commit_ms for sample in samples]
    octets = [sample.octets for sample in samples]
    figures = [
        Figure(
            f"move's reply to first changed answer, {size:,} names",
            "p50 under 2 ms, p99 under 10 ms",
            f"p50 {percentile(answers, 50):.2f} ms, p99 {percentile(answers, 99):.2f} ms",
            f"{len(samples)} changes at random names, each queried every 0.15 ms",
        )
    ]
    if size == max(ZONES.values()):
        figures += [
            Figure(
                f"one-record commit, {size:,} names: new octets",
                "under 64 KiB",
                f"{median(octets) / 1024:.1f} KiB, maximum {max(octets) / 1024:.1f}",
                f"{len(samples)} commits",
            ),
            Figure(
                f"one-record commit, {size:,} names: time in the process",
                "under 20 ms",
                f"p50 {percentile(commits, 50):.1f} ms, p99 {percentile(commits, 99):.1f} ms",
                "from the edit to the reply to the ref's move;"
                f" {median(sample.cpu_ms for sample in samples):.1f} ms of processor time",
            ),
        ]
    return figures


async def _make_changes(stack: Stack, zone: str, size: int) -> list[Sample]:
    apex = names.parse(zone)
    generator = random.Random(1)
    async with connect_to_bus(stack) as bus, _run_watcher(stack) as watcher:
        objects = CountingObjects(bus, "bench")
        repo = Repo(objects, RemoteRefs(bus, "bench"), "bench", make_identity)
        samples = []
        for number in range(WARM_UP + SAMPLES):
            owner = names.parse(f"h{generator.randrange(size)}", apex)
            address = bytes((192, 0, 2 + number // 256, number % 256))
            edit = Set(rrset(owner, zones.A, 300, [address]))
            await watcher.watch(names.text(owner))
            before = objects.octets
            started, cpu_started = time.perf_counter_ns(), time.process_time_ns()
            position = await heads.find_position(repo, apex, DEFAULT_BRANCH)
            plan = change_plan.plan_edits([edit], apex)
            await commit_loop.commit(repo, position, plan, Intent("change", "bench"))
            replied, cpu = time.perf_counter_ns(), time.process_time_ns() - cpu_started
            changed = int(await watcher.read_line())
            sample = Sample(
                commit_ms=(replied - started) / 1e6,
                cpu_ms=cpu / 1e6,
                octets=objects.octets - before,
                answer_ms=(changed - replied) / 1e6,
            )
            samples.append(sample)
        return samples[WARM_UP:]


@asynccontextmanager
async def connect_to_bus(stack: Stack) -> AsyncIterator[Bus]:
    """Connect to the bus of a stack as a command does."""
    settings = load_settings(make_environment(stack.data), stack.data)
    assert settings.bus is not None
    async with connect(settings.bus, name="bench") as bus:
        yield bus


@dataclass(frozen=True, slots=True)
class Watcher:
    """The process that watches for changed answers (``benchmarks.watch``)."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader

    async def watch(self, name: str) -> None:
        """Watch a name; :meth:`read_line` then returns the time at which its answer changed."""
        self.stdin.write(f"{name}\n".encode())
        assert await self.read_line() == "ready"

    async def read_line(self) -> str:
        """Return the next line of the process.

        Raises:
            TimeoutError: there is none for ``TIMEOUT_S``.
        """
        async with asyncio.timeout(TIMEOUT_S):
            return (await self.stdout.readline()).decode().strip()


@asynccontextmanager
async def _run_watcher(stack: Stack) -> AsyncIterator[Watcher]:
    host, port = stack.address
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.watch", host, str(port)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Watcher(process.stdin, process.stdout)
    finally:
        process.kill()
        await process.wait()


def make_identity() -> Identity:
    """Return the author of the changes, with the current time."""
    return Identity("bench", "bench@example.net", int(time.time()))
