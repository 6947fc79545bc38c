"""Access the ref store over the bus.

The actor, the ref and the zone are in the subject, where the permissions of the broker apply to
them.
"""

from collections.abc import Collection, Sequence
from typing import Final, TypeVar

import msgspec

from zonegit.bus.connection import REQUEST_TIMEOUT, Bus
from zonegit.errors import Denied
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store import ref_names
from zonegit.store.basis import Basis
from zonegit.store.recovery import Guard, Recovery, Renewal
from zonegit.store.ref_log import (
    LogEntry,
    LogPage,
    Moved,
    OperationDetails,
    Operations,
    Origin,
    RefAt,
    When,
)
from zonegit.store.ref_names import RefName
from zonegit.store.refs import (
    CheckedStore,
    Expected,
    HeadsOfOperator,
    Installation,
    RefsSnapshot,
    ZoneRefs,
)
from zonegit.store.v03_slots import Slots
from zonegit.wire import subjects
from zonegit.wire.messages import (
    MAX_ATTACHED_OCTETS,
    MAX_IDS,
    MAX_SEEN,
    Adopt,
    AskAt,
    AskBasis,
    AskCheck,
    AskOperation,
    AskOperations,
    AskRecovery,
    AskReflog,
    AskSince,
    AskSnapshot,
    AskWhere,
    AskZone,
    ChangeInfo,
    Done,
    Judge,
    Move,
    Point,
    Recover,
    Reflog,
    Register,
    Replace,
    Unpoint,
    Unregister,
    octets,
)
from zonegit.zone.names import Name

Reply = TypeVar("Reply", bound=msgspec.Struct)

SERVICE: Final = "refs"
LONG_VERBS: Final = frozenset({"move", "judge"})
"""Verbs whose check can take minutes, and reports that it advances."""
MOVE_TIMEOUT: Final = 15.0
"""Seconds; refs may have to read from the object store, and a move ends with an fsync."""


class RemoteRefs:
    """Implements :class:`zonegit.store.refs.RefStore` and ``Adopter`` for one actor."""

    def __init__(self, bus: Bus, actor: str, *, timeout: float | None = None) -> None:
        """Create the store.

        Args:
            bus: The connection.
            actor: The actor of the requests.
            timeout: The timeout of each request in seconds; None for the default of its kind.
        """
        self._bus = bus
        self._actor = actor
        self._timeout = timeout

    async def where(self, actor: str) -> HeadsOfOperator:
        self._check_actor(actor)
        return await self._ask("where", None, AskWhere(), HeadsOfOperator)

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        self._check_actor(actor)
        return await self._ask("zone", ref_names.marker(zone), AskZone(), ZoneRefs)

    async def snapshot(self, after: Name | None = None) -> RefsSnapshot:
        return await self._ask("snapshot", None, AskSnapshot(after=after), RefsSnapshot)

    async def since(self, epoch: str, sequence: int, operation: str = "") -> LogPage:
        question = AskSince(epoch=epoch, sequence=sequence, operation=operation)
        return await self._ask("since", None, question, LogPage)

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        question = AskReflog(limit=limit, serial=serial)
        return (await self._ask("reflog", ref, question, Reflog)).entries

    async def at(self, ref: RefName, when: When) -> RefAt:
        return await self._ask("at", ref, AskAt(when=when), RefAt)

    async def operations(
        self,
        limit: int,
        before: int | None = None,
        *,
        zone: Name | None = None,
        actor: str | None = None,
    ) -> Operations:
        ref = ref_names.marker(zone) if zone is not None else None
        question = AskOperations(limit=limit, before=before, actor=actor)
        return await self._ask("operations", ref, question, Operations)

    async def operation(
        self, actor: str, prefix: str | None, after: int = 0, *, redo: bool = False
    ) -> OperationDetails:
        self._check_actor(actor)
        question = AskOperation(prefix=prefix, after=after, redo=redo)
        return await self._ask("operation", None, question, OperationDetails)

    async def recovery(self) -> Recovery:
        return await self._ask("recovery", None, AskRecovery(), Recovery)

    async def recover(
        self, zone: Name, renewals: Sequence[Renewal], guards: Sequence[Guard], origin: Origin
    ) -> Moved:
        message = Recover(
            renewals=list(renewals), guards=list(guards), why=self._make_change_info(origin)
        )
        return await self._change("recover", ref_names.marker(zone), message)

    async def check(self, *, again: bool = False) -> CheckedStore:
        return await self._ask("check", None, AskCheck(again=again), CheckedStore)

    async def replace(self, installation: str, origin: Origin) -> Installation:
        message = Replace(installation=installation, why=self._make_change_info(origin))
        return await self._ask("replace", None, message, Installation, MOVE_TIMEOUT)

    async def register(self, zone: Name, origin: Origin) -> Moved:
        return await self._change(
            "register", ref_names.marker(zone), Register(why=self._make_change_info(origin))
        )

    async def unregister(self, zone: Name, origin: Origin) -> Moved:
        message = Unregister(why=self._make_change_info(origin))
        return await self._change("unregister", ref_names.marker(zone), message)

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        origin: Origin,
        objects: Sequence[RawObject] = (),
        seen: Sequence[RawObject] = (),
    ) -> Moved:
        message = Move(
            expected=expected,
            new=new,
            why=self._make_change_info(origin),
            objects=select_attached(objects),
            seen=select_attached(seen, MAX_SEEN),
        )
        return await self._change("move", ref, message)

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
        message = Judge(
            expected=expected,
            new=new,
            why=self._make_change_info(origin),
            objects=list(objects),
            seen=list(seen) if octets(seen) <= MAX_SEEN and len(seen) <= MAX_IDS else [],
            registers=registers,
        )
        await self._ask("judge", ref, message, Done, MOVE_TIMEOUT)

    async def basis(self, ref: RefName, about: Collection[ObjectId] = ()) -> Basis:
        return await self._ask("basis", ref, AskBasis(about=list(about)), Basis)

    async def point(self, head: RefName, branch: RefName, origin: Origin) -> Moved:
        if head.short:
            self._check_actor(head.short)
        message = Point(
            default=not head.short,
            why=self._make_change_info(origin),
            remembered=head.zone is not None,
        )
        about = None if head.short else subjects.DEFAULT
        return await self._change("point", branch, message, about)

    async def unpoint(self, head: RefName, origin: Origin) -> Moved:
        if head.short:
            self._check_actor(head.short)
        ref = ref_names.marker(head.zone) if head.zone is not None else None
        message = Unpoint(default=not head.short, why=self._make_change_info(origin))
        about = subjects.OWN if head.short and head.zone is None else None
        return await self._change("unpoint", ref, message, about)

    async def adopt(self, slots: Slots, origin: Origin) -> Moved:
        message = Adopt(slots=dict(slots), why=self._make_change_info(origin))
        return await self._ask("adopt", None, message, Moved, MOVE_TIMEOUT)

    async def _change(
        self, verb: str, ref: RefName | None, message: msgspec.Struct, about: str | None = None
    ) -> Moved:
        return await self._ask(verb, ref, message, Moved, MOVE_TIMEOUT, about)

    async def _ask(
        self,
        verb: str,
        ref: RefName | None,
        message: msgspec.Struct,
        reply: type[Reply],
        usual: float = REQUEST_TIMEOUT,
        about: str | None = None,
    ) -> Reply:
        subject = subjects.request(self._actor, SERVICE, verb, ref, about)
        return await self._bus.request(
            subject, message, reply,
            timeout=self._timeout or usual, is_long=verb in LONG_VERBS,
        )  # fmt: skip

    def _make_change_info(self, origin: Origin) -> ChangeInfo:
        self._check_actor(origin.actor)
        return ChangeInfo(
            command=origin.command,
            operation=origin.operation,
            force=origin.force,
            turn=origin.turn,
            reason=origin.reason,
            undoes=origin.undoes,
        )

    def _check_actor(self, actor: str) -> None:
        """Check that a request is for the actor of this store.

        Raises:
            Denied: It is for another actor; the subject names the actor to the broker.
        """
        if actor != self._actor:
            raise Denied(f"{self._actor} cannot send requests as {actor}")


def select_attached(
    objects: Sequence[RawObject], limit: int = MAX_ATTACHED_OCTETS
) -> list[RawObject]:
    """Return the objects if they are small enough to travel with a move, else none.

    Args:
        objects: The objects.
        limit: The maximum octets; by default what the event of the move can carry.
    """
    total = sum(len(raw.payload) for raw in objects)
    return list(objects) if total <= limit and len(objects) <= MAX_IDS else []
