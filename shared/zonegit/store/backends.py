"""The interfaces of storage backends: what the two services require of what keeps their data.

A backend holds the data of one store and decides nothing else. The handlers of the object store are
typed to :class:`ObjectBackend`. The keeper, the publisher, the witnesses and the adopter of the ref
store are typed to :class:`RefBackend`. Each service chooses its backend by name in its module
``backends``; ``tests/contract`` tests all of them (docs/adr/0049-storage-backends.md).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.store.basis import RefState, ServedTree
from zonegit.store.objects import Dated, ObjectStore
from zonegit.store.recovery import Guard, Recovery, Renewal, Witness
from zonegit.store.ref_log import (
    LogEntry,
    Moved,
    Origin,
    RefAt,
    When,
)
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Expected, Installation, RefReads
from zonegit.store.v03_slots import Slots
from zonegit.zone.names import Name

T = TypeVar("T")

MAX_REPLY_ROWS: Final = 100
"""The maximum number of log rows in the reply to an operation: the last ones it wrote."""

OnLogged = Callable[[list[LogEntry]], None]
"""Called on the event loop with log rows once they are durable, in order."""


class BackendChoice(NamedTuple, Generic[T]):
    """A backend that a service can use.

    Attributes:
        path: its file or folder, below the data folder.
        open: opens the store at that path for the time of a context.
    """

    path: str
    open: Callable[[Path], AbstractAsyncContextManager[T]]


class ObjectBackend(ObjectStore, Protocol):
    """An object store that can limit the octets of a result.

    The methods of :class:`zonegit.store.objects.ObjectStore` return everything that was requested.
    The two that may return much are derived from their pages.
    """

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        return {raw.id: raw for raw in await self.get_page(ids, None)}

    async def history(self, tips: Collection[CommitId], limit: int) -> list[Dated]:
        return await self.history_page(tips, limit, None)

    async def get_page(self, ids: Collection[ObjectId], max_octets: int | None) -> list[RawObject]:
        """Return the first of ``ids``, each once: as many as fit, at least one.

        Args:
            ids: the ids.
            max_octets: the maximum octets of all payloads; None for all objects.

        Raises:
            NotFound, Corrupt, Unavailable: as in :meth:`get`.
        """
        ...

    async def history_page(
        self, tips: Collection[CommitId], limit: int, max_octets: int | None
    ) -> list[Dated]:
        """Return the first commits of a history: as many as fit, at least one.

        Args:
            tips: the commits to start from.
            limit: the maximum number of commits, unless there are more tips.
            max_octets: the maximum octets of all payloads; None for no limit.

        Raises:
            NotFound, Corrupt, Unavailable: as in :meth:`history`.
        """
        ...

    async def installation(self) -> str:
        """Return the installation that this store belongs to; empty if there is none yet."""
        ...

    async def join(self, installation: str) -> None:
        """Record the installation that this store belongs to."""
        ...


class TipMoved(Exception):
    """A branch has moved since the move was checked; the keeper checks it again."""


class LogEnd(NamedTuple):
    """The end of the log.

    Attributes:
        epoch: The epoch of the log.
        sequence: The last sequence of the log.
        awaiting: The number of zones that await recovery.
        restored: Whether the store was restored and recovery has not begun.
        installation: The id of the installation.
        replaces: The installations that this one replaces.
    """

    epoch: str
    sequence: int
    awaiting: int
    restored: bool
    installation: str
    replaces: list[str]


class CheckedPage(NamedTuple):
    """The result of checking a page of the log.

    Attributes:
        last: The last row that was checked.
        has_more: Whether there are further rows.
        damage: The faults found.
    """

    last: int
    has_more: bool
    damage: list[str]


@dataclass(frozen=True, slots=True)
class PendingNames:
    """The names of a v0.3 store that are not converted yet, with the origin of the request.

    The name of the zone is converted last.
    """

    slots: Slots
    origin: Origin


class RefBackend(RefReads, Protocol):
    """Refs, HEADs and the log of their moves.

    Each method sees one state of the store, or changes it in one durable transaction: the
    compare-and-swap, the row of the log with its sequence, the highest serial and the outcome of
    the operation are committed together. A repeated operation returns its first outcome. A backend
    does not read objects: the caller checks them, and passes what the transaction compares.

    Attributes:
        epoch: the epoch of the log.
        installation: the id of the installation.
        latest: the last sequence of the log.
        begun: the epochs that began in this process.
    """

    epoch: str
    installation: str
    latest: int
    begun: set[str]

    async def at(self, ref: RefName, when: When, now: float) -> RefAt:
        """Return the value of a ref at a time.

        Raises:
            NotFound: the ref never existed, or has not moved so often.
        """
        ...

    async def state(self, ref: RefName) -> RefState:
        """Return the state of a branch or tag on which a move of it depends.

        Raises:
            Unavailable: the store was restored, and the zone is not recovered yet.
        """
        ...

    async def list_accepted(self, zone: Name, commits: Collection[ObjectId]) -> list[ObjectId]:
        """Return those of ``commits`` that the log has as tips of a zone."""
        ...

    async def register(self, zone: Name, origin: Origin, time: float, on_logged: OnLogged) -> Moved:
        """Register a zone.

        Raises:
            Conflict: the zone is registered already.
        """
        ...

    async def unregister(
        self, zone: Name, origin: Origin, time: float, on_logged: OnLogged
    ) -> Moved:
        """Remove a zone without branches and tags.

        Raises:
            NotFound: the zone is not registered.
            Unsafe: it has branches or tags.
        """
        ...

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        served: ServedTree | None,
        judged: ObjectId | None,
        origin: Origin,
        time: float,
        on_logged: OnLogged,
    ) -> Moved:
        """Move a branch or tag by compare-and-swap.

        Args:
            ref: the branch or tag.
            expected: the value that it must have.
            new: the new value; None to delete it.
            served: the serial and tree of the new commit; None for a tag or a deletion.
            judged: the tip from which the move was checked; None if the ref did not exist.
            origin: the origin of the move.
            time: the time of the move, in seconds since 1970.
            on_logged: called with the rows of the log before the call returns.

        Raises:
            TipMoved: the ref has the expected value, but not ``judged``.
            NotFound: the zone is not registered.
            Conflict: the ref does not have the expected value; the error names the tip.
            Unsafe: the serial is not later than the highest one.
            Invalid: the id of the operation was used for another move.
            Unavailable: the store was restored, and the zone is not recovered yet.
        """
        ...

    async def point(
        self,
        head: RefName,
        branch: RefName,
        symref: ObjectId,
        origin: Origin,
        time: float,
        on_logged: OnLogged,
    ) -> Moved:
        """Point a HEAD, or the remembered branch of an actor, to a branch.

        Raises:
            NotFound: the zone of the branch is not registered.
        """
        ...

    async def unpoint(
        self, head: RefName, origin: Origin, time: float, on_logged: OnLogged
    ) -> Moved:
        """Remove a HEAD or a remembered branch, if it exists."""
        ...

    async def read_end(self) -> LogEnd:
        """Return the end of the log."""
        ...

    async def sequence(self) -> int:
        """Return the last sequence of the log."""
        ...

    async def check_file(self) -> list[str]:
        """Return the faults of the stored data, except those of the rows of the log."""
        ...

    async def check_log(self, after: int) -> CheckedPage:
        """Check a page of the log after a sequence; 0 for the first page."""
        ...

    async def recovery(self) -> Recovery:
        """Return the state of the recovery after a restore."""
        ...

    async def record_claim(self, claim: Witness, before: Sequence[str]) -> bool:
        """Record the claim of a resolver, if it proves that this store was restored.

        Args:
            claim: the resolver, and how far it followed which epoch.
            before: the epochs before that one, as the resolver has them.

        Returns:
            Whether this is the first proof.
        """
        ...

    async def list_doubted(self) -> list[str]:
        """Return the runs of the service before which this store may have been restored."""
        ...

    async def record_confirmation(self) -> None:
        """Record that a resolver has confirmed the log, so that no run is doubted."""
        ...

    async def recover(
        self,
        zone: Name,
        renewals: Sequence[Renewal],
        served: Mapping[str, ServedTree],
        guards: Sequence[Guard],
        origin: Origin,
        time: float,
        on_logged: OnLogged,
    ) -> Moved:
        """Recover a zone after a restore; ``served`` has the serial and tree of each new commit.

        Raises:
            Conflict: its branches are not those that the renewals expect.
            Unsafe: a serial would not be later than the highest one.
            Invalid: a guard is too far ahead.
        """
        ...

    async def replace(self, installation: str, origin: Origin, time: float) -> Installation:
        """Record that this store replaces an installation.

        Raises:
            Invalid: it is the installation of this store, or too many are replaced already.
        """
        ...

    async def pending(self) -> PendingNames | None:
        """Return the names of a v0.3 store that are not converted yet; None if there are none."""
        ...

    async def keep(
        self, slots: Slots, served: Mapping[RefName, ServedTree], origin: Origin
    ) -> None:
        """Store names of a v0.3 store to be converted; pending names get the new origin.

        Raises:
            Conflict: the names of another store are pending.
            Unsafe: the serial of a branch is not later than its highest one, and ``origin.force``
                is not set.
        """
        ...

    async def drop(self, name: str) -> None:
        """Drop a converted name."""
        ...
