"""Find the operation that a commit was made by, for commands that take either id."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Final

from zonegit.errors import Invalid, NotFound, format_list
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId, short
from zonegit.objects.model import Blob
from zonegit.repo import read_zone, read_zones
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import Operation, format_ref, shorten_id
from zonegit.repo.refish import MIN_SHORT_ID
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.ref_log import LogEntry
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import parse_soa

MAX_BRANCHES: Final = 1_000
"""Branches of a zone whose moves are searched."""

MAX_MOVES_OF_SERIAL: Final = 100
"""Moves of one branch to one serial that are searched."""

MAX_OPERATIONS: Final = 1_000
"""The latest operations of a zone that are searched if no present branch moved to the commit."""

MAX_NAMED: Final = 5
"""Candidates that an error names; the rest is counted."""

_COMMIT_ID: Final = re.compile(rf"[0-9a-f]{{{MIN_SHORT_ID},64}}", re.ASCII)


async def find_named_operation(repo: Repo, text: str) -> Operation:
    """Return the operation that the beginning of its id, or of a commit's id, names.

    Args:
        repo: the stores.
        text: at least 4 digits of an operation's id, or 8 of a commit's.

    Raises:
        NotFound: there is neither, or no operation moved a branch to that commit.
        Invalid: it is ambiguous, and the candidates are named; or it is too short or too long.
    """
    if not _COMMIT_ID.fullmatch(text):
        return await operations.find_operation(repo, text)
    found, commits = await asyncio.gather(_find_operation(repo, text), _find_commits(repo, text))
    if found is not None and commits:
        raise _ambiguous_error(
            text, [f"operation {shorten_id(found.operation)}", *map(_describe_commit, commits)]
        )
    if found is not None:
        return found
    if len(commits) > 1:
        raise _ambiguous_error(text, [_describe_commit(each) for each in commits])
    if not commits:
        raise NotFound(
            f"there is no operation or commit {text!r}",
            hint="zonegit op log lists operations, zonegit log commits",
        )
    return await operations.find_operation(repo, await _find_maker(repo, commits[0]))


async def _find_operation(repo: Repo, text: str) -> Operation | None:
    try:
        return await operations.find_operation(repo, text)
    except NotFound:
        return None


async def _find_commits(repo: Repo, text: str) -> list[CommitId]:
    return [CommitId(each) for each, kind in await repo.objects.find(text) if kind == "commit"]


async def _find_maker(repo: Repo, commit: CommitId) -> str:
    """Return the id of the operation that moved a branch to a commit.

    Raises:
        NotFound: there is none.
        Invalid: several operations did, each on a branch of its own.
    """
    zone, serial = await _read_zone_and_serial(repo, commit)
    moves = await _read_moves(repo, zone, serial) if serial is not None else []
    moves = [each for each in moves if each.new == commit]
    if not moves:
        listed = await operations.list_latest(repo, MAX_OPERATIONS, zone=zone)
        entries = (entry for each in listed for entry in each.entries)
        moves = [each for each in entries if each.new == commit and each.ref.space == "heads"]
    makers = _select_makers(moves)
    if not makers:
        raise NotFound(
            f"no operation moved a branch of {names.text(zone)} to {short(commit)}: it came with"
            " later commits, for example by an import of a history",
            hint=f"zonegit revert {short(commit)} reverses its change;"
            f" zonegit op log --zone {names.text(zone)} lists operations",
        )
    if len(makers) > 1:
        named = format_list([_describe_move(each) for each in makers], MAX_NAMED)
        raise Invalid(
            f"{len(makers)} operations moved a branch to {short(commit)}: {named}",
            hint=" or ".join(f"zonegit undo {shorten_id(e.operation)}" for e in makers[:MAX_NAMED]),
            operations=" ".join(each.operation for each in makers),
        )
    return makers[0].operation


async def _read_zone_and_serial(repo: Repo, commit: CommitId) -> tuple[Name, int | None]:
    """Return the zone of a commit, and its serial."""
    reader = Reader(repo.objects)
    tree = await read_zone.read_tree(reader, commit)
    blob: ObjectId | None = await reader.answer(zone_tree.find_one(tree, (), rrtypes.SOA))
    value = (await reader.get([blob]))[blob] if blob is not None else None
    if not isinstance(value, Blob):
        raise NotFound(f"{short(commit)} has no SOA, so its zone is unknown")
    return value.rrset.owner, parse_soa(value.rrset).serial


async def _read_moves(repo: Repo, zone: Name, serial: int) -> list[LogEntry]:
    """Return the moves of the zone's branches to a serial, the oldest first."""
    try:
        heads = (await repo.refs.zone(zone, repo.actor)).heads
    except NotFound:
        return []  # the zone was removed; its operations remain

    async def read(branch: str) -> list[LogEntry]:
        ref = ref_names.branch(zone, branch)
        return await repo.refs.reflog(ref, MAX_MOVES_OF_SERIAL, serial)

    found = await read_zones.run_concurrently(read, sorted(heads)[:MAX_BRANCHES])
    return sorted((each for moves in found for each in moves), key=lambda each: each.sequence)


def _select_makers(moves: Iterable[LogEntry]) -> list[LogEntry]:
    """Return a move of each operation: of the first one, and of later ones unless they only created
    a branch at the commit."""
    makers: dict[str, LogEntry] = {}
    for each in sorted(moves, key=lambda each: each.sequence):
        if not makers or each.old is not None:
            makers.setdefault(each.operation, each)
    return list(makers.values())


def _describe_commit(commit: CommitId) -> str:
    return f"commit {short(commit)}"


def _describe_move(entry: LogEntry) -> str:
    return f"{shorten_id(entry.operation)} ({entry.command} of {format_ref(entry.ref)})"


def _ambiguous_error(text: str, candidates: Sequence[str]) -> Invalid:
    named = format_list(candidates, MAX_NAMED)
    return Invalid(f"{text!r} is ambiguous: {named}", hint="give more digits")
