"""The interfaces of the object store and the ref store.

The services implement them over SQLite, ``bus.remote_*`` over NATS, ``store.memory`` for tests;
``tests/contract`` tests all of them. The values are sent on the bus as they are.
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
"""Maximum number of commits in one reply about history."""
MAX_LISTED: Final = 8_192
"""Maximum number of objects on one page."""


class Dated(msgspec.Struct, frozen=True):
    """A stored commit and its moment: its committer's time, raised to one past the latest moment
    of its parents where a clock was behind (docs/adr/0011-moments.md). So a commit's moment is
    always later than its ancestors'. In seconds since 1970."""

    raw: RawObject
    moment: int


class ObjectStore(Protocol):
    """Immutable objects by id."""

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        """Return all of ``ids``, verified.

        Raises:
            NotFound: one is missing; names it.
            Corrupt: one does not hash to its id; names it.
            Unavailable: the store does not answer.
        """
        ...

    async def outlines(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, Outline]:
        """Return the outlines of all of ``ids``.

        Raises:
            NotFound, Corrupt, Unavailable: for the reasons of :meth:`get`.
        """
        ...

    async def put(self, objects: Sequence[RawObject]) -> None:
        """Stores all of them, children before parents; durable when it returns. Objects already
        held are no error. An object is refused when it names one that is not held, so a stored
        commit is whole, and an RRset when it is malformed (``zone.validity``), unless an earlier
        release stored it.

        Raises:
            Invalid: an object names one that is neither held nor earlier in ``objects``; or it is
                an RRset that is malformed, and new.
            Corrupt: one does not hash to its id, or is malformed.
            Unavailable: the store does not answer; objects put so far may or may not be held.
        """
        ...

    async def missing(self, ids: Collection[ObjectId]) -> set[ObjectId]:
        """Return those of ``ids`` that the store does not hold."""
        ...

    async def find(self, prefix: str) -> list[tuple[ObjectId, ObjectKind]]:
        """Return up to 16 objects whose hex id starts with ``prefix`` (at least 4 digits),
        sorted."""
        ...

    async def listed(self, after: ObjectId | None = None) -> list[tuple[ObjectId, str]]:
        """The ids and kinds of what is stored, whole or not, sorted by id: those past ``after``,
        ``MAX_LISTED`` at the most, and none when there are no more."""
        ...

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        """The commits ``tips``, all of them and in their order, then their ancestors, the latest
        moment first (of equal ones the lower id): ``limit`` commits in all, 1 to ``MAX_HISTORY``,
        unless there are more tips. Fewer where history is shorter, or their octets are many:
        a caller that needs more asks again from there.

        Raises:
            NotFound: one of the tips is not a stored commit; names it.
            Corrupt: a commit does not hash to its id; names it.
            Unavailable: the store does not answer.
        """
        ...


class RefTip(msgspec.Struct, frozen=True):
    """The value of a branch or tag. ``serial`` is the SOA serial of ``target``, None for a tag;
    ``highest`` the highest serial that the branch ever had; ``sequence`` that of its last move."""

    target: ObjectId
    sequence: int
    serial: int | None = None
    highest: int | None = None


class Head(msgspec.Struct, frozen=True):
    """The branch that a HEAD is on. ``tip`` is None while that branch has no commit."""

    zone: Name
    branch: str
    tip: RefTip | None = None

    def __post_init__(self) -> None:
        names.require(self.zone)


class HeadsOfOperator(msgspec.Struct, frozen=True):
    """An operator's own HEAD and the default one; None where there is none. ``*_lost`` says that
    its zone was removed."""

    own: Head | None
    default: Head | None
    own_lost: bool = False
    default_lost: bool = False


class ZoneRefs(msgspec.Struct, frozen=True):
    """All refs of one registered zone. ``remembered`` is the branch this operator last had.
    ``awaiting``: the store was restored, and the zone is not recovered yet: its refs do not move,
    and resolvers keep what they hold."""

    zone: Name
    heads: dict[str, RefTip]
    tags: dict[str, RefTip]
    remembered: str | None = None
    awaiting: bool = False

    def __post_init__(self) -> None:
        names.require(self.zone)


class PastEpoch(msgspec.Struct, frozen=True):
    """An epoch that ended, and the last of its rows that this log has. ``recovered``: a recovery
    ended it (``zonegit recover --finish``), so moves after that row are lost."""

    epoch: str
    sequence: int
    recovered: bool = True


class CheckedStore(msgspec.Struct, frozen=True):
    """The result of a check of the whole ref store. ``done``: it is over; ``rows`` of the log were
    looked at. ``damage`` are the first hundred of ``count`` faults, in words."""

    done: bool
    rows: int
    count: int = 0
    damage: list[str] = []


class Installation(msgspec.Struct, frozen=True):
    """A ref store's installation id, and the ids of those that it replaces."""

    id: str
    replaces: list[str] = []


class RefsSnapshot(msgspec.Struct, frozen=True):
    """Registered zones and their tips at (or, for later pages, after) one point of the log.

    ``after`` is where the next page starts, None on the last one. Pages are not one transaction:
    a follower of the log applies events from the first page's ``sequence`` on. ``past`` are the
    epochs before this one, the latest first. ``recovering``: some zones await their recovery, and
    perhaps zones that are not registered here do, too. ``start`` names the present run of the ref
    store, like no other; ``operation`` is that of the row at ``sequence``, empty: there is none.
    ``installation`` is the store's id, empty: an earlier release has none; ``replaces`` are the ids
    of the installations that it replaces.
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
    """A resolver that holds a row of the log which the ref store does not have (any more): epoch
    and sequence of the latest row that it applied, and that row's operation, empty: unknown."""

    resolver: str
    epoch: str
    sequence: int
    operation: str = ""


class Owed(msgspec.Struct, frozen=True):
    """A branch whose SOA is signed, so that a recovery could not commit to it: it needs a tip with
    a serial later than ``serial``."""

    zone: Name
    branch: str
    serial: int

    def __post_init__(self) -> None:
        names.require(self.zone)


class Recovery(msgspec.Struct, frozen=True):
    """The work that is left after the ref store was restored from a backup.

    ``witness`` proves that it was, or is None since the latest recovery.
    ``awaiting`` counts the zones that are not recovered yet, ``zones`` are the first of them, and
    ``owed`` the first branches that need a later serial: 100 at the most of each. ``doubted`` are
    the runs of the ref store before which it may have been restored, unknown to any resolver: one
    whose cache began in such a run knows nothing of the time before. ``past``, ``installation`` and
    ``replaces`` as :class:`RefsSnapshot` has them.
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
    """A branch of a zone that is recovered: ``new`` is a commit on its tip ``expected`` with the
    same records and a later serial, None: the branch stays."""

    branch: str
    expected: ObjectId
    new: ObjectId | None = None


class Guard(msgspec.Struct, frozen=True):
    """The highest serial of a branch from now on, if it is later than the one known before, and the
    tree that was served under it. ``owed``: the branch needs a tip with a serial later than
    that (see :class:`Owed`)."""

    branch: str
    serial: int
    tree: ObjectId
    owed: bool = False


EntryKind = Literal["moved", "added", "removed"]


class LogEntry(msgspec.Struct, frozen=True):
    """One row of the refs log. ``kind`` added and removed are a zone's; ``old`` None: it did not
    exist; ``new`` None: it was deleted. ``time`` in seconds since 1970. ``command``, ``reason`` and
    ``undoes`` as in :class:`Origin`. Rows of one operation share ``operation``."""

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
    """The state of a ref at a time: ``entry`` is its latest move by ``time``, in seconds since 1970
    by the ref store's clock, or its first move if that is later than ``time``."""

    entry: LogEntry
    time: float


class OperationSummary(msgspec.Struct, frozen=True):
    """An operation in the log: ``rows`` is how many it wrote, ``entries`` the first of them (20 at
    the most), oldest first."""

    operation: str
    rows: int
    entries: list[LogEntry]


class Operations(msgspec.Struct, frozen=True):
    """A page of operations, that with the latest row first. ``before`` is where the next page
    starts, None on the last one."""

    operations: list[OperationSummary]
    before: int | None = None


class OperationDetails(msgspec.Struct, frozen=True):
    """The changes of one operation, and later changes of its refs. ``entries`` are its rows, oldest
    first, a page of them; ``later`` the latest move of each of these refs that moved again, and for
    a zone that it added, moves of what the zone holds by now. ``more``: further rows follow.
    ``undone_by`` is the first row of the undo that took it back and was not taken back itself,
    None: there is none; ``undone_in_part`` says that it did not get to all refs."""

    operation: str
    entries: list[LogEntry]
    later: list[LogEntry]
    more: bool = False
    undone_by: LogEntry | None = None
    undone_in_part: bool = False


class LogPage(msgspec.Struct, frozen=True):
    """Log rows after a sequence, oldest first, and where the log stands. More may follow while
    the last row's sequence is below ``sequence``. ``is_other``: the row that was asked about is not
    the one that the caller knows under its sequence, so no row follows it."""

    epoch: str
    sequence: int
    entries: list[LogEntry]
    is_other: bool = False


class Moved(msgspec.Struct, frozen=True):
    """An acknowledged, durable change of refs: the log rows it wrote (the last 100 of them),
    oldest first. None were written when everything already stood as asked."""

    epoch: str
    sequence: int
    entries: list[LogEntry]


class Origin(msgspec.Struct, frozen=True):
    """The origin of a move: ``command`` is the command, ``reason`` the operator's reason for it,
    None: none was given. ``operation`` is unique to one intended change: sending it again
    is answered with the first outcome and changes nothing. A change of several refs has one
    and moves each ref once. ``force`` overrides what would raise Unsafe. ``turn`` is the same text
    in all attempts of a caller that tries again after a lost race, and gives it the next turn; None
    for one that does not. ``undoes`` is the whole id of the operation that this one reverses, or
    None."""

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
        """Return the HEADs that apply to an operator, followed to their tips."""
        ...

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        """Return the refs of a zone.

        Raises:
            NotFound: the zone is not registered.
        """
        ...

    async def snapshot(self, after: Name | None = None) -> RefsSnapshot:
        """Return a page of all zones with their tips, from the first zone past ``after`` on."""
        ...

    async def since(self, epoch: str, sequence: int, operation: str = "") -> LogPage:
        """Return log rows after ``sequence``; no rows, and another epoch, when ``epoch`` is not
        this store's. ``operation`` is that of the row at ``sequence``, empty: unknown."""
        ...

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        """The last moves of one ref, newest first; with ``serial`` those to a tip of that serial
        alone."""
        ...

    async def at(self, ref: RefName, when: When) -> RefAt:
        """Return the state of a ref at a time, also if it or its zone was removed. If a clock was
        set back, the latest of the moves dated no later than ``when`` counts.

        Raises:
            NotFound: there is and was no such ref, or it has not moved as often as that;
                ``details['moves']`` is how often it has.
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
        """Up to ``limit`` operations that wrote a row before sequence ``before``, None: the latest.
        With ``zone`` only the rows of its refs count, with ``actor`` only that operator's."""
        ...

    async def operation(
        self, actor: str, prefix: str | None, after: int = 0, *, redo: bool = False
    ) -> OperationDetails:
        """Return the operation whose id begins with ``prefix``, its rows after a sequence.

        Args:
            actor: who asks.
            prefix: the first characters of the id. None: the newest operation of ``actor`` that
                moved a branch, a tag or a zone, is neither an undo nor a redo, and is not undone.
            after: leave out the rows up to this sequence.
            redo: without ``prefix``: the newest undo of ``actor`` that was not redone, where no
                other operation of theirs that moved a branch, a tag or a zone came after it.

        Raises:
            NotFound: there is none.
            Invalid: there are several; names them.
        """
        ...

    async def recovery(self) -> Recovery:
        """Return what has to be done after a restore; may ask resolvers what they hold."""
        ...

    async def recover(
        self, zone: Name, renewals: Sequence[Renewal], guards: Sequence[Guard], origin: Origin
    ) -> Moved:
        """Recover a zone in one transaction: move its branches, raise their highest serials, and
        let its refs move again. The zone need not be registered: then it has guards alone.
        The first zone begins a new epoch, which names the one before and its last sequence; all
        other registered zones await their own recovery from then on. Nothing is done for a zone
        that was recovered already while others still await it.

        Raises:
            Conflict: a branch does not hold what was expected.
            Invalid: a commit changes more than the serial, or a guard is too far ahead.
            Unsafe: a serial would not be later than the highest one.
            NotFound, Unavailable: as :meth:`move`.
        """
        ...

    async def check(self, *, again: bool = False) -> CheckedStore:
        """Return what the last check of the whole store came to, or how far the one is that runs.

        Args:
            again: begin another one, unless one runs.
        """
        ...

    async def replace(self, installation: str, origin: Origin) -> Installation:
        """Note that this store replaces another installation, so that resolvers
        of that one follow it. Nothing is changed where it is noted already.

        Raises:
            Invalid: it is this store's own id, or it replaces too many.
        """
        ...

    async def register(self, zone: Name, origin: Origin) -> Moved:
        """Add a zone without branches.

        Raises:
            Conflict: it is registered already.
        """
        ...

    async def unregister(self, zone: Name, origin: Origin) -> Moved:
        """Remove a zone without branches and tags; these are deleted by :meth:`move` first.

        Raises:
            NotFound: it is not registered.
            Unsafe: it has branches or tags, even where ``origin.force`` is set.
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
        """Move, create or (``new`` None) delete a branch or tag, by compare-and-swap.

        ``objects`` are the new objects of the commit: when they are small they spare the store
        reading them, and the event carries them to the resolvers. ``seen`` are others that tell
        what the move changes, such as the nodes of the old tree: they spare reading, too.

        Raises:
            Conflict: the ref does not hold what was expected; ``details['tip']`` is what it holds.
            NotFound: the zone is not registered, or ``new`` is not a stored commit (a tag's: tag).
            Unsafe: the serial of ``new`` would not be later (RFC 1982), and ``origin.force`` is
                not set; or the move takes away more than the store's limits let one do, and not
                both ``origin.force`` and ``origin.reason`` are set.
            Unavailable: the store, or the object store it asks, does not answer; or the zone awaits
                its recovery (:meth:`recover`).
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
        """Judge a move as :meth:`move` does, and make nothing: neither refs nor objects change.

        A move that would be accepted raises nothing here, and any other raises the same error. That
        is true of the refs as they are now. Of ``origin`` the operation's id and turn do not count.

        Args:
            objects: the new objects that the move would have stored; blobs are not needed, but for
                that of the SOA.
            registers: the same operation registers the zone first, so it must not be registered.

        Raises:
            Conflict, Invalid, NotFound, Unsafe, Unavailable: as :meth:`move` does; Unavailable also
                where too many moves are being judged.
        """
        ...

    async def basis(self, ref: RefName, about: Collection[ObjectId] = ()) -> Basis:
        """Return what moves of a branch or tag are judged by now; ``about`` are commits of which
        it matters whether they were tips of the zone before.

        Raises:
            Invalid: it is neither.
            Unavailable: the zone is not recovered yet after a restore from a backup.
        """
        ...

    async def point(self, head: RefName, branch: RefName, origin: Origin) -> Moved:
        """Makes a HEAD stand for a branch, which need not exist yet; an operator's own HEAD is
        also remembered for its zone. ``head`` may be what is remembered itself, and no HEAD moves.

        Raises:
            NotFound: the branch's zone is not registered, or the symref to the branch is not
                stored: like a commit, it is put before a ref may name it.
        """
        ...

    async def unpoint(self, head: RefName, origin: Origin) -> Moved:
        """Removes a HEAD, or a remembered branch, if it is there: its operator stands where the
        default HEAD does; without that, nowhere."""
        ...


class Adopter(Protocol):
    """Converts the refs of a v0.3 store of the original (``store.v03_slots``)."""

    async def adopt(self, slots: Slots, origin: Origin) -> Moved:
        """Registers the zone that ``slots`` name and gives it their branches, tags and HEAD. Once
        they are kept, nothing ends this halfway: whatever dies, it is completed later. Nothing that
        exists is moved, and what stands as asked already is left alone.

        Raises:
            Conflict: a branch or tag of the zone holds something else here, or another zone is
                being taken over; nothing was changed.
            Invalid: a slot is malformed, or a branch's commit is not one of the zone.
            NotFound: a commit or tag is not stored.
            Unsafe: a branch of that name had a later serial, and ``origin.force`` is not set;
                nothing was changed.
            Unavailable: the store, or the object store it asks, does not answer.
        """
        ...
