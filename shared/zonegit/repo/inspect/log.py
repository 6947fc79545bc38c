"""List the history of a commit, filtered by author, message and changed names."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.history import commit_graph
from zonegit.history.commit_graph import LoggedCommit, LogWalk
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Blob, Commit, Tag
from zonegit.objects.walk import gather
from zonegit.repo import heads, read_zone
from zonegit.repo.commit import diff
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import FIRST_BATCH, CommitReader
from zonegit.store.objects import MAX_HISTORY
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import with_serial

MAX_PATTERN: Final = 1_000
"""Characters of a regular expression."""

MAX_LINE: Final = 1_000
"""Characters of a line that are searched with a regular expression."""

PATCH_CONCURRENCY: Final = 32

VisibleRRsets = Mapping[tuple[names.Path, int], object]
"""The RRsets of some names in a commit, by path and type. Values are equal if the RRsets differ at
most in a serial."""


class LogFilter(msgspec.Struct, frozen=True):
    """The conditions that a commit must meet. Conditions that are None or empty are ignored.

    Attributes:
        author: matches ``name <email>`` of the author.
        grep: matches a line of the message.
        owners: an RRset of one of these names changed, in more than a serial.
        rdtype: only RRsets of this type count as changes of ``owners``.
        since: the committer's time is not earlier, in seconds since 1970.
        until: the committer's time is not later, in seconds since 1970.
    """

    author: re.Pattern[str] | None = None
    grep: re.Pattern[str] | None = None
    owners: frozenset[Name] = frozenset()
    rdtype: int | None = None
    since: float | None = None
    until: float | None = None

    def matches(self, commit: Commit) -> bool:
        """Return whether the author, the message and the time match."""
        time = commit.committer.time
        return (
            (self.since is None or time >= self.since)
            and (self.until is None or time <= self.until)
            and _matches(self.author, [commit.author.mailbox])
            and _matches(self.grep, commit.message.splitlines())
        )

    def selects(self, rdtype: int) -> bool:
        """Return whether changes of a type count."""
        return self.rdtype in (None, rdtype)


EVERYTHING: Final = LogFilter()


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression, which is case-sensitive.

    Raises:
        Invalid: it is not a regular expression, or exceeds ``MAX_PATTERN``.
    """
    if len(text) > MAX_PATTERN:
        raise Invalid(f"the pattern has {len(text)} characters; the maximum is {MAX_PATTERN}")
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise Invalid(
            f"{text!r} is not a regular expression: {error}",
            hint="to match a special character, put \\ before it",
        ) from error


def _matches(wanted: re.Pattern[str] | None, lines: Sequence[str]) -> bool:
    return wanted is None or any(wanted.search(line[:MAX_LINE]) for line in lines)


async def iter_log(
    repo: Repo,
    reader: Reader,
    start: CommitId,
    apex: Name,
    wanted: LogFilter = EVERYTHING,
    past: CommitReader | None = None,
) -> AsyncIterator[LoggedCommit]:
    """Yield a commit and its ancestors, the latest first, each after all of its descendants.

    A merge counts as a change to the RRsets that differ from all of its parents. Commits are read
    in batches of increasing size, while the caller continues.

    Args:
        repo: the stores.
        reader: caches objects that the caller has read.
        start: the commit.
        apex: the zone's name.
        wanted: the conditions that a commit must meet.
        past: keeps the commits that are read; None for a reader of its own.

    Raises:
        Invalid: a name in ``wanted.owners`` is outside the zone.
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    past = past if past is not None else CommitReader(repo.objects, reader)
    order = LogWalk([start])
    batch = FIRST_BATCH // 2  # usually only the latest few are needed, which are read together
    while found := await past.answer(order.take(batch)):
        batch = min(2 * batch, MAX_HISTORY)
        chosen = [each for each in found if wanted.matches(each.commit)]
        if wanted.owners:
            # A reader keeps all that it reads, and a history is long: each batch has its own.
            batch_reader = Reader(repo.objects)
            chosen = await _filter_touching(past, batch_reader, chosen, wanted, apex)
        for each in chosen:
            yield each
        # A moment is not earlier than the time of its commit, and the walk is ordered by moments.
        if wanted.since is not None and past.known[found[-1].id].moment < wanted.since:
            break


async def _filter_touching(
    past: CommitReader,
    reader: Reader,
    found: Sequence[LoggedCommit],
    log_filter: LogFilter,
    apex: Name,
) -> list[LoggedCommit]:
    """Return the commits that changed an RRset of the filter's names. All trees are read
    together."""
    above = {parent for each in found for parent in each.commit.parents}
    nodes = await past.answer(commit_graph.read_nodes(above))
    tree_of = {parent: nodes[parent].commit.tree for parent in above}
    wanted = {*tree_of.values(), *(each.commit.tree for each in found)}
    content = await _read_contents(reader, wanted, log_filter, apex)

    def is_touched(commit: Commit) -> bool:
        before = [content[tree_of[parent]] for parent in commit.parents] or [{}]
        return all(content[commit.tree] != each for each in before)

    return [each for each in found if is_touched(each.commit)]


async def _read_contents(
    reader: Reader, roots: Collection[ObjectId], log_filter: LogFilter, apex: Name
) -> dict[ObjectId, VisibleRRsets]:
    paths = [names.path(owner, apex) for owner in log_filter.owners]
    ordered = list(roots)
    found = await reader.answer(gather([zone_tree.find(root, paths) for root in ordered]))
    by_key = {
        root: {
            (path, rdtype): blob
            for path, at in each.items()
            for rdtype, blob in at.items()
            if log_filter.selects(rdtype)
        }
        for root, each in zip(ordered, found, strict=True)
    }
    serials = {at[(), rrtypes.SOA] for at in by_key.values() if ((), rrtypes.SOA) in at}
    blobs = await reader.get(serials)

    def strip_serial(key: tuple[names.Path, int], blob: ObjectId) -> object:
        value = blobs[blob] if blob in serials else None
        return with_serial(value.rrset, 0) if isinstance(value, Blob) else blob

    return {
        root: {key: strip_serial(key, blob) for key, blob in at.items()}
        for root, at in by_key.items()
    }


async def read_history(repo: Repo, tip: CommitId) -> list[LoggedCommit]:
    """Return a commit and all its ancestors, the latest first.

    Raises:
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    past = CommitReader(repo.objects, Reader(repo.objects))
    order = LogWalk([tip])
    found: list[LoggedCommit] = []
    while taken := await past.answer(order.take(MAX_HISTORY)):
        found += taken
    return found


async def read_latest(
    repo: Repo,
    reader: Reader,
    start: CommitId,
    apex: Name,
    limit: int,
    wanted: LogFilter = EVERYTHING,
    past: CommitReader | None = None,
) -> list[LoggedCommit]:
    """Return the first ``limit`` commits of :func:`iter_log`.

    Args:
        repo: the stores.
        reader: caches objects that the caller has read.
        start: the commit.
        apex: the zone's name.
        limit: the maximum number of commits.
        wanted: the conditions that a commit must meet.
        past: keeps the commits that are read; None for a reader of its own.
    """
    found: list[LoggedCommit] = []
    async for each in iter_log(repo, reader, start, apex, wanted, past):
        found.append(each)
        if len(found) == limit:
            break
    return found


async def read_deltas(
    reader: Reader, found: Sequence[LoggedCommit], apex: Name, wanted: LogFilter = EVERYTHING
) -> list[list[RRsetDelta]]:
    """Return the changes of each commit relative to its first parent, without those of a serial
    only.

    Args:
        reader: reads the objects.
        found: the commits.
        apex: the zone's name.
        wanted: only changes of its names and type; all if it has no names.
    """
    above = (each.commit.first_parent for each in found)
    await reader.get([parent for parent in above if parent is not None])
    changed: list[list[RRsetDelta]] = []
    for at in range(0, len(found), PATCH_CONCURRENCY):
        some = found[at : at + PATCH_CONCURRENCY]
        changed += await asyncio.gather(
            *(_read_delta(reader, each.commit, apex, wanted) for each in some)
        )
    return changed


async def _read_delta(
    reader: Reader, commit: Commit, apex: Name, wanted: LogFilter
) -> list[RRsetDelta]:
    parent = commit.first_parent
    before = await read_zone.read_tree(reader, parent) if parent is not None else None
    if wanted.owners:
        found = await diff.diff_names(reader, before, commit.tree, wanted.owners, apex)
        found = [each for each in found if wanted.selects(each.rdtype)]
    else:
        found = await diff.diff_trees(reader, before, commit.tree, apex)
    return diff.drop_serial_changes(found)


class Label(msgspec.Struct, frozen=True, order=True):
    """A branch or tag that names a commit. ``current`` is set for the checked-out branch."""

    kind: str
    name: str
    current: bool = False


async def read_labels(repo: Repo, reader: Reader, zone: Name) -> dict[CommitId, list[Label]]:
    """Return the branches and then the tags that name each commit of a zone."""
    refs = await repo.refs.zone(zone, repo.actor)
    current = await heads.find_current_branch(repo, zone)
    found: dict[CommitId, list[Label]] = {}
    for name, tip in sorted(refs.heads.items(), key=lambda item: (item[0] != current, item[0])):
        label = Label("branch", name, name == current)
        found.setdefault(CommitId(tip.target), []).append(label)
    tagged = await reader.get([tip.target for tip in refs.tags.values()])
    for name, tip in sorted(refs.tags.items()):
        value = tagged[tip.target]
        commit = value.target if isinstance(value, Tag) else CommitId(tip.target)
        found.setdefault(commit, []).append(Label("tag", name))
    return found
