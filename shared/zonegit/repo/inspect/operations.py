"""List and find operations in the log of the refs, and check that one can be undone.

An operation is one intended change of one or several refs, whose log entries share its id. It is
not a transaction, because permission is decided ref by ref (docs/adr/0025-time-and-undo.md).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, Invalid, NotFound, Unavailable, format_list
from zonegit.objects.ids import CommitId, ObjectId, short
from zonegit.objects.model import Commit, Symref, subject
from zonegit.repo import read_zones, refish_time
from zonegit.repo.commit import diff
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.ref_log import EntryKind, LogEntry, OperationSummary
from zonegit.store.ref_names import RefName
from zonegit.zone import names
from zonegit.zone.names import Name

MIN_PREFIX: Final = 4
"""Minimum length of an operation id prefix."""
MAX_ID: Final = 64
"""Maximum length of an operation id, and of a prefix."""

OPERATIONS_BATCH: Final = 100
"""Operations per request."""

MAX_CLOCK_SKEW_S: Final = 86_400
"""Seconds by which the clock of the ref store may be set back without hiding operations."""

MAX_NAMED: Final = 5
"""Later moves that a conflict names; the rest is counted."""

MAX_NAMED_REFS: Final = 10
"""Refs that an error names; the rest is counted."""


class RefChange(msgspec.Struct, frozen=True):
    """A ref that an operation moved.

    Attributes:
        before: the value before; None if the ref did not exist.
        after: the value after; None if it was deleted.
        now: the value now, or one with the same records.
        kind: for the marker of a zone, which has no value, whether it was added or removed.
    """

    ref: RefName
    before: ObjectId | None
    after: ObjectId | None
    now: ObjectId | None
    kind: EntryKind


class Operation(msgspec.Struct, frozen=True):
    """An operation with its log entries, oldest first, and the latest later moves of its refs.
    ``undone_by`` and ``undone_in_part`` are those of :class:`OperationDetails`."""

    operation: str
    entries: list[LogEntry]
    later: list[LogEntry]
    undone_by: LogEntry | None = None
    undone_in_part: bool = False

    def find_undo_by(self, actor: str) -> str | None:
        """Return the undo of this operation that the actor began and did not complete, None if
        there is none."""
        undo = self.undone_by
        return undo.operation if undo and undo.actor == actor and self.undone_in_part else None

    @property
    def undoes(self) -> str | None:
        """Return the operation that this one undid, None if it is no undo."""
        return self.entries[0].undoes

    @property
    def changes(self) -> list[RefChange]:
        """Return the change of each ref, in the order of their first moves, without those that
        ended as they began."""
        moves: dict[RefName, list[LogEntry]] = {}
        for entry in self.entries:
            moves.setdefault(entry.ref, []).append(entry)
        found = [_make_change(ref, rows[0], rows[-1]) for ref, rows in moves.items()]
        return [each for each in found if each is not None]


def _make_change(ref: RefName, first: LogEntry, last: LogEntry) -> RefChange | None:
    """Return the change from the first to the last move of a ref, None if it ended as it began."""
    is_same = first.kind != last.kind if ref.space == "zone" else first.old == last.new
    return None if is_same else RefChange(ref, first.old, last.new, last.new, last.kind)


async def list_latest(
    repo: Repo,
    limit: int,
    *,
    zone: Name | None = None,
    actor: str | None = None,
    since: float | None = None,
) -> list[OperationSummary]:
    """Return the latest operations, the latest first.

    The log is in the order of its sequence. If the clock of the ref store was set back, its times
    are not in that order, so the search ends only after an operation that is earlier than ``since``
    by more than ``MAX_CLOCK_SKEW_S``.

    Args:
        repo: the stores.
        limit: the maximum number of operations.
        zone: only operations of this zone; None for all.
        actor: only operations of this operator; None for all.
        since: only operations of this time or later, in seconds since 1970; None for all.
    """
    found: list[OperationSummary] = []
    before = None
    while len(found) < limit:
        wanted = min(limit - len(found), OPERATIONS_BATCH)
        page = await repo.refs.operations(wanted, before, zone=zone, actor=actor)
        found += [each for each in page.operations if since is None or _get_time(each) >= since]
        before = page.before
        if before is None or (since is not None and _is_before(page.operations, since)):
            break
    return found


def _get_time(operation: OperationSummary) -> float:
    return operation.entries[0].time


def _is_before(found: Sequence[OperationSummary], since: float) -> bool:
    """Return whether an operation is so early that no later page has one since then."""
    return any(_get_time(each) < since - MAX_CLOCK_SKEW_S for each in found)


class CommitSummary(msgspec.Struct, frozen=True):
    """The message and author of the new commit of a move.

    Attributes:
        subject: the first line of its message.
        author: the name of its author; of a merge, that of the merged commit.
    """

    subject: str
    author: str


async def read_commits(
    repo: Repo, found: Iterable[OperationSummary], reader: Reader | None = None
) -> dict[ObjectId, CommitSummary]:
    """Return the first new commit of each operation, by id, without those that are missing.

    All are read in one batch with those before the moves, and the second parents of merges in
    another.

    Args:
        repo: the stores.
        found: the operations.
        reader: keeps the commits that are read; None for a reader of its own.
    """
    found = list(found)
    reader = reader if reader is not None else Reader(repo.objects)
    wanted = {each for operation in found if (each := find_new_commit(operation)) is not None}
    moves = (each for operation in found for each in operation.entries)
    before = {each.old for each in moves if each.ref.space == "heads" and each.old is not None}
    read = await _read_present(repo, reader, wanted | before)
    present = {each: commit for each, commit in read.items() if each in wanted}
    merged = {each.parents[1] for each in present.values() if len(each.parents) > 1}
    others = await _read_present(repo, reader, merged)
    return {
        each: CommitSummary(
            subject(commit),
            (
                others.get(commit.parents[1], commit) if len(commit.parents) > 1 else commit
            ).author.name,
        )
        for each, commit in present.items()
    }


def find_new_commit(operation: OperationSummary) -> ObjectId | None:
    """Return the first commit that the operation moved a branch to, None if there is none."""
    moves = (each for each in operation.entries if each.ref.space == "heads")
    return next((each.new for each in moves if each.new is not None), None)


async def _read_present(
    repo: Repo, reader: Reader, wanted: Collection[ObjectId]
) -> dict[ObjectId, Commit]:
    """Return the commits among stored objects; a log can name objects that were lost."""
    ids = list(wanted)
    try:
        values = await reader.get(ids)
    except NotFound:
        missing = set(await repo.objects.missing(wanted))
        ids = [each for each in ids if each not in missing]
        values = await reader.get(ids)
    return {each: value for each in ids if isinstance(value := values[each], Commit)}


async def find_operation(repo: Repo, prefix: str | None, *, redo: bool = False) -> Operation:
    """Find an operation.

    Args:
        repo: the stores.
        prefix: the beginning of its id; None for the one that the operator's next undo takes back.
        redo: without ``prefix``, find the undo that the operator's next redo takes back.

    Raises:
        NotFound: there is no such operation.
        Invalid: several operations have the prefix, and are named; or it is too short or too long.
        Unavailable: the ref store is of an earlier release that has no redo.
    """
    if prefix is not None and not MIN_PREFIX <= len(prefix) <= MAX_ID:
        raise Invalid(
            f"{prefix[:MAX_ID]!r} is not the beginning of an operation's id",
            hint=f"give at least {MIN_PREFIX} digits; zonegit op log lists operations",
        )
    page = await repo.refs.operation(repo.actor, prefix, redo=redo)
    first = page
    entries, later = list(page.entries), list(page.later)
    while page.more:
        page = await repo.refs.operation(repo.actor, page.operation, entries[-1].sequence)
        entries += page.entries
        later += page.later
    found = Operation(page.operation, entries, later, first.undone_by, first.undone_in_part)
    if redo and prefix is None and found.undoes is None:
        # It ignored the unknown field and returned the latest operation, which is not an undo.
        raise Unavailable(
            "the refs service is of an earlier release that has no redo",
            hint="upgrade it, or undo the undo by its id: zonegit undo ID",
        )
    return found


async def find_current_changes(repo: Repo, operation: Operation) -> list[RefChange]:
    """Return the changes of an operation, with the present value of each ref.

    A branch that has the same records again as after the operation counts as unmoved, for example
    after the undo of a later operation. Refs that an incomplete undo of this operator has restored
    are left out. HEADs that moved since are left out too, unless the operation moved nothing else.

    Raises:
        Conflict: one of its refs was moved elsewhere since, or the operation was undone already.
    """
    changes = {each.ref: each for each in operation.changes}
    unchanged = {entry.ref for entry in operation.entries} - changes.keys()
    later = [each for each in operation.later if each.ref not in unchanged]
    if (undo := operation.undone_by) is not None:
        restored = {each.ref for each in later if each.operation == undo.operation}
        is_complete = restored and not operation.undone_in_part
        if is_complete and all(each.ref in restored for each in later):
            raise _undone_error(operation, undo)
        if operation.find_undo_by(repo.actor):
            later = [each for each in later if each.ref not in restored]
            changes = {ref: each for ref, each in changes.items() if ref not in restored}
    reader = Reader(repo.objects)

    async def is_in_place(each: LogEntry) -> bool:
        return await _is_in_place(reader, each, changes.get(each.ref))

    found = await read_zones.run_concurrently(is_in_place, later)
    moved = [each for each, is_there in zip(later, found, strict=True) if not is_there]
    heads = {each.ref for each in moved if each.ref.space == "head"}
    if changes.keys() > heads:
        changes = {ref: each for ref, each in changes.items() if ref not in heads}
        moved, later = ([each for each in some if each.ref not in heads] for some in (moved, later))
    if moved:
        raise _moved_error(operation, moved)
    changes |= {
        each.ref: msgspec.structs.replace(changes[each.ref], now=each.new) for each in later
    }
    return list(changes.values())


def _undone_error(operation: Operation, undo: LogEntry) -> Conflict:
    return Conflict(
        f"operation {shorten_id(operation.operation)} was undone already by {undo.actor} at"
        f" {refish_time.format_time(undo.time)} (operation {shorten_id(undo.operation)})",
        hint=f"zonegit undo {shorten_id(undo.operation)} redoes it",
        operations=undo.operation,
    )


async def _is_in_place(reader: Reader, later: LogEntry, change: RefChange | None) -> bool:
    """Return whether a ref has the value that the operation gave it, though it was moved since."""
    if change is None:
        return False  # a branch or tag in a zone that the operation added
    if (later.new, later.kind) == (change.after, change.kind):
        return True
    if later.ref.space != "heads" or later.new is None or change.after is None:
        return False
    return await diff.have_same_records(reader, CommitId(later.new), CommitId(change.after))


def _moved_error(operation: Operation, moved: Collection[LogEntry]) -> Conflict:
    latest_first = sorted(moved, key=lambda each: -each.sequence)
    named = "; ".join(_describe(each) for each in latest_first[:MAX_NAMED])
    more = f"; and {len(moved) - MAX_NAMED} more" if len(moved) > MAX_NAMED else ""
    latest = latest_first[0]
    commits = [each.after for each in operation.changes if each.ref.space == "heads"]
    one = short(commits[0]) if len(commits) == 1 and commits[0] is not None else "COMMIT"
    return Conflict(
        f"operation {shorten_id(operation.operation)} was superseded by later moves: {named}{more}",
        hint=f"undo the latest one first, by {latest.actor}: zonegit undo"
        f" {shorten_id(latest.operation)}; to reverse one commit only: zonegit revert {one}",
        operations=" ".join(dict.fromkeys(each.operation for each in latest_first)),
    )


def _describe(entry: LogEntry) -> str:
    command = f"{entry.command}: {entry.reason}" if entry.reason else entry.command
    return (
        f"{entry.ref.path()} was moved by {entry.actor} at {refish_time.format_time(entry.time)}"
        f" ({command}, operation {shorten_id(entry.operation)})"
    )


def shorten_id(operation: str) -> str:
    """Return the first 12 digits of an operation id, for messages."""
    return operation[:12]


def format_ref(ref: RefName) -> str:
    """Format a ref for messages."""
    zone = names.text(ref.zone) if ref.zone is not None else ""
    match ref.space:
        case "heads":
            return f"{zone} {ref.short}"
        case "tags":
            return f"{zone} tag {ref.short}"
        case "serving":
            return f"{zone} serving settings"
        case "zone":
            return f"zone {zone}"
        case "head" if zone:
            return f"last branch of {ref.short} in {zone}"
        case "head":
            return f"HEAD of {ref.short}" if ref.short else "the default HEAD"


def format_refs(refs: Sequence[RefName]) -> str:
    """Format several refs for messages; the first ``MAX_NAMED_REFS`` are named."""
    return format_list([format_ref(ref) for ref in refs], MAX_NAMED_REFS)


def format_target(target: ObjectId | None, symrefs: Mapping[ObjectId, RefName]) -> str:
    """Format the value of a ref for messages."""
    if target is None:
        return "nothing"
    branch = symrefs.get(target)
    return format_ref(branch) if branch is not None else short(target)


async def read_symrefs(repo: Repo, entries: Iterable[LogEntry]) -> dict[ObjectId, RefName]:
    """Return the branches that HEADs were on, by the ids in the log."""
    heads = [entry for entry in entries if entry.ref.space == "head"]
    return await resolve_symrefs(repo, {id for each in heads for id in (each.old, each.new) if id})


async def resolve_symrefs(repo: Repo, ids: Collection[ObjectId]) -> dict[ObjectId, RefName]:
    """Return the branches that symrefs name.

    Raises:
        Corrupt, Invalid, NotFound, Unavailable: errors of the store.
    """
    objects = await Reader(repo.objects).get(ids)
    found = {each: objects[each] for each in ids}
    return {
        each: ref_names.parse(value.target)
        for each, value in found.items()
        if isinstance(value, Symref)
    }
