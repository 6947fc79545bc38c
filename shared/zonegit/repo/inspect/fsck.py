"""Check the stores: every object that refs name or ever named exists, hashes to its id and has the
expected kind. Count the objects that nothing names."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from zonegit.errors import Corrupt, Invalid
from zonegit.objects.ids import ObjectId, short
from zonegit.repo import read_zones
from zonegit.repo.inspect.fsck_report import MAX_REPORTED, FsckReport
from zonegit.repo.inspect.object_walk import EXPECTED_BY_SPACE, ObjectWalk
from zonegit.repo.inspect.tip_flaws import find_tip_flaws
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_names import RefName
from zonegit.store.refs import CheckedStore, RefStore

POLL_S: Final = 0.1
"""Interval between two questions to the ref store about its progress."""


async def check(repo: Repo, progress: Callable[[str], None] = lambda progress: None) -> FsckReport:
    """Check all objects that refs and the log lead to.

    Args:
        repo: the stores.
        progress: called with a text about the progress.

    Raises:
        Corrupt: the file of a store cannot be read.
        Unavailable: a store does not answer.
    """
    walk = ObjectWalk(repo)
    walk.report.refs = await _check_refs(repo.refs, progress)
    for named in (_iter_current(repo), _iter_logged(repo)):
        try:
            async for ref, object_id in named:
                walk.add(object_id, EXPECTED_BY_SPACE[ref.space], ref)
                if walk.has_batch:
                    await walk.read_waiting(progress)
        except Corrupt:  # the objects that a damaged row names are unknown; check the others
            if not walk.report.has_damaged_refs:
                raise
        await walk.read_waiting(progress)
        walk.is_past = True
    await _judge_tips(repo, walk.report)
    await _count_dangling(repo, walk, progress)
    return walk.report


async def _iter_current(repo: Repo) -> AsyncIterator[tuple[RefName, ObjectId]]:
    """Yield the targets of branches, tags and serving settings, and all targets that HEADs ever
    had, as these are few."""
    async for refs in read_zones.iter_zones(repo):
        for branch, tip in refs.heads.items():
            yield RefName("heads", refs.zone, branch), tip.target
        for tag, tip in refs.tags.items():
            yield RefName("tags", refs.zone, tag), tip.target
        if refs.serving is not None:
            yield ref_names.serving(refs.zone), refs.serving.target
    async for ref, object_id in _iter_logged(repo):
        if ref.space == "head":
            yield ref, object_id


async def _iter_logged(repo: Repo) -> AsyncIterator[tuple[RefName, ObjectId]]:
    """Yield all targets that refs ever had; undo and ``@{}`` can name them."""
    epoch, sequence = (await repo.refs.since("", 0)).epoch, 0
    while True:
        since = await repo.refs.since(epoch, sequence)
        for entry in since.entries:
            for object_id in (entry.new, entry.old):
                if object_id is not None and entry.ref.space in EXPECTED_BY_SPACE:
                    yield entry.ref, object_id
        if not since.entries or since.entries[-1].sequence >= since.sequence:
            return
        sequence = since.entries[-1].sequence


async def _judge_tips(repo: Repo, report: FsckReport) -> None:
    """Add the flaws of tips to a report, except those of objects that it has already."""
    known = {broken.id.hex() for broken in report.broken}
    async for flawed in find_tip_flaws(repo):
        if flawed.object in known:
            continue
        report.flawed_count += 1
        if len(report.flawed) < MAX_REPORTED:
            report.flawed.append(flawed)


async def _check_refs(refs: RefStore, say: Callable[[str], None]) -> CheckedStore | None:
    """Ask the ref store to check its file, and wait until it has finished.

    Args:
        refs: the ref store.
        say: called with a text about the progress.

    Returns:
        The result; None if the ref store is of an earlier release that cannot check its file.

    Raises:
        Unavailable: the ref store does not answer.
    """
    try:
        found = await refs.check(again=True)
    except Invalid:
        return None
    while not found.done:
        say(f"{found.rows:,} rows of the log checked")
        await asyncio.sleep(POLL_S)
        found = await refs.check()
    return found


async def _count_dangling(repo: Repo, walk: ObjectWalk, progress: Callable[[str], None]) -> None:
    after: ObjectId | None = None
    while page := await repo.objects.list_page(after):
        for object_id, kind in page:
            if not walk.has(object_id):
                walk.report.dangling[kind] += 1
        walk.report.stored += len(page)
        after = page[-1][0]
        progress(f"{walk.report.stored:,} objects listed, to {short(after)}")
