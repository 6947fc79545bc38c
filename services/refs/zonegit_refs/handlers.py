"""What each verb of the ref store does: a message in, one call, a message out.

Who asks, and about which ref, is taken from the subject alone: that is what the broker checked.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from zonegit.bus.lanes import READ, SLOW, WRITE
from zonegit.bus.service import Endpoints, RequestHandler, endpoints_of
from zonegit.errors import Denied, Invalid, Unavailable
from zonegit.store import ref_names
from zonegit.store.basis import Basis
from zonegit.store.protocols import (
    Adopter,
    CheckedStore,
    HeadsOfOperator,
    Installation,
    LogPage,
    Moved,
    OperationDetails,
    Operations,
    Origin,
    Recovery,
    RefAt,
    RefsSnapshot,
    RefStore,
    Witness,
    ZoneRefs,
)
from zonegit.store.ref_names import RefName
from zonegit.wire import subjects
from zonegit.wire.messages import (
    Adopt,
    AskAt,
    AskBasis,
    AskCheck,
    AskOperation,
    AskOperations,
    AskRecovery,
    AskReflog,
    AskResolvers,
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
    RegisteredResolvers,
    Replace,
    Unpoint,
    Unregister,
)
from zonegit.wire.subjects import Request
from zonegit.zone.names import Name

DEPTHS: Final = {READ: 64, WRITE: 64, SLOW: 64}
"""Requests that each lane runs at a time. Moves, and questions what a move would come to, may wait
long until they are judged, and hold no place of what only reads."""
RESOLVER: Final = "resolver"
"""The actor that resolvers are."""

OnWitness = Callable[[Witness], Awaitable[None]]
"""Takes a resolver's word for what it holds of the log."""
ListResolvers = Callable[[Sequence[str], str], Awaitable[RegisteredResolvers]]
"""Returns a page of the registry: given which are expected, and the name that the page follows."""


class RefHandlers:
    """The verbs, over a store and what takes over stores of the original."""

    def __init__(
        self,
        refs: RefStore,
        adopter: Adopter,
        hear: OnWitness | None = None,
        list_resolvers: ListResolvers | None = None,
    ) -> None:
        self._refs = refs
        self._adopter = adopter
        self._hear = hear
        self._list_resolvers = list_resolvers

    def endpoints(self) -> Endpoints:
        """Return the verbs of the table, each with its answer."""
        answers: dict[str, RequestHandler] = {
            "where": self.where,
            "zone": self.zone,
            "snapshot": self.snapshot,
            "since": self.since,
            "reflog": self.reflog,
            "at": self.at,
            "operations": self.operations,
            "operation": self.operation,
            "register": self.register,
            "unregister": self.unregister,
            "move": self.move,
            "judge": self.judge,
            "basis": self.basis,
            "point": self.point,
            "unpoint": self.unpoint,
            "adopt": self.adopt,
            "recovery": self.recovery,
            "check": self.check,
            "recover": self.recover,
            "replace": self.replace,
            "resolvers": self.resolvers,
        }
        return endpoints_of("refs", answers)

    async def where(self, request: Request, message: AskWhere) -> HeadsOfOperator:
        return await self._refs.where(request.actor)

    async def zone(self, request: Request, message: AskZone) -> ZoneRefs:
        return await self._refs.zone(_zone(request), request.actor)

    async def snapshot(self, request: Request, message: AskSnapshot) -> RefsSnapshot:
        return await self._refs.snapshot(message.after)

    async def since(self, request: Request, message: AskSince) -> LogPage:
        found = await self._refs.since(message.epoch, message.sequence, message.operation)
        holds_more = found.is_other or message.sequence > found.sequence
        # The broker lets none but resolvers speak as such.
        if self._hear is not None and holds_more and request.actor == RESOLVER:
            await self._hear(
                Witness("a resolver", message.epoch, message.sequence, message.operation)
            )
        return found

    async def reflog(self, request: Request, message: AskReflog) -> Reflog:
        entries = await self._refs.reflog(_ref(request), message.limit, message.serial)
        return Reflog(entries=entries)

    async def at(self, request: Request, message: AskAt) -> RefAt:
        return await self._refs.at(_ref(request), message.when)

    async def operations(self, request: Request, message: AskOperations) -> Operations:
        zone = _zone(request) if request.ref is not None else None
        return await self._refs.operations(
            message.limit, message.before, zone=zone, actor=message.actor
        )

    async def operation(self, request: Request, message: AskOperation) -> OperationDetails:
        return await self._refs.operation(
            request.actor, message.prefix, message.after, redo=message.redo
        )

    async def register(self, request: Request, message: Register) -> Moved:
        return await self._refs.register(_zone(request), _origin(request, message.why))

    async def unregister(self, request: Request, message: Unregister) -> Moved:
        return await self._refs.unregister(_zone(request), _origin(request, message.why))

    async def move(self, request: Request, message: Move) -> Moved:
        return await self._refs.move(
            _ref(request),
            message.expected,
            message.new,
            _origin(request, message.why),
            message.objects,
            message.seen,
        )

    async def judge(self, request: Request, message: Judge) -> Done:
        await self._refs.judge(
            _ref(request),
            message.expected,
            message.new,
            _origin(request, message.why),
            message.objects,
            message.seen,
            registers=message.registers,
        )
        return Done()

    async def basis(self, request: Request, message: AskBasis) -> Basis:
        return await self._refs.basis(_ref(request), message.about)

    async def point(self, request: Request, message: Point) -> Moved:
        branch = _ref(request)
        zone = branch.zone if message.remembered else None
        is_default = request.about == subjects.DEFAULT
        if message.default and not is_default:
            raise Denied(
                "the default HEAD is moved under a subject of its own, refs.point.default",
                hint="this client is of an earlier release: upgrade it",
            )
        head = _head(request, zone, default=is_default)
        return await self._refs.point(head, branch, _origin(request, message.why))

    async def unpoint(self, request: Request, message: Unpoint) -> Moved:
        zone = _zone(request) if request.ref is not None else None
        if message.default and request.about == subjects.OWN:
            raise Invalid("the subject names one's own HEAD, and the message the default one")
        head = _head(request, zone, default=message.default)
        return await self._refs.unpoint(head, _origin(request, message.why))

    async def recovery(self, request: Request, message: AskRecovery) -> Recovery:
        return await self._refs.recovery()

    async def check(self, request: Request, message: AskCheck) -> CheckedStore:
        return await self._refs.check(again=message.again)

    async def recover(self, request: Request, message: Recover) -> Moved:
        origin = _origin(request, message.why)
        return await self._refs.recover(_zone(request), message.renewals, message.guards, origin)

    async def replace(self, request: Request, message: Replace) -> Installation:
        return await self._refs.replace(message.installation, _origin(request, message.why))

    async def adopt(self, request: Request, message: Adopt) -> Moved:
        return await self._adopter.adopt(message.slots, _origin(request, message.why))

    async def resolvers(self, request: Request, message: AskResolvers) -> RegisteredResolvers:
        if self._list_resolvers is None:
            raise Unavailable("this ref store listens to no resolvers")
        return await self._list_resolvers(message.expected, message.after)


def _ref(request: Request) -> RefName:
    if request.ref is None:
        raise Invalid(f"the subject of refs.{request.verb} has to name a ref")
    return request.ref


def _zone(request: Request) -> Name:
    ref = _ref(request)
    if ref.space != "zone" or ref.zone is None:
        raise Invalid(f"refs.{request.verb} is about a zone, not {ref.path()}")
    return ref.zone


def _head(request: Request, zone: Name | None, *, default: bool) -> RefName:
    """Whose HEAD is meant, or what the actor remembers of ``zone``."""
    if default and zone is not None:
        raise Invalid("the default HEAD remembers nothing")
    if zone is not None:
        return ref_names.remembered(request.actor, zone)
    return ref_names.default_head() if default else ref_names.own_head(request.actor)


def _origin(request: Request, why: ChangeInfo) -> Origin:
    return Origin(
        request.actor, why.command, why.operation, why.force, why.turn, why.reason, why.undoes
    )
