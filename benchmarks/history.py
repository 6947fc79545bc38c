"""Measure log, blame, diff, merge and racing edits.

Some are measured as whole commands, some in a process that is already connected. The row also has
git's time for the same task on a master file with as many lines; git reads files from its own disk
and not objects over a bus.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Final

from benchmarks import git_peer, zones
from benchmarks.figures import Figure, format_spread
from benchmarks.git_peer import Git
from benchmarks.stack import Stack, make_environment, make_folder, run_stack
from zonegit.bus import RemoteObjects, RemoteRefs, connect
from zonegit.config import load as load_settings
from zonegit.objects.model import Identity
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge
from zonegit.repo.commit import change_plan, commit_loop, diff
from zonegit.repo.commit.edits import RRsetEdit, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Preview
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.rrset import rrset

LONG: Final = "long.test."
LARGE: Final = "large.test."
COMMITS: Final = 1_000
SMALL_NAMES: Final = 100
LARGE_NAMES: Final = 100_000
CHANGES_PER_SIDE: Final = 100
RACERS: Final = ("ada", "bob")
EDITS: Final = 500
RUNS: Final = 20
BLAME_RUNS: Final = 5
COMMIT_TIME: Final = 1_750_000_000


def measure() -> list[Figure]:
    """Measure log and blame of a long history, diff and merge of a large zone, and a race."""
    with make_folder() as folder, run_stack(folder / "data", core=None) as stack:
        for zone, size in ((LONG, SMALL_NAMES), (LARGE, LARGE_NAMES)):
            zonefile = folder / f"{zone}zone"
            zonefile.write_text(zones.format_flat_zone(zone, size))
            stack.serve(zone, zonefile)
        asyncio.run(_make_history(stack))
        git = git_peer.prepare_repository(folder / "git")
        return [
            *_measure_commands(stack, git),
            *asyncio.run(_measure_in_process(stack, git)),
            _measure_race(stack),
        ]


def _measure_commands(stack: Stack, git: Git | None) -> list[Figure]:
    log = [stack.run("log", "-n", "20", "--zone", LONG) for _ in range(RUNS)]
    blame = [stack.run("blame", "h1", "A", "--zone", LONG) for _ in range(BLAME_RUNS)]
    git_log = git.time_runs(RUNS, "log", "-n", "20", "long") if git else []
    git_blame = git.time_runs(BLAME_RUNS, "blame", "long", "--", git_peer.SMALL) if git else []
    return [
        _make_figure("`log -n 20`", "under 250 ms", log, git_log, "whole process"),
        _make_figure(
            f"`blame` over {COMMITS:,} commits",
            "under 1 s",
            blame,
            git_blame,
            "whole process; the record is from the first commit; git blames the whole file",
        ),
    ]


async def _measure_in_process(stack: Stack, git: Git | None) -> list[Figure]:
    async with _connect(stack, "bench") as repo:
        diff = await _time_runs(RUNS, lambda: _diff(repo))
        merge = await _time_runs(RUNS, lambda: _merge(repo))
    git_diff = git.time_runs(RUNS, "diff", "large~1", "large") if git else []
    git_merge = git.time_runs(RUNS, "merge-tree", "--write-tree", "ours", "theirs") if git else []
    return [
        _make_figure(
            f"diff of a commit and its parent, {LARGE_NAMES:,} names",
            "under 30 ms",
            diff,
            git_diff,
            "in a connected process, without a cache; git as a whole process",
        ),
        _make_figure(
            f"three-way merge, {LARGE_NAMES:,} names, {CHANGES_PER_SIDE} changes each side",
            "under 200 ms",
            merge,
            git_merge,
            "in a connected process, up to the new tree; git as a whole process",
        ),
    ]


def _make_figure(
    name: str, target: str, seconds: Sequence[float], peer: Sequence[float], method: str
) -> Figure:
    measured = format_spread([value * 1_000 for value in seconds], "ms")
    if peer:
        ratio = median(seconds) / median(peer)
        measured += f"; git {median(peer) * 1_000:.1f} ms, ratio {ratio:.1f}"
    return Figure(name, target, measured, f"{len(seconds)} runs, {method}")


async def _time_runs(runs: int, work: Callable[[], Awaitable[None]]) -> list[float]:
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - started)
    return seconds


async def _diff(repo: Repo) -> None:
    reader = Reader(repo.objects)
    tip = (await heads.find_position(repo, names.parse(LARGE), "main")).commit()
    new = await read_zone.read_commit(reader, tip)
    old = await read_zone.read_commit(reader, new.parents[0])
    changes = await diff.diff_trees(reader, old.tree, new.tree, names.parse(LARGE))
    assert len(changes) == 2  # one address and the SOA


async def _merge(repo: Repo) -> None:
    position = await heads.find_position(repo, names.parse(LARGE), "ours")
    theirs = (await heads.find_position(repo, names.parse(LARGE), "theirs")).commit()
    result = await merge.merge(repo, position, theirs, Intent("merge", "merge", dry_run=True))
    assert isinstance(result, Preview)


async def _make_history(stack: Stack) -> None:
    """Make the history that is measured.

    The small zone gets a thousand commits. The large zone gets one commit and two branches from it
    with one commit each.
    """
    async with _connect(stack, "bench") as repo:
        for number in range(COMMITS):
            await _commit(repo, LONG, "main", [_make_edit(LONG, 2 + number % 90, number)])
        await _commit(repo, LARGE, "main", [_make_edit(LARGE, 1, 1)])
        tip = (await heads.find_position(repo, names.parse(LARGE), "main")).commit()
        for branch, first in (("ours", 1_000), ("theirs", 50_000)):
            await branches.create(repo, names.parse(LARGE), branch, tip)
            hosts = range(first, first + 37 * CHANGES_PER_SIDE, 37)
            await _commit(repo, LARGE, branch, [_make_edit(LARGE, n, n) for n in hosts])


def _measure_race(stack: Stack) -> Figure:
    seconds = asyncio.run(_time_race(stack))
    return Figure(
        f"{EDITS} racing edits",
        "under 20 s",
        f"{seconds:.1f} s",
        f"{len(RACERS)} clients on one branch, each with its own connection",
    )


async def _time_race(stack: Stack) -> float:
    async def commit_edits(actor: str) -> None:
        async with _connect(stack, actor) as repo:
            for number in range(EDITS // len(RACERS)):
                owner = names.parse(f"{actor}-{number}", names.parse(LONG))
                edit = Set(rrset(owner, zones.A, 300, [bytes((192, 0, 2, number % 256))]))
                await _commit(repo, LONG, "main", [edit])

    started = time.perf_counter()
    await asyncio.gather(*(commit_edits(actor) for actor in RACERS))
    return time.perf_counter() - started


async def _commit(repo: Repo, zone: str, branch: str, edits: Sequence[RRsetEdit]) -> None:
    apex = names.parse(zone)
    position = await heads.find_position(repo, apex, branch)
    plan = change_plan.plan_edits(edits, apex)
    result = await commit_loop.commit(repo, position, plan, Intent("change", "bench"))
    assert isinstance(result, Committed)


def _make_edit(zone: str, host: int, number: int) -> Set:
    address = bytes((172, 16, number >> 8 & 255, number & 255))
    return Set(rrset(names.parse(f"h{host}", names.parse(zone)), zones.A, 300, [address]))


@asynccontextmanager
async def _connect(stack: Stack, actor: str) -> AsyncIterator[Repo]:
    settings = load_settings(make_environment(stack.data), stack.data)
    assert settings.bus is not None
    identity = Identity(actor, f"{actor}@example.net", COMMIT_TIME)
    async with connect(settings.bus, name=actor) as bus:
        yield Repo(RemoteObjects(bus, actor), RemoteRefs(bus, actor), actor, lambda: identity)
