"""Change the tables. Each function is the work of one transaction.

The compare-and-swap, the row of the log with its sequence, the highest serial and the outcome of
the operation are committed together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import ObjectId
from zonegit.safety import moves, policy
from zonegit.store import ref_names
from zonegit.store.backends import MAX_REPLY_ROWS, TipMoved
from zonegit.store.basis import RefState, ServedTree
from zonegit.store.recovery import Guard, Renewal
from zonegit.store.ref_log import EntryKind, LogEntry, Moved, Origin
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Expected, Installation
from zonegit.store.transaction import Transaction
from zonegit.wire.messages import MAX_REPLACED
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later
from zonegit_refs.sql import chain, reads, recovery, schema
from zonegit_refs.sql.new_names import is_new_ref

NOTHING: Final = b""
"""The target of a move that deletes its ref."""
_OF_ANOTHER: Final = "SELECT 1 FROM operation WHERE id = ? AND actor <> ?"
_WROTE: Final = "SELECT first, last, target FROM operation WHERE id = ? AND what = ?"
_BETWEEN: Final = f"{schema.LOG} WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
_OTHER_UNDO: Final = "SELECT 1 FROM log WHERE operation = ? AND undoes IS NOT ? LIMIT 1"
_BEFORE: Final = "SELECT 1 FROM log WHERE operation = ? AND sequence < ? LIMIT 1"
_HELD: Final = "SELECT space, short, target FROM ref WHERE zone = ? ORDER BY space, short"
_SET_REF: Final = """
    INSERT INTO ref (zone, space, short, target, serial, sequence) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (zone, space, short) DO UPDATE SET
    target = excluded.target, serial = excluded.serial, sequence = excluded.sequence
"""
_SET_HEAD: Final = """
    INSERT INTO head (actor, zone, target, to_zone, to_branch) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (actor, zone) DO UPDATE SET
    target = excluded.target, to_zone = excluded.to_zone, to_branch = excluded.to_branch
"""


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """The reply, and the new log rows, which are empty for a repeated operation."""

    moved: Moved
    news: list[LogEntry]


class OperationWriter:
    """One operation in its transaction.

    ``target`` is the new value of the ref: empty if the ref is deleted, None if the verb has no
    target.
    """

    target: bytes | None = None

    def __init__(self, verb: str, ref: RefName, origin: Origin, time: float) -> None:
        self._what = f"{verb} {ref.path()}"
        self._origin = origin
        self._time = time
        self._first = 0
        self._written: list[LogEntry] = []

    def begin(self) -> Transaction[None]:
        """Read the end of the log, which the rows of this operation follow."""
        self._first = (yield from schema.read_last_sequence()) + 1

    def find_outcome(self) -> Transaction[Moved | None]:
        """Return the first outcome if this operation was executed already; else None.

        Raises:
            Invalid: The id of the operation was used by another actor, for a move to another
                target, or to take back another operation.
            NotFound: The log does not have the operation to take back.
        """
        key = self._origin.operation
        yield from self._check_undoes()
        # An undo takes back a whole operation, so no actor may add to that of another actor.
        if (yield _OF_ANOTHER, (key, self._origin.actor)):
            raise self.make_id_error("an operation of another operator")
        found = schema.WROTE.read_first((yield _WROTE, (key, self._what)))
        if found is None:
            return None
        first, last, target = found
        if target is not None and target != self.target:
            raise self.make_id_error("another move")
        written = yield _BETWEEN, (max(first, last - MAX_REPLY_ROWS + 1), last)
        return Moved((yield from schema.read_epoch()), last, schema.read_entries(written))

    def make_id_error(self, earlier: str) -> Invalid:
        """Return the error for an id that was used for something else."""
        return Invalid(
            f"operation id {self._origin.operation!r} was used for {earlier}",
            hint="each operation needs an id of its own; the command makes one when it is repeated",
        )

    def _check_undoes(self) -> Transaction[None]:
        """Check that all rows of one operation take back the same operation."""
        operation, undoes = self._origin.operation, self._origin.undoes
        if (yield _OTHER_UNDO, (operation, undoes)):
            raise self.make_id_error("an operation that takes back another one")
        if undoes is not None and not (yield _BEFORE, (undoes, self._first)):
            raise NotFound(
                f"there is no operation {undoes!r} to take back",
                hint="zonegit op log lists operations",
            )

    def write(
        self,
        ref: RefName,
        old: ObjectId | None,
        new: ObjectId | None,
        *,
        kind: EntryKind = "moved",
        serial: int | None = None,
    ) -> Transaction[int]:
        """Append a row to the log, and return its sequence."""
        sequence = self._first + len(self._written)
        origin = self._origin
        entry = LogEntry(
            sequence, kind, ref, old, new, serial,
            origin.actor, self._time, origin.command, origin.operation, origin.reason,
            origin.undoes,
        )  # fmt: skip
        yield from chain.append_row(
            sequence, kind, ref.space, schema.zone_key(ref), ref.short, old, new, serial,
            origin.actor, float(self._time), origin.command, origin.operation, origin.reason,
            origin.undoes,
        )  # fmt: skip
        self._written.append(entry)
        return sequence

    def outcome(self) -> Transaction[WriteOutcome]:
        """Record the outcome of the operation, and return it."""
        last = self._first + len(self._written) - 1
        origin = self._origin
        yield (
            "INSERT INTO operation (id, what, actor, first, last, target)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (origin.operation, self._what, origin.actor, self._first, last, self.target),
        )
        moved = Moved((yield from schema.read_epoch()), last, self._written[-MAX_REPLY_ROWS:])
        return WriteOutcome(moved, self._written)


def run_operation(
    operation: OperationWriter, work: Callable[[OperationWriter], Transaction[WriteOutcome]]
) -> Transaction[WriteOutcome]:
    """Run one of the functions below for an operation."""
    yield from operation.begin()
    return (yield from work(operation))


def register(operation: OperationWriter, zone: Name) -> Transaction[WriteOutcome]:
    """Register a zone.

    Raises:
        Conflict: The zone is registered already.
        Unavailable: The store was restored and is not recovered yet; all functions here raise this.
    """
    if (before := (yield from operation.find_outcome())) is not None:
        return WriteOutcome(before, [])
    yield from recovery.require_recovered(zone)
    if (yield from schema.is_registered(zone)):
        raise moves.zone_exists_error(zone)
    yield "INSERT INTO zone (zone) VALUES (?)", (zone,)
    yield from operation.write(ref_names.marker(zone), None, None, kind="added")
    return (yield from operation.outcome())


def unregister(operation: OperationWriter, zone: Name) -> Transaction[WriteOutcome]:
    """Remove a zone without branches, tags and serving settings.

    Raises:
        NotFound: The zone is not registered.
        Unsafe: It has one of these; :func:`move` deletes them.
    """
    if (before := (yield from operation.find_outcome())) is not None:
        return WriteOutcome(before, [])
    yield from recovery.require_recovered(zone)
    yield from reads.require_zone(zone)
    rows = yield _HELD, (zone,)
    held = schema.HELD.read_all(rows)
    branches = [name for space, name, _ in held if space == "heads"]
    tags = [name for space, name, _ in held if space == "tags"]
    has_settings = any(space == "serving" for space, _, _ in held)
    moves.check_empty(zone, branches, tags, has_settings=has_settings)
    yield "DELETE FROM owed WHERE zone = ?", (zone,)
    yield "DELETE FROM zone WHERE zone = ?", (zone,)
    yield from operation.write(ref_names.marker(zone), None, None, kind="removed")
    return (yield from operation.outcome())


def move(
    operation: OperationWriter,
    ref: RefName,
    expected: Expected,
    new: ObjectId | None,
    served: ServedTree | None,
    judged: ObjectId | None,
    *,
    force: bool,
) -> Transaction[WriteOutcome]:
    """Move a branch, a tag or serving settings.

    Args:
        operation: The operation.
        ref: The branch, the tag or the settings.
        expected: The value that it must have.
        new: The new value; None to delete it.
        served: The serial and tree of the new commit; None if the ref is not a branch, and for a
            deletion.
        judged: The tip from which the move was checked; None if the ref did not exist.
        force: Whether a serial that is not later is allowed.

    Raises:
        TipMoved: The ref has another tip now.
        NotFound: The zone is not registered.
        Conflict: The ref does not have the expected value; the error names the tip.
        Unsafe: The serial is not later than the highest one.
        Invalid: The id of the operation was used for another move.
    """
    operation.target = new or NOTHING
    if (before := (yield from operation.find_outcome())) is not None:
        if before.entries and before.entries[-1].new != new:  # of an earlier release
            raise operation.make_id_error("another move")
        return WriteOutcome(before, [])
    found = yield from read_state(ref)
    moves.check_expected(ref, found, expected)
    if new not in (None, found.tip) and served is not None and found.tip != judged:
        raise TipMoved
    moves.check_new(ref, found, new, served, force=force)
    if new is None:
        yield from _delete(operation, ref, found.tip)
    elif new != found.tip:
        if served is not None:
            yield from _raise_highest(ref, policy.update_highest(served, found.highest))
        yield from _set(operation, ref, found.tip, new, served.serial if served else None)
    return (yield from operation.outcome())


def read_state(ref: RefName) -> Transaction[RefState]:
    """Return the state of a branch or tag on which a move of it depends.

    Raises:
        Unavailable: The store was restored, and the zone is not recovered yet.
    """
    zone = moves.require_movable(ref)
    yield from recovery.require_recovered(zone)
    tip = yield from read_target(ref)
    refs = 0
    if tip is None:
        ((refs,),) = yield (
            "SELECT count(*) FROM ref WHERE zone = ? AND space <> 'serving'",
            (zone,),
        )
    highest = (yield from _read_highest(ref)) if ref.space == "heads" else None
    is_new = tip is None and (yield from is_new_ref(ref))
    return RefState((yield from schema.is_registered(zone)), tip, highest, refs, is_new)


def read_target(ref: RefName) -> Transaction[ObjectId | None]:
    """Return the value of a branch or tag; None if it does not exist."""
    found = yield (
        "SELECT target FROM ref WHERE zone = ? AND space = ? AND short = ?",
        (ref.zone, ref.space, ref.short),
    )
    return schema.TARGET.read_first(found)


def check_serial(ref: RefName, served: ServedTree, *, force: bool) -> Transaction[None]:
    """Check that a branch may serve a serial.

    Raises:
        Unsafe: The serial is not later than the highest one, and ``force`` is not set.
    """
    policy.check_serial(ref, served, (yield from _read_highest(ref)), force=force)


def _read_highest(ref: RefName) -> Transaction[ServedTree | None]:
    found = yield (
        "SELECT serial, tree FROM highest WHERE zone = ? AND short = ?",
        (ref.zone, ref.short),
    )
    return schema.HIGHEST.read_first(found)


def _raise_highest(ref: RefName, highest: ServedTree) -> Transaction[None]:
    yield schema.SET_HIGHEST, (ref.zone, ref.short, highest.serial, highest.tree)
    found = yield "SELECT serial FROM owed WHERE zone = ? AND short = ?", (ref.zone, ref.short)
    owed = schema.OWED.read_first(found)
    if owed is not None and is_later(highest.serial, owed):
        yield from _forget_owed(ref)


def _forget_owed(ref: RefName) -> Transaction[None]:
    yield "DELETE FROM owed WHERE zone = ? AND short = ?", (ref.zone, ref.short)


def _set(
    operation: OperationWriter,
    ref: RefName,
    current: ObjectId | None,
    new: ObjectId,
    serial: int | None,
) -> Transaction[None]:
    sequence = yield from operation.write(ref, current, new, serial=serial)
    yield _SET_REF, (ref.zone, ref.space, ref.short, new, serial, sequence)


def _delete(
    operation: OperationWriter, ref: RefName, current: ObjectId | None
) -> Transaction[None]:
    if current is None:
        return
    yield (
        "DELETE FROM ref WHERE zone = ? AND space = ? AND short = ?",
        (ref.zone, ref.space, ref.short),
    )
    if ref.space == "heads":
        yield from _forget_owed(ref)
    yield from operation.write(ref, current, None)


def recover(
    operation: OperationWriter,
    zone: Name,
    renewals: Sequence[Renewal],
    served: Mapping[str, ServedTree],
    guards: Sequence[Guard],
) -> Transaction[WriteOutcome]:
    """Recover a zone (:meth:`zonegit.store.refs.RefStore.recover`).

    ``served`` has the serial and tree of each new commit, by branch.

    Raises:
        Conflict: Its branches are not those that the renewals expect.
        Unsafe: A serial would not be later than the highest one.
        Invalid: A guard is too far ahead.
    """
    if (before := (yield from operation.find_outcome())) is not None:
        return WriteOutcome(before, [])
    if (yield from recovery.begin_recovery(zone)):
        yield from recovery.check_expected(zone, renewals, served)
        yield from recovery.raise_guards(zone, guards)
        for each in renewals:
            if each.new is not None:
                branch = ref_names.branch(zone, each.branch)
                yield from _renew(operation, branch, each, served[each.branch])
        yield from recovery.finish_zone(zone)
    return (yield from operation.outcome())


def replace(installation: str, origin: Origin, time: float) -> Transaction[Installation]:
    """Record that this store replaces an installation.

    Raises:
        Invalid: It is the installation of this store, or too many are replaced already.
    """
    own = yield from schema.read_installation()
    replaces = yield from schema.read_replaced()
    if installation == own:
        raise Invalid(f"{own} is the id of this store: its resolvers follow it already")
    if installation not in replaces:
        if len(replaces) >= MAX_REPLACED:
            raise Invalid(f"this store replaces {MAX_REPLACED} installations already")
        yield (
            "INSERT INTO replaced (id, actor, time, reason) VALUES (?, ?, ?, ?)",
            (installation, origin.actor, time, origin.command),
        )
    return Installation(own, (yield from schema.read_replaced()))


def _renew(
    operation: OperationWriter, ref: RefName, renewal: Renewal, served: ServedTree
) -> Transaction[None]:
    highest = yield from _read_highest(ref)
    policy.check_serial(ref, served, highest, force=False)
    yield from _raise_highest(ref, policy.update_highest(served, highest))
    assert renewal.new is not None
    yield from _set(operation, ref, renewal.expected, renewal.new, served.serial)


def point(
    operation: OperationWriter, head: RefName, branch: RefName, symref: ObjectId
) -> Transaction[WriteOutcome]:
    """Point a HEAD, or the remembered branch of an actor, to a branch.

    The HEAD of an actor also moves the branch that is remembered for the zone.

    Raises:
        NotFound: The zone of the branch is not registered.
        Invalid: The id of the operation was used to point to another branch.
    """
    operation.target = symref
    if (before := (yield from operation.find_outcome())) is not None:
        return WriteOutcome(before, [])
    assert branch.zone is not None
    yield from recovery.require_recovered(None)
    yield from reads.require_zone(branch.zone)
    yield from _point_one(operation, head, branch, symref)
    if head.short and head.zone is None:
        remembered = ref_names.remembered_branch(head.short, branch.zone)
        yield from _point_one(operation, remembered, branch, symref)
    return (yield from operation.outcome())


def _point_one(
    operation: OperationWriter, head: RefName, branch: RefName, symref: ObjectId
) -> Transaction[None]:
    key = (head.short, schema.zone_key(head))
    before = schema.HEAD.read_first(
        (yield "SELECT target FROM head WHERE actor = ? AND zone = ?", key)
    )
    if before == symref:
        return
    yield _SET_HEAD, (*key, symref, branch.zone, branch.short)
    yield from operation.write(head, before, symref)


def unpoint(operation: OperationWriter, head: RefName) -> Transaction[WriteOutcome]:
    """Remove a HEAD or a remembered branch, if it exists."""
    if (before := (yield from operation.find_outcome())) is not None:
        return WriteOutcome(before, [])
    yield from recovery.require_recovered(None)
    found = yield (
        "DELETE FROM head WHERE actor = ? AND zone = ? RETURNING target",
        (head.short, schema.zone_key(head)),
    )
    for target in schema.HEAD.read_all(found):
        yield from operation.write(head, target, None)
    return (yield from operation.outcome())
