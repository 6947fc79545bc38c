"""Revert the changes of a commit, and find commits of a branch that were reverted.

A revert leaves the reverted commit in the history, so a later merge of it changes nothing: the
branch has the commit already, but not its records. The message of a revert names the reverted
commit.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.history import commit_graph
from zonegit.merge.zone_merge import MergeBase
from zonegit.objects.ids import CommitId, from_hex, short
from zonegit.objects.model import Commit, subject
from zonegit.repo import read_zone
from zonegit.repo.change import cherry_pick
from zonegit.repo.commit import conflicts
from zonegit.repo.commit.conflicts import Choices, MergeConflicts
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.zone import rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name

MAX_SEARCHED: Final = 10_000
"""The latest commits that are searched for reverts."""

MAX_SHOWN: Final = 5
"""Reverts that are named, also with ``--json``."""

REVERTED_RULE: Final = "merged-and-reverted"
STAYS_REVERTED_RULE: Final = "stays-reverted"

_TRAILER: Final = re.compile(
    r"^This takes back ([0-9a-f]{64})(?:, back to ([0-9a-f]{64}))?\.$", re.MULTILINE
)


class RevertCommit(msgspec.Struct, frozen=True):
    """A revert in the history of a branch.

    Attributes:
        subject: the first line of its message.
        commit: the commit that it reverted.
        whole: the last commit of the merged history was reverted.
    """

    revert: CommitId
    subject: str
    commit: CommitId
    whole: bool


async def revert(
    repo: Repo,
    position: BranchPosition,
    commit: CommitId,
    mainline: int | None,
    intent: Intent,
    choices: Choices = conflicts.NO_CHOICES,
) -> Outcome:
    """Revert the changes of ``commit`` with a new commit. Later changes stay.

    Args:
        repo: the stores.
        position: the branch.
        commit: the commit to revert.
        mainline: the parent (1 or 2) of a merge to return to; None for other commits.
        intent: the purpose of the new commit.
        choices: decisions about clashes.

    Raises:
        Invalid: the commit is a first commit, a commit of another zone, or a merge without
            ``mainline``.
        Unsafe: the zone is signed; without force.
    """
    advice = "-m 1 reverts the changes of the merged branch, -m 2 those of the branch itself"
    change = await cherry_pick.read_change(
        Reader(repo.objects), position.zone, commit, mainline, advice
    )
    if change is None:
        raise Invalid(
            f"{short(commit)} is the first commit: it has no parent to return to",
            hint="zonegit zone remove removes the zone",
        )
    message = add_trailer(intent.message, commit, change.parent if mainline else None)
    intent = msgspec.structs.replace(intent, message=message)
    return await cherry_pick.commit_difference(
        repo, position, change.after, change.before, intent, choices
    )


def add_trailer(message: str, commit: CommitId, parent: CommitId | None) -> str:
    """Return a message with a line that names the reverted commit.

    Args:
        message: the operator's message.
        commit: the reverted commit.
        parent: of a merge, the parent whose records are restored; None for other commits.
    """
    if _parse_trailer(message) == (commit, parent):
        return message
    back = f", back to {parent.hex()}" if parent is not None else ""
    return f"{message.rstrip()}\n\nThis takes back {commit.hex()}{back}."


def _parse_trailer(message: str) -> tuple[CommitId, CommitId | None] | None:
    found = _TRAILER.findall(message)
    if not found:
        return None
    commit, parent = found[-1]
    return CommitId(from_hex(commit)), CommitId(from_hex(parent)) if parent else None


async def find_reverts(
    past: CommitReader,
    reader: Reader,
    apex: Name,
    tip: CommitId,
    theirs: CommitId,
    settled: Collection[tuple[Name, int]] = (),
) -> list[RevertCommit]:
    """Return the reverts on a branch of commits that ``theirs`` has, unless they were restored.

    Args:
        past: the history.
        reader: the objects.
        apex: the zone.
        tip: the branch's tip, built on ``theirs``.
        theirs: the commit that is merged.
        settled: RRsets that the merge changes, which are ignored.
    """
    since = (await past.answer(commit_graph.compare_histories(tip, theirs))).ours
    ids = {each.id for each in since}
    found: list[RevertCommit] = []
    for each in since[:MAX_SEARCHED]:
        named = _parse_trailer(each.commit.message)
        if named is None or len(each.commit.parents) != 1:
            continue
        lost = await _find_lost(past, theirs, ids, *named)
        if lost and await _is_missing(reader, apex, each.commit, tip, settled):
            found.append(RevertCommit(each.id, subject(each.commit), named[0], theirs in lost))
        if len(found) == MAX_SHOWN:
            break
    return found


async def _find_lost(
    past: CommitReader,
    theirs: CommitId,
    since: Collection[CommitId],
    commit: CommitId,
    parent: CommitId | None,
) -> list[CommitId]:
    """Return the commits of ``theirs`` that were lost when ``commit`` was reverted; ``since``
    are the commits of the branch that ``theirs`` does not have."""
    try:
        if commit not in since and await past.answer(
            commit_graph.find_merge_bases(commit, theirs)
        ) != [commit]:
            return []
        parents = (await past.answer(commit_graph.read_nodes([commit])))[commit].commit.parents
        if len(parents) < 2:
            lost = [commit]
        else:
            compared = await past.answer(
                commit_graph.compare_histories(commit, parent or parents[0])
            )
            lost = [each.id for each in compared.ours]
    except NotFound:
        return []  # a message may name a commit that does not exist
    return [each for each in lost if each not in since]


async def _is_missing(
    reader: Reader,
    apex: Name,
    revert_commit: Commit,
    tip: CommitId,
    settled: Collection[tuple[Name, int]],
) -> bool:
    """Return whether a revert of ``revert_commit`` would change more than ``settled``."""
    before = await read_zone.read_commit(reader, revert_commit.parents[0])
    now = await read_zone.read_commit(reader, tip)
    try:
        base = MergeBase(revert_commit.tree)
        planned = await conflicts.merge_trees(reader, base, now.tree, before.tree, apex)
    except MergeConflicts:
        return True
    return bool(planned.changes.keys() - {(apex, rrtypes.SOA), *settled})


def _describe(branch: str, found: Collection[RevertCommit]) -> tuple[str, str]:
    """Return a description of reverts, and how to restore what they reverted."""
    reverts = "; ".join(
        f"{short(each.commit)} was reverted by {short(each.revert)} ({each.subject})"
        for each in found
    )
    ways = ", then ".join(f"zonegit revert {short(each.revert)}" for each in found)
    return f"{branch} has merged it and reverted it since: {reverts}", f"to restore it: {ways}"


def note_reverts(found: Iterable[RevertCommit]) -> Iterator[Finding]:
    """Yield a note for each revert whose records a merge does not restore."""
    for each in found:
        yield Finding(
            STAYS_REVERTED_RULE,
            "note",
            f"{short(each.commit)} was reverted by {short(each.revert)} ({each.subject}), and"
            f" this merge does not restore it; zonegit revert {short(each.revert)} does",
        )


def reverted_error(branch: str, found: Collection[RevertCommit]) -> Conflict:
    """Return the error of a merge of a commit that was reverted."""
    message, hint = _describe(branch, found)
    return Conflict(message, hint=hint, reverts=" ".join(each.revert.hex() for each in found))


def reverted_warning(branch: str, found: Collection[RevertCommit]) -> Finding:
    """Return the warning of a merge that changes nothing, if commits of it were reverted."""
    message, hint = _describe(branch, found)
    return Finding(
        REVERTED_RULE, "warning", f"{message.replace('merged it', 'merged all of it')}; {hint}"
    )
