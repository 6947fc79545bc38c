"""The interface of the ref store, and the values that it takes and returns.

``zonegit_refs`` implements it with SQLite, ``bus.remote_refs`` with NATS; ``tests/contract`` tests
both. The values are also messages of the bus.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store.basis import Basis
from zonegit.store.recovery import Guard, Recovery, Renewal
from zonegit.store.ref_log import (
    LogEntry,
    LogPage,
    Moved,
    OperationDetails,
    Operations,
    Origin,
    PastEpoch,
    RefAt,
    When,
)
from zonegit.store.ref_names import RefName
from zonegit.store.v03_slots import Slots
from zonegit.zone import names
from zonegit.zone.names import Name


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """The ref must not exist: the move creates it."""


class Exactly(msgspec.Struct, frozen=True, tag="exactly"):
    """The ref must have this value."""

    target: ObjectId


class Anything(msgspec.Struct, frozen=True, tag="anything"):
    """The ref may have any value or not exist, so the move never conflicts."""


Expected = Absent | Exactly | Anything


def is_expected(expected: Expected, current: ObjectId | None) -> bool:
    """Return whether a ref has its expected state.

    Args:
        expected: the expected state.
        current: the value of the ref, or None if it does not exist.
    """
    match expected:
        case Absent():
            return current is None
        case Exactly(target):
            return current == target
        case Anything():
            return True


class RefTip(msgspec.Struct, frozen=True):
    """The value of a branch, a tag or the serving settings of a zone.

    Args:
        target: the id of the commit, tag or doc.
        sequence: the sequence of its last move.
        serial: the SOA serial of ``target``; None if it is not that of a branch.
        highest: the highest serial that the branch ever had; None if it is not that of a branch.
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
        serving: the serving settings, or None.
    """

    zone: Name
    heads: dict[str, RefTip]
    tags: dict[str, RefTip]
    remembered: str | None = None
    awaiting: bool = False
    serving: RefTip | None = None

    def __post_init__(self) -> None:
        names.require(self.zone)


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


class Installation(msgspec.Struct, frozen=True):
    """The installation id of a ref store, and the ids of the installations that it replaces."""

    id: str
    replaces: list[str] = []


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


class RefReads(Protocol):
    """The reads that a ref store takes from its backend as they are."""

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
            Conflict: the newest operation of ``actor`` is a redo that did not complete.
        """
        ...


class RefStore(RefReads, Protocol):
    """Branches, tags, zones and HEADs: the only mutable state."""

    async def at(self, ref: RefName, when: When) -> RefAt:
        """Return the state of a ref at a time, even if the ref or its zone was removed.

        If the clock was set back, the last of the moves with a time up to ``when`` is returned.

        Raises:
            NotFound: the ref never existed, or has fewer moves than ``when`` asks for;
                ``details['moves']`` is their number.
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
        """Remove a zone whose branches, tags and serving settings were deleted by :meth:`move`.

        Raises:
            NotFound: the zone is not registered.
            Unsafe: the zone has one of these; ``origin.force`` does not override this.
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
        """Create, move or delete a branch, a tag or the serving settings of a zone by
        compare-and-swap.

        The checks of tips and the limits do not apply to serving settings.

        Args:
            ref: the branch, the tag or the settings.
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
                stored tag; for settings, a stored doc).
            Invalid: the doc of settings does not parse (``store.serving_settings``).
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
