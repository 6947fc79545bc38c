"""The interfaces of the object store and the ref store.

The services implement them with SQLite, ``bus.remote_*`` with NATS, and ``store.memory`` in memory
for tests; ``tests/contract`` tests all implementations. The values are also messages of the bus.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, Protocol

import msgspec

from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject
from zonegit.store.basis import Basis
from zonegit.store.expected import Expected
from zonegit.store.outline import Outline
from zonegit.store.ref_names import RefName
from zonegit.store.ref_time import When
from zonegit.store.v03_slots import Slots
from zonegit.zone import names
from zonegit.zone.names import Name

MAX_HISTORY: Final = 1_024
"""Commits in one page of history."""
MAX_LISTED: Final = 8_192
"""Objects in one page of a listing."""


class Dated(msgspec.Struct, frozen=True):
    """A stored commit and its moment (docs/adr/0011-moments.md).

    Args:
        raw: the commit.
        moment: the time of its committer in seconds since 1970, or one second after the latest
            moment of its parents if that is later. So the moment of a commit is always later than
            the moments of its ancestors.
    """

    raw: RawObject
    moment: int


class ObjectStore(Protocol):
    """Immutable objects by id."""

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        """Return all of the given objects, verified.

        Raises:
            NotFound: an object is not stored; the error names it.
            Corrupt: an object does not hash to its id; the error names it.
            Unavailable: the store does not answer.
        """
        ...

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        """Return the outlines of all of the given objects.

        Raises:
            NotFound, Corrupt, Unavailable: as in :meth:`get`.
        """
        ...

    async def put(self, objects: Sequence[RawObject]) -> None:
        """Store objects. They are durable on return.

        Objects that are stored already are accepted. An object that refers to an object that is
        not stored is refused, so every stored commit is complete. A malformed RRset
        (``zone.validity``) is refused, unless it is stored already.

        Args:
            objects: the objects, each after the objects that it refers to.

        Raises:
            Invalid: an object refers to one that is neither stored nor earlier in ``objects``, or
                is a malformed RRset that is not stored yet.
            Corrupt: an object does not hash to its id, or is malformed.
            Unavailable: the store does not answer; some of the objects may be stored.
        """
        ...

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        """Return those of ``ids`` that are not stored."""
        ...

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        """Return up to 16 objects whose hex id starts with ``prefix`` (at least 4 digits), sorted
        by id."""
        ...

    async def listed(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        """Return a page of the ids and kinds of stored objects, including damaged ones.

        Args:
            after: only objects with a greater id are returned; None for the first page.

        Returns:
            At most ``MAX_LISTED`` objects sorted by id; empty after the last page.
        """
        ...

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        """Return commits and their ancestors.

        Args:
            tips: the commits to start from; all of them are returned.
            limit: the number of commits to return, 1 to ``MAX_HISTORY``; more if there are more
                tips.

        Returns:
            The tips in their order, then their ancestors, the latest moment first and the lower id
            first for equal moments. There may be fewer than ``limit``, if the history is shorter or
            the page has too many octets; the caller continues from there.

        Raises:
            NotFound: a tip is not a stored commit; the error names it.
            Corrupt: a commit does not hash to its id; the error names it.
            Unavailable: the store does not answer.
        """
        ...


class RefTip(msgspec.Struct, frozen=True):
    """The value of a branch or tag.

    Args:
        target: the id of the commit or tag.
        sequence: the sequence of its last move.
        serial: the SOA serial of ``target``; None for a tag.
        highest: the highest serial that the branch ever had; None for a tag.
    """

    target: ObjectId
    sequence: int
    serial: int | None = None
    highest: int | None = None


class Head(msgspec.Struct, frozen=True):
    """The branch that a HEAD refers to; ``tip`` is None if the branch does not exist yet."""

    zone: Name
    branch: str
    tip: RefTip | None = None

    def __post_init__(self) -> None:
        names.require(self.zone)


class HeadsOfOperator(msgspec.Struct, frozen=True):
    """The HEADs of an operator.

    Args:
        own: the operator's own HEAD, or None.
        default: the default HEAD, or None.
        own_lost: whether the zone of the own HEAD was removed.
        default_lost: whether the zone of the default HEAD was removed.
    """

    own: Head | None
    default: Head | None
    own_lost: bool = False
    default_lost: bool = False


class ZoneRefs(msgspec.Struct, frozen=True):
    """The refs of one registered zone.

    Args:
        zone: the name of the zone.
        heads: the branches by name.
        tags: the tags by name.
        remembered: the branch of the zone that the operator last checked out, or None.
        awaiting: whether the zone awaits its recovery after a restore of the store; until then its
            refs do not move, and resolvers serve what they have.
    """

    zone: Name
    heads: dict[str, RefTip]
    tags: dict[str, RefTip]
    remembered: str | None = None
    awaiting: bool = False

    def __post_init__(self) -> None:
        names.require(self.zone)


class PastEpoch(msgspec.Struct, frozen=True):
    """An epoch that ended.

    Args:
        epoch: the id of the epoch.
        sequence: the last of its rows that this log has.
        recovered: whether a recovery ended it (``zonegit recover --finish``), so that later moves
            are lost.
    """

    epoch: str
    sequence: int
    recovered: bool = True


class CheckedStore(msgspec.Struct, frozen=True):
    """The result of a check of the whole ref store.

    Args:
        done: whether the check has ended.
        rows: the number of rows of the log that were checked.
        count: the number of faults.
        damage: messages about the first 100 faults.
    """

    done: bool
    rows: int
    count: int = 0
    damage: list[str] = []


class Installation(msgspec.Struct, frozen=True):
    """The installation id of a ref store, and the ids of the installations that it replaces."""

    id: str
    replaces: list[str] = []


class RefsSnapshot(msgspec.Struct, frozen=True):
    """A page of the registered zones and their tips.

    The pages are not read in one transaction. A follower of the log applies events from the
    ``sequence`` of the first page on.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log; the page has at least the moves up to it.
        zones: the zones of the page.
        after: the ``after`` of the next page; None on the last page.
        past: the epochs before this one, the latest first.
        recovering: whether zones await their recovery; these may include zones that are not
            registered.
        start: a unique id of the current run of the ref store.
        operation: the operation of the row at ``sequence``; empty if there is no row.
        installation: the id of the installation; empty for a store of an earlier release.
        replaces: the ids of the installations that it replaces.
    """

    epoch: str
    sequence: int
    zones: list[ZoneRefs]
    after: Name | None = None
    past: list[PastEpoch] = []
    recovering: bool = False
    start: str = ""
    operation: str = ""
    installation: str = ""
    replaces: list[str] = []


class Witness(msgspec.Struct, frozen=True):
    """A resolver that applied a row of the log that the ref store does not have (any more).

    Args:
        resolver: the name of the resolver.
        epoch: the epoch of the last row that it applied.
        sequence: the sequence of that row.
        operation: the operation of that row; empty if unknown.
    """

    resolver: str
    epoch: str
    sequence: int
    operation: str = ""


class Owed(msgspec.Struct, frozen=True):
    """A branch that needs a tip with a serial later than ``serial``.

    Its SOA is signed, so the recovery could not commit to it.
    """

    zone: Name
    branch: str
    serial: int

    def __post_init__(self) -> None:
        names.require(self.zone)


class Recovery(msgspec.Struct, frozen=True):
    """The state of the recovery after a restore of the ref store from a backup.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log.
        past: the epochs before this one, the latest first.
        witness: a resolver that proves the restore; None if there is no proof since the latest
            recovery.
        awaiting: the number of zones that are not recovered yet.
        zones: the first 100 of them.
        owed: the first 100 branches that need a later serial.
        doubted: the ids of runs of the ref store before which it may have been restored without
            the knowledge of any resolver. A resolver whose cache began in such a run has no
            knowledge of the time before it.
        installation: the id of the installation, as in :class:`RefsSnapshot`.
        replaces: the ids of the installations that it replaces.
    """

    epoch: str
    sequence: int
    past: list[PastEpoch] = []
    witness: Witness | None = None
    awaiting: int = 0
    zones: list[Name] = []
    owed: list[Owed] = []
    doubted: list[str] = []
    installation: str = ""
    replaces: list[str] = []


class Renewal(msgspec.Struct, frozen=True):
    """The recovery of a branch.

    Args:
        branch: the name of the branch.
        expected: its tip.
        new: a commit on that tip with the same records and a later serial; None if the branch does
            not move.
    """

    branch: str
    expected: ObjectId
    new: ObjectId | None = None


class Guard(msgspec.Struct, frozen=True):
    """The highest serial of a branch, as determined by a recovery.

    Args:
        branch: the name of the branch.
        serial: the highest serial; it has no effect if the store has a later one.
        tree: the tree that was served with that serial.
        owed: whether the branch needs a tip with a later serial (:class:`Owed`).
    """

    branch: str
    serial: int
    tree: ObjectId
    owed: bool = False


EntryKind = Literal["moved", "added", "removed"]


class LogEntry(msgspec.Struct, frozen=True):
    """One row of the log of refs.

    Args:
        sequence: the sequence of the row.
        kind: ``moved``, or ``added`` or ``removed`` for a zone.
        ref: the ref.
        old: the value before the move; None if the ref did not exist.
        new: the value after the move; None if the ref was deleted.
        serial: the SOA serial of ``new``, or None.
        actor: the operator.
        time: the time of the move in seconds since 1970.
        command: the command, as in :class:`Origin`.
        operation: the id of the operation, which all of its rows have.
        reason: the reason, as in :class:`Origin`.
        undoes: the operation that this one reverses, or None.
    """

    sequence: int
    kind: EntryKind
    ref: RefName
    old: ObjectId | None
    new: ObjectId | None
    serial: int | None
    actor: str
    time: float
    command: str = msgspec.field(name="reason")
    operation: str
    reason: str | None = msgspec.field(default=None, name="because")
    undoes: str | None = None


class RefAt(msgspec.Struct, frozen=True):
    """The state of a ref at a time.

    Args:
        entry: the last move of the ref up to ``time``, or its first move if that is later.
        time: the time in seconds since 1970, by the clock of the ref store.
    """

    entry: LogEntry
    time: float


class OperationSummary(msgspec.Struct, frozen=True):
    """An operation in the log.

    Args:
        operation: the id of the operation.
        rows: the number of its rows.
        entries: its first rows, at most 20, the oldest first.
    """

    operation: str
    rows: int
    entries: list[LogEntry]


class Operations(msgspec.Struct, frozen=True):
    """A page of operations, the latest first.

    Args:
        operations: the operations.
        before: the ``before`` of the next page; None on the last page.
    """

    operations: list[OperationSummary]
    before: int | None = None


class OperationDetails(msgspec.Struct, frozen=True):
    """The changes of one operation, and later changes of its refs.

    Args:
        operation: the id of the operation.
        entries: a page of its rows, the oldest first.
        later: the latest move of each of its refs that moved again; for a zone that the operation
            added, the moves of the refs that the zone has now.
        more: whether more rows follow.
        undone_by: the first row of the undo that reversed it and was not reversed itself, or None.
        undone_in_part: whether that undo did not reverse all of its refs.
    """

    operation: str
    entries: list[LogEntry]
    later: list[LogEntry]
    more: bool = False
    undone_by: LogEntry | None = None
    undone_in_part: bool = False


class LogPage(msgspec.Struct, frozen=True):
    """A page of the log.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log; more pages follow if the last row is before it.
        entries: the rows, the oldest first.
        is_other: whether the row that the caller applied last differs from the row with its
            sequence; then the page has no rows.
    """

    epoch: str
    sequence: int
    entries: list[LogEntry]
    is_other: bool = False


class Moved(msgspec.Struct, frozen=True):
    """An acknowledged, durable change of refs.

    Args:
        epoch: the epoch of the log.
        sequence: the end of the log.
        entries: the rows that the change wrote, the oldest first, at most the last 100; empty if
            all refs had the requested values already.
    """

    epoch: str
    sequence: int
    entries: list[LogEntry]


class Origin(msgspec.Struct, frozen=True):
    """The origin of a move.

    Args:
        actor: the operator.
        command: the command.
        operation: the id of the operation. A request that repeats the id gets the first result
            and changes nothing. A change of several refs has one id and moves each ref once.
        force: whether to override checks that raise Unsafe.
        turn: the same text in all attempts of a caller that retries after a conflict, which gives
            it priority; None for a caller that does not retry.
        reason: the reason that the operator gave, or None.
        undoes: the full id of the operation that this one reverses, or None.
    """

    actor: str
    command: str
    operation: str
    force: bool = False
    turn: str | None = None
    reason: str | None = None
    undoes: str | None = None


class RefStore(Protocol):
    """Branches, tags, zones and HEADs: the only mutable state."""

    async def where(self, actor: str) -> HeadsOfOperator:
        """Return the HEADs that apply to an operator, with the tips of their branches."""
        ...

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        """Return the refs of a zone.

        Raises:
            NotFound: the zone is not registered.
        """
        ...

    async def snapshot(self, after: Name | None = None) -> RefsSnapshot:
        """Return a page of all zones with their tips, beginning after the zone ``after``."""
        ...

    async def since(self, epoch: str, sequence: int, operation: str = "") -> LogPage:
        """Return a page of the log.

        Args:
            epoch: the epoch that the caller follows; if the store has another one, the page has no
                rows.
            sequence: the last row that the caller applied.
            operation: the operation of that row; empty if unknown.
        """
        ...

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        """Return the last moves of a ref, the newest first.

        Args:
            ref: the ref.
            limit: the maximum number of moves.
            serial: only return moves to a tip with this serial.
        """
        ...

    async def at(self, ref: RefName, when: When) -> RefAt:
        """Return the state of a ref at a time, even if the ref or its zone was removed.

        If the clock was set back, the last of the moves with a time up to ``when`` is returned.

        Raises:
            NotFound: the ref never existed, or has fewer moves than ``when`` asks for;
                ``details['moves']`` is their number.
        """
        ...

    async def operations(
        self,
        limit: int,
        before: int | None = None,
        *,
        zone: Name | None = None,
        actor: str | None = None,
    ) -> Operations:
        """Return a page of operations, the latest first.

        Args:
            limit: the maximum number of operations.
            before: only operations with a row before this sequence; None for the first page.
            zone: only rows of the refs of this zone.
            actor: only rows of this operator.
        """
        ...

    async def operation(
        self, actor: str, prefix: str | None, after: int = 0, *, redo: bool = False
    ) -> OperationDetails:
        """Return an operation and a page of its rows.

        Args:
            actor: the operator who asks.
            prefix: the first characters of the id. With None, the newest operation of ``actor``
                that moved a branch, a tag or a zone, is neither an undo nor a redo, and is not
                undone.
            after: leave out rows up to this sequence.
            redo: without ``prefix``, return the newest undo of ``actor`` that was not redone,
                unless a later operation of ``actor`` moved a branch, a tag or a zone.

        Raises:
            NotFound: there is no such operation.
            Invalid: the prefix is ambiguous; the error names the operations.
        """
        ...

    async def recovery(self) -> Recovery:
        """Return the state of the recovery after a restore; this may query resolvers."""
        ...

    async def recover(
        self, zone: Name, renewals: Sequence[Renewal], guards: Sequence[Guard], origin: Origin
    ) -> Moved:
        """Recover a zone in one transaction.

        This moves its branches, raises their highest serials, and allows moves of its refs again.
        The first zone begins a new epoch, which names the epoch before it and its last sequence;
        from then on all other registered zones await their recovery. The call has no effect for a
        zone that is recovered already while others await their recovery.

        Args:
            zone: the zone; one that is not registered has guards only.
            renewals: the branches that move.
            guards: the highest serials.
            origin: the origin of the moves.

        Raises:
            Conflict: a branch does not have its expected tip.
            Invalid: a commit changes more than the serial, or a guard is too far ahead.
            Unsafe: a serial would not be later than the highest serial of the branch.
            NotFound, Unavailable: as in :meth:`move`.
        """
        ...

    async def check(self, *, again: bool = False) -> CheckedStore:
        """Return the result of the last check of the whole store, or the progress of a running one.

        Args:
            again: start another check, unless one is running.
        """
        ...

    async def replace(self, installation: str, origin: Origin) -> Installation:
        """Record that this store replaces another installation, so that its resolvers follow it.

        The call has no effect if that is recorded already.

        Raises:
            Invalid: it is the id of this store, or the store replaces too many installations.
        """
        ...

    async def register(self, zone: Name, origin: Origin) -> Moved:
        """Register a zone, which then has no branches.

        Raises:
            Conflict: the zone is registered already.
        """
        ...

    async def unregister(self, zone: Name, origin: Origin) -> Moved:
        """Remove a zone whose branches and tags were deleted by :meth:`move`.

        Raises:
            NotFound: the zone is not registered.
            Unsafe: the zone has branches or tags; ``origin.force`` does not override this.
        """
        ...

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        origin: Origin,
        objects: Sequence[RawObject] = (),
        seen: Sequence[RawObject] = (),
    ) -> Moved:
        """Create, move or delete a branch or tag by compare-and-swap.

        Args:
            ref: the branch or tag.
            expected: its expected state.
            new: its new value; None deletes it.
            origin: the origin of the move.
            objects: the new objects of the commit, if they are small. The store then need not read
                them, and the event carries them to the resolvers.
            seen: other objects that the check of the move needs, such as the nodes of the old
                tree. The store then need not read them.

        Raises:
            Conflict: the ref does not have its expected state; ``details['tip']`` is its value.
            NotFound: the zone is not registered, or ``new`` is not a stored commit (for a tag, a
                stored tag).
            Unsafe: the serial of ``new`` is not later than that of the branch (RFC 1982), and
                ``origin.force`` is not set; or the move exceeds the limits of the store, and
                ``origin.force`` and ``origin.reason`` are not both set.
            Unavailable: the store or its object store does not answer, or the zone awaits its
                recovery (:meth:`recover`).
        """
        ...

    async def judge(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        origin: Origin,
        objects: Sequence[RawObject] = (),
        seen: Sequence[RawObject] = (),
        *,
        registers: bool = False,
    ) -> None:
        """Check a move as :meth:`move` does, without changing anything.

        The call raises the error that the move would raise with the current refs, and returns if
        the move would be accepted.

        Args:
            ref: the branch or tag.
            expected: its expected state.
            new: its new value; None deletes it.
            origin: the origin of the move; its ``operation`` and ``turn`` are not used.
            objects: the new objects that the move would have stored; of the blobs, only that of the
                SOA is needed.
            seen: other objects that the check needs.
            registers: whether the same operation registers the zone first; then the zone must not
                be registered.

        Raises:
            Conflict, Invalid, NotFound, Unsafe, Unavailable: as in :meth:`move`; Unavailable also
                if too many moves are being checked.
        """
        ...

    async def basis(self, ref: RefName, about: Collection[ObjectId] = ()) -> Basis:
        """Return the current basis of the check of moves of a branch or tag.

        Args:
            ref: the branch or tag.
            about: commits; the result has those of them that were tips of the zone.

        Raises:
            Invalid: the ref is neither a branch nor a tag.
            Unavailable: the zone awaits its recovery after a restore from a backup.
        """
        ...

    async def point(self, head: RefName, branch: RefName, origin: Origin) -> Moved:
        """Set a HEAD to a branch, which need not exist yet.

        The branch of an operator's own HEAD is also remembered for its zone. If ``head`` is the ref
        that remembers a branch, no HEAD moves.

        Raises:
            NotFound: the zone of the branch is not registered, or the symref to the branch is not
                stored; like a commit, it must be stored before a ref refers to it.
        """
        ...

    async def unpoint(self, head: RefName, origin: Origin) -> Moved:
        """Remove a HEAD or a remembered branch, if it exists.

        The default HEAD, if there is one, then applies to its operator.
        """
        ...


class Adopter(Protocol):
    """Adopts the refs of a v0.3 store of the original zonegit (``store.v03_slots``)."""

    async def adopt(self, slots: Slots, origin: Origin) -> Moved:
        """Register the zone of the slots, with their branches, tags and HEAD.

        The slots are stored first; after that the adoption is completed even if a process is
        killed. Refs that exist are not moved, and those that have the requested value stay
        unchanged.

        Raises:
            Conflict: a branch or tag of the zone has another value here, or the store of another
                zone is being adopted; nothing was changed.
            Invalid: a slot is malformed, or the commit of a branch does not belong to the zone.
            NotFound: a commit or tag is not stored.
            Unsafe: a branch of that name had a later serial, and ``origin.force`` is not set;
                nothing was changed.
            Unavailable: the store or its object store does not answer.
        """
        ...
