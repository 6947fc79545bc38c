"""Measure log, blame, diff, merge and racing edits.

Some are measured as whole commands, some in a process that is already connected. The row also has
git's time for the same task on a master file with as many lines; git reads files from its own disk
and not objects over a bus.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import gitpeer, stack, zones
from benchmarks.figures import Figure, spread
from benchmarks.gitpeer import Git
from benchmarks.stack import Stack
from zonegit.bus import RemoteObjects, RemoteRefs, connect
from zonegit.config import load as load_settings
from zonegit.objects.model import Identity
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge
from zonegit.repo.commit import change_plan, commit_loop, diff
from zonegit.repo.commit.commit_loop import Committed, Intent, Preview
from zonegit.repo.commit.edits import RRsetEdit, Set
from zonegit.repo.heads import Repo
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.rrset import rrset

LONG: Final = "long.test."
LARGE: Final = "large.test."
COMMITS: Final = 1_000
SMALL_NAMES: Final = 100
LARGE_NAMES: Final = 100_000
EACH_SIDE: Final = 100
RACERS: Final = ("ada", "bob")
EDITS: Final = 500
RUNS: Final = 20
BLAME_RUNS: Final = 5
STARTED: Final = 1_750_000_000


def figures() -> list[Figure]:
    """Measure log and blame of a long history, diff and merge of a large zone, and a race."""
    with stack.folder() as folder, stack.running(folder / "data", core=None) as running:
        for zone, size in ((LONG, SMALL_NAMES), (LARGE, LARGE_NAMES)):
            zonefile = folder / f"{zone}zone"
            zonefile.write_text(zones.flat_zone(zone, size))
            running.serve(zone, zonefile)
        asyncio.run(_make_history(running))
        git = gitpeer.prepare(folder / "git")
        return [
            *_commands(running, git),
            *asyncio.run(_in_process(running, git)),
            _race(running),
        ]


def _commands(running: Stack, git: Git | None) -> list[Figure]:
    log = [running.zonegit("log", "-n", "20", "--zone", LONG) for _ in range(RUNS)]
    blame = [running.zonegit("blame", "h1", "A", "--zone", LONG) for _ in range(BLAME_RUNS)]
    git_log = git.times(RUNS, "log", "-n", "20", "long") if git else []
    git_blame = git.times(BLAME_RUNS, "blame", "long", "--", gitpeer.SMALL) if git else []
    return [
        _figure("`log -n 20`", "under 250 ms", log, git_log, "whole process"),
        _figure(
            f"`blame` over {COMMITS:,} commits",
            "under 1 s",
            blame,
            git_blame,
            "whole process; the record is the first commit's; git blames the whole file",
        ),
    ]


async def _in_process(running: Stack, git: Git | None) -> list[Figure]:
    async with _client(running, "bench") as repo:
        diff = await _times(RUNS, lambda: _diff(repo))
        merge = await _times(RUNS, lambda: _merge(repo))
    git_diff = git.times(RUNS, "diff", "large~1", "large") if git else []
    git_merge = git.times(RUNS, "merge-tree", "--write-tree", "ours", "theirs") if git else []
    return [
        _figure(
            f"diff of neighbours, {LARGE_NAMES:,} names",
            "under 30 ms",
            diff,
            git_diff,
            "inside the process, nothing at hand at first; git's as a whole process",
        ),
        _figure(
            f"three-way merge, {LARGE_NAMES:,} names, {EACH_SIDE} changes each side",
            "under 200 ms",
            merge,
            git_merge,
            "inside the process, up to the new tree; git's as a whole process",
        ),
    ]


def _figure(
    what: str, reach: str, seconds: Sequence[float], peer: Sequence[float], how: str
) -> Figure:
    shown = spread([value * 1_000 for value in seconds], "ms")
    if peer:
        ratio = median(seconds) / median(peer)
        shown += f"; git {median(peer) * 1_000:.1f} ms, ratio {ratio:.1f}"
    return Figure(what, reach, shown, f"{len(seconds)} runs, {how}")


async def _times(runs: int, work: Callable[[], Awaitable[None]]) -> list[float]:
    found = []
    for _ in range(runs):
        started = time.perf_counter()
        await work()
        found.append(time.perf_counter() - started)
    return found


async def _diff(repo: Repo) -> None:
    reader = Reader(repo.objects)
    tip = (await heads.find_position(repo, names.parse(LARGE), "main")).commit()
    new = await read_zone.read_commit(reader, tip)
    old = await read_zone.read_commit(reader, new.parents[0])
    found = await diff.diff_trees(reader, old.tree, new.tree, names.parse(LARGE))
    assert len(found) == 2  # one address and the SOA


async def _merge(repo: Repo) -> None:
    at = await heads.find_position(repo, names.parse(LARGE), "ours")
    theirs = (await heads.find_position(repo, names.parse(LARGE), "theirs")).commit()
    made = await merge.merge(repo, at, theirs, Intent("merge", "merge", dry_run=True))
    assert isinstance(made, Preview)


async def _make_history(running: Stack) -> None:
    """Make the history that is measured.

    The small zone gets a thousand commits. The large zone gets one commit and two branches from it
    with one commit each.
    """
    async with _client(running, "bench") as repo:
        for number in range(COMMITS):
            await _commit(repo, LONG, "main", [_edit(LONG, 2 + number % 90, number)])
        await _commit(repo, LARGE, "main", [_edit(LARGE, 1, 1)])
        tip = (await heads.find_position(repo, names.parse(LARGE), "main")).commit()
        for branch, first in (("ours", 1_000), ("theirs", 50_000)):
            await branches.create(repo, names.parse(LARGE), branch, tip)
            changed = range(first, first + 37 * EACH_SIDE, 37)
            await _commit(repo, LARGE, branch, [_edit(LARGE, n, n) for n in changed])


def _race(running: Stack) -> Figure:
    seconds = asyncio.run(_race_once(running))
    return Figure(
        f"{EDITS} racing edits",
        "under 20 s",
        f"{seconds:.1f} s",
        f"{len(RACERS)} clients on one branch, each in its own connection",
    )


async def _race_once(running: Stack) -> float:
    async def client(who: str) -> None:
        async with _client(running, who) as repo:
            for number in range(EDITS // len(RACERS)):
                owner = names.parse(f"{who}-{number}", names.parse(LONG))
                edit = Set(rrset(owner, zones.A, 300, [bytes((192, 0, 2, number % 256))]))
                await _commit(repo, LONG, "main", [edit])

    started = time.perf_counter()
    await asyncio.gather(*(client(who) for who in RACERS))
    return time.perf_counter() - started


async def _commit(repo: Repo, zone: str, branch: str, todo: Sequence[RRsetEdit]) -> None:
    apex = names.parse(zone)
    position = await heads.find_position(repo, apex, branch)
    plan = change_plan.plan_edits(todo, apex)
    made = await commit_loop.commit(repo, position, plan, Intent("change", "bench"))
    assert isinstance(made, Committed)


def _edit(zone: str, host: int, number: int) -> Set:
    address = bytes((172, 16, number >> 8 & 255, number & 255))
    return Set(rrset(names.parse(f"h{host}", names.parse(zone)), zones.A, 300, [address]))


@asynccontextmanager
async def _client(running: Stack, who: str) -> AsyncIterator[Repo]:
    settings = load_settings(stack.environment(running.data), Path(running.data))
    assert settings.bus is not None
    identity = Identity(who, f"{who}@example.net", STARTED)
    async with connect(settings.bus, name=who) as bus:
        yield Repo(RemoteObjects(bus, who), RemoteRefs(bus, who), who, lambda: identity)
