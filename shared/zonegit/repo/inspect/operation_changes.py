"""Find what operations changed, to say what was done with a message that does not."""

import contextlib
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from zonegit.errors import Corrupt, Invalid, NotFound, format_list
from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Commit
from zonegit.objects.walk import Answers, Walk, gather
from zonegit.objects.zone_tree import TreeChange
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import CommitSummary
from zonegit.store.reader import Reader
from zonegit.store.ref_log import OperationSummary
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import sort_key

RECORD_COMMANDS: Final = frozenset({"add", "delete", "edit", "remove", "restore", "set"})
"""Commands that change the RRsets named in their words."""

TYPED_COMMANDS: Final = frozenset({"add", "remove", "set"})
"""Commands whose words are a name, then a type."""

MAX_NAMED: Final = 2
"""RRsets of an operation that are named; the rest is counted."""

MAX_COUNTED: Final = 100
"""Changes of an operation after which the comparison of its trees ends."""

MAX_COMPARED: Final = 100
"""Operations whose trees are compared; further ones are shown with their message only."""

MAX_READS: Final = 2
"""Requests for nodes of trees: enough for names in a zone of a few hundred names."""

NODES_PER_STEP: Final = 128
"""Nodes of one pair of trees that are read at a time."""


async def describe_operations(
    reader: Reader,
    found: Iterable[OperationSummary],
    commits: Mapping[ObjectId, CommitSummary],
) -> dict[str, str]:
    """Return what was done and the message, by the id of the operation: "set lb A: third lb".

    A message that begins with the command is returned as it is. So is that of an operation which
    is not one change of records, whose trees are damaged, or whose comparison needs more than
    ``MAX_READS`` requests. The trees of all operations are compared together, and only as far as
    they differ.

    Args:
        reader: has read the commits, in ``operations.read_commits``.
        found: the operations.
        commits: the message of each new commit.
    """
    found = list(found)
    subjects = {
        each.operation: commits[commit].subject
        for each in found
        if (commit := operations.find_new_commit(each)) is not None and commit in commits
    }
    unclear = (each for each in found if _is_unclear(each, subjects.get(each.operation)))
    compared = list(islice(unclear, MAX_COMPARED))
    try:
        changed = await _list_changes(reader, compared)
    except (NotFound, Corrupt):
        return subjects
    for each in compared:
        keys, zone = changed.get(each.operation), each.entries[0].ref.zone
        if keys and zone is not None:
            did = f"{each.entries[0].command} {_format_keys(keys, zone)}"
            subject = subjects[each.operation]
            is_command = subject == each.entries[0].command
            subjects[each.operation] = did if is_command else f"{did}: {subject}"
    return subjects


def _is_unclear(operation: OperationSummary, subject: str | None) -> bool:
    """Return whether an operation changed records, and its message does not name them."""
    entry, command = operation.entries[0], operation.entries[0].command
    return (
        subject is not None
        and operation.rows == 1
        and command in RECORD_COMMANDS
        and entry.old is not None
        and not _has_words(command, subject)
    )


def _has_words(command: str, subject: str) -> bool:
    """Return whether a message is that of a command without ``-m``: its words."""
    words = subject.split()
    if words[:1] != [command]:
        return False
    if command not in TYPED_COMMANDS:
        return True
    try:
        rrtypes.from_text(words[2])
    except (IndexError, Invalid):
        return False
    return True


async def _list_changes(
    reader: Reader, compared: Iterable[OperationSummary]
) -> dict[str, list[TreeChange]]:
    """Return the changes of each operation without that of the SOA, at most ``MAX_COUNTED`` + 1."""
    entries = {each.operation: each.entries[0] for each in compared}
    tips = {tip for each in entries.values() for tip in (each.old, each.new) if tip is not None}
    values = await reader.get(tips)
    trees = {each: value.tree for each in tips if isinstance(value := values[each], Commit)}
    walks = {
        operation: _compare(trees[each.old], trees[each.new])
        for operation, each in entries.items()
        if each.old in trees and each.new in trees
    }
    changed: dict[str, list[TreeChange]] = {}

    def keep(operation: str, walk: Walk[list[TreeChange]]) -> Walk[None]:
        changed[operation] = yield from _skip_pauses(walk)

    await reader.answer(_limit_reads(gather([keep(*each) for each in walks.items()])))
    return changed


def _skip_pauses(walk: Walk[list[TreeChange]]) -> Walk[list[TreeChange]]:
    """Run a walk without its pauses, so that several walks read their levels together."""
    answers: Answers = {}
    try:
        wanted = next(walk)
        while True:
            if wanted:
                answers = yield wanted
            wanted = walk.send(answers)
    except StopIteration as done:
        found: list[TreeChange] = done.value
        return found


def _limit_reads(walk: Walk[list[None]]) -> Walk[None]:
    """Run a walk until it has read objects ``MAX_READS`` times."""
    reads = 0
    with contextlib.suppress(StopIteration):
        wanted = next(walk)
        while reads < MAX_READS or not wanted:
            reads += bool(wanted)
            wanted = walk.send((yield wanted))


def _compare(old: ObjectId, new: ObjectId) -> Walk[list[TreeChange]]:
    found: list[TreeChange] = []

    def take(change: TreeChange) -> None:
        if change.path or change.rdtype != rrtypes.SOA:  # its serial changes with every commit
            found.append(change)
        if len(found) > MAX_COUNTED:
            raise _Enough

    with contextlib.suppress(_Enough):
        yield from zone_tree.diff(old, new, take, NODES_PER_STEP)
    return found


class _Enough(Exception):
    """So many changes are found that the rest need not be read."""


def _format_keys(found: Iterable[TreeChange], zone: Name) -> str:
    keys = sorted(((names.below(zone, each.path), each.rdtype) for each in found), key=_sort_key)
    texts = [f"{names.relative_text(owner, zone)} {rrtypes.to_text(rd)}" for owner, rd in keys]
    if len(texts) > MAX_COUNTED:
        return f"{', '.join(texts[:MAX_NAMED])} and over {MAX_COUNTED - MAX_NAMED} more"
    return format_list(texts, MAX_NAMED)


def _sort_key(key: tuple[Name, int]) -> tuple[tuple[bytes, ...], int]:
    return sort_key(*key)
