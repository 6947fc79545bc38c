"""The log: which commits led to one, chosen by who made them, what they say, what they changed."""

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.history import commit_graph
from zonegit.history.commit_graph import Log, Logged
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Blob, Commit, Tag
from zonegit.objects.walk import gather
from zonegit.repo import heads, read_zone
from zonegit.repo.commit import diff
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.heads import Repo
from zonegit.store.commit_reader import FIRST_BATCH, CommitReader
from zonegit.store.protocols import MAX_HISTORY
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import with_serial

MAX_PATTERN: Final = 1_000
"""Characters of a regular expression."""

MAX_LINE: Final = 1_000
"""Characters of a line that a regular expression is tried on."""

PATCH_CONCURRENCY: Final = 32

Content = Mapping[tuple[names.Path, int], object]
"""The RRsets at some names in a commit, by path and type; equal if there is no visible
difference."""


class Filter(msgspec.Struct, frozen=True):
    """Which commits are wanted: all that are left None or empty do not matter. ``author`` and
    ``grep`` are regular expressions, found in ``name <email>`` and in a line of the message; of
    ``owners`` an RRset must have changed, by more than a serial."""

    author: re.Pattern[str] | None = None
    grep: re.Pattern[str] | None = None
    owners: frozenset[Name] = frozenset()

    def says(self, commit: Commit) -> bool:
        """Return whether author and message match."""
        return _found(self.author, [commit.author.mailbox]) and _found(
            self.grep, commit.message.splitlines()
        )


EVERYTHING: Final = Filter()


def compile_pattern(text: str) -> re.Pattern[str]:
    """A regular expression, in which case matters.

    Raises:
        Invalid: it is not a pattern, or longer than ``MAX_PATTERN``.
    """
    if len(text) > MAX_PATTERN:
        raise Invalid(f"a pattern has {MAX_PATTERN} characters at the most, not {len(text)}")
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise Invalid(
            f"{text!r} is not a regular expression: {error}",
            hint="to find a special character itself, put \\ before it",
        ) from error


def _found(wanted: re.Pattern[str] | None, lines: Sequence[str]) -> bool:
    return wanted is None or any(wanted.search(line[:MAX_LINE]) for line in lines)


async def iter_log(
    repo: Repo, reader: Reader, start: CommitId, apex: Name, wanted: Filter = EVERYTHING
) -> AsyncIterator[Logged]:
    """The commit and its ancestors that are wanted, each once, the latest first and none before
    what is built on it. A merge changed what differs from every parent. Read in batches that
    grow, as far as the caller goes on.

    Raises:
        Invalid: one of the wanted owners is outside the zone.
        NotFound, Corrupt, Unavailable: as the store says.
    """
    past = CommitReader(repo.objects, reader)
    order = Log([start])
    batch = FIRST_BATCH // 2  # most want the latest few, which one fetch brings
    while found := await past.answer(order.take(batch)):
        batch = min(2 * batch, MAX_HISTORY)
        chosen = [each for each in found if wanted.says(each.commit)]
        if wanted.owners:
            # A reader of the batch's own: it keeps what it reads, and a history is long.
            trees_of_batch = Reader(repo.objects)
            chosen = await _filter_touching(past, trees_of_batch, chosen, wanted.owners, apex)
        for each in chosen:
            yield each


async def _filter_touching(
    past: CommitReader,
    reader: Reader,
    found: Sequence[Logged],
    owners: Collection[Name],
    apex: Name,
) -> list[Logged]:
    """Those that changed an RRset of ``owners``; the trees of all are read together."""
    above = {parent for each in found for parent in each.commit.parents}
    nodes = await past.answer(commit_graph.nodes(above))
    tree_of = {parent: nodes[parent].commit.tree for parent in above}
    wanted = {*tree_of.values(), *(each.commit.tree for each in found)}
    content = await _read_contents(reader, wanted, owners, apex)

    def touched(commit: Commit) -> bool:
        before = [content[tree_of[parent]] for parent in commit.parents] or [{}]
        return all(content[commit.tree] != each for each in before)

    return [each for each in found if touched(each.commit)]


async def _read_contents(
    reader: Reader, roots: Collection[ObjectId], owners: Collection[Name], apex: Name
) -> dict[ObjectId, Content]:
    paths = [names.path(owner, apex) for owner in owners]
    ordered = list(roots)
    found = await reader.answer(gather([zone_tree.find(root, paths) for root in ordered]))
    plain = {
        root: {(path, rdtype): blob for path, at in each.items() for rdtype, blob in at.items()}
        for root, each in zip(ordered, found, strict=True)
    }
    serials = {at[(), rrtypes.SOA] for at in plain.values() if ((), rrtypes.SOA) in at}
    blobs = await reader.get(serials)

    def seen(key: tuple[names.Path, int], blob: ObjectId) -> object:
        value = blobs[blob] if blob in serials else None
        return with_serial(value.rrset, 0) if isinstance(value, Blob) else blob

    return {root: {key: seen(key, blob) for key, blob in at.items()} for root, at in plain.items()}


async def read_latest(
    repo: Repo,
    reader: Reader,
    start: CommitId,
    apex: Name,
    limit: int,
    wanted: Filter = EVERYTHING,
) -> list[Logged]:
    """The first ``limit`` commits of :func:`iter_log`."""
    found: list[Logged] = []
    async for each in iter_log(repo, reader, start, apex, wanted):
        found.append(each)
        if len(found) == limit:
            break
    return found


async def read_deltas(
    reader: Reader, found: Sequence[Logged], apex: Name
) -> list[list[RRsetDelta]]:
    """Return what each commit changed relative to its first parent, without serials."""
    above = (each.commit.first_parent for each in found)
    await reader.get([parent for parent in above if parent is not None])
    changed: list[list[RRsetDelta]] = []
    for at in range(0, len(found), PATCH_CONCURRENCY):
        some = found[at : at + PATCH_CONCURRENCY]
        changed += await asyncio.gather(*(_read_delta(reader, each.commit, apex) for each in some))
    return changed


async def _read_delta(reader: Reader, commit: Commit, apex: Name) -> list[RRsetDelta]:
    parent = commit.first_parent
    before = (await read_zone.read_commit(reader, parent)).tree if parent is not None else None
    return diff.drop_serial_changes(await diff.diff_trees(reader, before, commit.tree, apex))


class Label(msgspec.Struct, frozen=True, order=True):
    """A name that a commit goes by. ``current``: the branch that is checked out."""

    kind: str
    name: str
    current: bool = False


async def read_labels(repo: Repo, reader: Reader, zone: Name) -> dict[CommitId, list[Label]]:
    """Return the branches and then the tags at each commit of a zone."""
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
