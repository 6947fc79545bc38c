"""Access the ref store over the bus.

The actor, the ref and the zone are in the subject, where the permissions of the broker apply to
them.
"""

from collections.abc import Collection, Sequence

from zonegit.bus.verb_client import VerbClient, asks
from zonegit.errors import Denied
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.store import ref_names
from zonegit.store.basis import Basis
from zonegit.store.recovery import Guard, Renewal
from zonegit.store.ref_log import (
    LogEntry,
    Moved,
    OperationDetails,
    Operations,
    Origin,
    RefAt,
    When,
)
from zonegit.store.ref_names import RefName
from zonegit.store.refs import (
    Expected,
    HeadsOfOperator,
    Installation,
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
    Judge,
    Move,
    Point,
    Recover,
    Register,
    Replace,
    Unpoint,
    Unregister,
    octets,
)
from zonegit.wire.verbs import RefVerbs
from zonegit.zone.names import Name


class RemoteRefs(VerbClient):
    """Implements :class:`zonegit.store.refs.RefStore` and ``Adopter`` for one actor."""

    snapshot = asks(RefVerbs.SNAPSHOT, AskSnapshot)
    since = asks(RefVerbs.SINCE, AskSince)
    recovery = asks(RefVerbs.RECOVERY, AskRecovery)
    check = asks(RefVerbs.CHECK, AskCheck)

    async def where(self, actor: str) -> HeadsOfOperator:
        self._check_actor(actor)
        return await self.ask(RefVerbs.WHERE, AskWhere())

    async def zone(self, zone: Name, actor: str) -> ZoneRefs:
        self._check_actor(actor)
        return await self.ask(RefVerbs.ZONE, AskZone(), ref_names.marker(zone))

    async def reflog(self, ref: RefName, limit: int, serial: int | None = None) -> list[LogEntry]:
        question = AskReflog(limit=limit, serial=serial)
        return (await self.ask(RefVerbs.REFLOG, question, ref)).entries

    async def at(self, ref: RefName, when: When) -> RefAt:
        return await self.ask(RefVerbs.AT, AskAt(when=when), ref)

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
        return await self.ask(RefVerbs.OPERATIONS, question, ref)

    async def operation(
        self, actor: str, prefix: str | None, after: int = 0, *, redo: bool = False
    ) -> OperationDetails:
        self._check_actor(actor)
        question = AskOperation(prefix=prefix, after=after, redo=redo)
        return await self.ask(RefVerbs.OPERATION, question)

    async def recover(
        self, zone: Name, renewals: Sequence[Renewal], guards: Sequence[Guard], origin: Origin
    ) -> Moved:
        message = Recover(
            renewals=list(renewals), guards=list(guards), why=self._make_change_info(origin)
        )
        return await self.ask(RefVerbs.RECOVER, message, ref_names.marker(zone))

    async def replace(self, installation: str, origin: Origin) -> Installation:
        message = Replace(installation=installation, why=self._make_change_info(origin))
        return await self.ask(RefVerbs.REPLACE, message)

    async def register(self, zone: Name, origin: Origin) -> Moved:
        message = Register(why=self._make_change_info(origin))
        return await self.ask(RefVerbs.REGISTER, message, ref_names.marker(zone))

    async def unregister(self, zone: Name, origin: Origin) -> Moved:
        message = Unregister(why=self._make_change_info(origin))
        return await self.ask(RefVerbs.UNREGISTER, message, ref_names.marker(zone))

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
        # A verb of its own, so that a line which allows moves of branches does not allow it.
        verb = RefVerbs.SERVE if ref.space == "serving" else RefVerbs.MOVE
        return await self.ask(verb, message, ref)

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
        await self.ask(RefVerbs.JUDGE, message, ref)

    async def basis(self, ref: RefName, about: Collection[ObjectId] = ()) -> Basis:
        return await self.ask(RefVerbs.BASIS, AskBasis(about=list(about)), ref)

    async def point(self, head: RefName, branch: RefName, origin: Origin) -> Moved:
        if head.short:
            self._check_actor(head.short)
        message = Point(
            default=not head.short,
            why=self._make_change_info(origin),
            remembered=head.zone is not None,
        )
        about = None if head.short else subjects.DEFAULT
        return await self.ask(RefVerbs.POINT, message, branch, about)

    async def unpoint(self, head: RefName, origin: Origin) -> Moved:
        if head.short:
            self._check_actor(head.short)
        ref = ref_names.marker(head.zone) if head.zone is not None else None
        message = Unpoint(default=not head.short, why=self._make_change_info(origin))
        about = subjects.OWN if head.short and head.zone is None else None
        return await self.ask(RefVerbs.UNPOINT, message, ref, about)

    async def adopt(self, slots: Slots, origin: Origin) -> Moved:
        message = Adopt(slots=dict(slots), why=self._make_change_info(origin))
        return await self.ask(RefVerbs.ADOPT, message)

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
