"""Handle the verbs of the ref store: each takes a message, makes one call, and returns a message.

The actor and the ref of a request are taken from its subject only, because that is what the broker
checked.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from zonegit.bus.endpoints import Endpoints, answers, endpoints_of
from zonegit.bus.lanes import READ, SLOW, WRITE
from zonegit.errors import Denied, Invalid, Unavailable
from zonegit.store import ref_names
from zonegit.store.basis import Basis
from zonegit.store.recovery import Recovery, Witness
from zonegit.store.ref_log import LogPage, Moved, OperationDetails, Operations, Origin, RefAt
from zonegit.store.ref_names import RefName
from zonegit.store.refs import (
    Adopter,
    CheckedStore,
    HeadsOfOperator,
    Installation,
    RefsSnapshot,
    RefStore,
    ZoneRefs,
)
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
from zonegit.wire.verbs import RefVerbs
from zonegit.zone.names import Name

DEPTHS: Final = {READ: 64, WRITE: 64, SLOW: 64}
"""Requests that each lane runs at a time. Moves and checks of moves can wait long until they are
checked, and do not occupy the lane of reads."""
RESOLVER: Final = "resolver"
"""The actor of resolvers."""

OnWitness = Callable[[Witness], Awaitable[None]]
"""Called with the claim of a resolver about the log."""
ListResolvers = Callable[[Sequence[str], str], Awaitable[RegisteredResolvers]]
"""Returns a page of the registry; called with the expected resolvers and the name before the
page."""


class RefHandlers:
    """The handlers of a store."""

    def __init__(
        self,
        refs: RefStore,
        adopter: Adopter,
        on_witness: OnWitness | None = None,
        list_resolvers: ListResolvers | None = None,
    ) -> None:
        self._refs = refs
        self._adopter = adopter
        self._on_witness = on_witness
        self._list_resolvers = list_resolvers

    def endpoints(self) -> Endpoints:
        """Return the verbs of the ref store with their handlers."""
        return endpoints_of("refs", self)

    @answers(RefVerbs.WHERE)
    async def where(self, request: Request, message: AskWhere) -> HeadsOfOperator:
        return await self._refs.where(request.actor)

    @answers(RefVerbs.ZONE)
    async def zone(self, request: Request, message: AskZone) -> ZoneRefs:
        return await self._refs.zone(_zone(request), request.actor)

    @answers(RefVerbs.SNAPSHOT)
    async def snapshot(self, request: Request, message: AskSnapshot) -> RefsSnapshot:
        return await self._refs.snapshot(message.after)

    @answers(RefVerbs.SINCE)
    async def since(self, request: Request, message: AskSince) -> LogPage:
        found = await self._refs.since(message.epoch, message.sequence, message.operation)
        holds_more = found.is_other or message.sequence > found.sequence
        # The broker allows only resolvers to send requests as this actor.
        if self._on_witness is not None and holds_more and request.actor == RESOLVER:
            await self._on_witness(
                Witness("a resolver", message.epoch, message.sequence, message.operation)
            )
        return found

    @answers(RefVerbs.REFLOG)
    async def reflog(self, request: Request, message: AskReflog) -> Reflog:
        entries = await self._refs.reflog(_ref(request), message.limit, message.serial)
        return Reflog(entries=entries)

    @answers(RefVerbs.AT)
    async def at(self, request: Request, message: AskAt) -> RefAt:
        return await self._refs.at(_ref(request), message.when)

    @answers(RefVerbs.OPERATIONS)
    async def operations(self, request: Request, message: AskOperations) -> Operations:
        zone = _zone(request) if request.ref is not None else None
        return await self._refs.operations(
            message.limit, message.before, zone=zone, actor=message.actor
        )

    @answers(RefVerbs.OPERATION)
    async def operation(self, request: Request, message: AskOperation) -> OperationDetails:
        return await self._refs.operation(
            request.actor, message.prefix, message.after, redo=message.redo
        )

    @answers(RefVerbs.REGISTER)
    async def register(self, request: Request, message: Register) -> Moved:
        return await self._refs.register(_zone(request), _origin(request, message.why))

    @answers(RefVerbs.UNREGISTER)
    async def unregister(self, request: Request, message: Unregister) -> Moved:
        return await self._refs.unregister(_zone(request), _origin(request, message.why))

    @answers(RefVerbs.MOVE)
    async def move(self, request: Request, message: Move) -> Moved:
        return await self._refs.move(
            _ref(request),
            message.expected,
            message.new,
            _origin(request, message.why),
            message.objects,
            message.seen,
        )

    @answers(RefVerbs.SERVE)
    async def serve(self, request: Request, message: Move) -> Moved:
        return await self.move(request, message)

    @answers(RefVerbs.JUDGE)
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

    @answers(RefVerbs.BASIS)
    async def basis(self, request: Request, message: AskBasis) -> Basis:
        return await self._refs.basis(_ref(request), message.about)

    @answers(RefVerbs.POINT)
    async def point(self, request: Request, message: Point) -> Moved:
        branch = _ref(request)
        zone = branch.zone if message.remembered else None
        is_default = request.about == subjects.DEFAULT
        if message.default and not is_default:
            raise Denied(
                "the default HEAD is moved with the subject refs.point.default",
                hint="this client is of an earlier release; upgrade it",
            )
        head = _head(request, zone, default=is_default)
        return await self._refs.point(head, branch, _origin(request, message.why))

    @answers(RefVerbs.UNPOINT)
    async def unpoint(self, request: Request, message: Unpoint) -> Moved:
        zone = _zone(request) if request.ref is not None else None
        if message.default and request.about == subjects.OWN:
            raise Invalid("the subject names the operator's HEAD, and the message the default HEAD")
        head = _head(request, zone, default=message.default)
        return await self._refs.unpoint(head, _origin(request, message.why))

    @answers(RefVerbs.RECOVERY)
    async def recovery(self, request: Request, message: AskRecovery) -> Recovery:
        return await self._refs.recovery()

    @answers(RefVerbs.CHECK)
    async def check(self, request: Request, message: AskCheck) -> CheckedStore:
        return await self._refs.check(again=message.again)

    @answers(RefVerbs.RECOVER)
    async def recover(self, request: Request, message: Recover) -> Moved:
        origin = _origin(request, message.why)
        return await self._refs.recover(_zone(request), message.renewals, message.guards, origin)

    @answers(RefVerbs.REPLACE)
    async def replace(self, request: Request, message: Replace) -> Installation:
        return await self._refs.replace(message.installation, _origin(request, message.why))

    @answers(RefVerbs.ADOPT)
    async def adopt(self, request: Request, message: Adopt) -> Moved:
        return await self._adopter.adopt(message.slots, _origin(request, message.why))

    @answers(RefVerbs.RESOLVERS)
    async def resolvers(self, request: Request, message: AskResolvers) -> RegisteredResolvers:
        if self._list_resolvers is None:
            raise Unavailable("this ref store does not listen to resolvers")
        return await self._list_resolvers(message.expected, message.after)


def _ref(request: Request) -> RefName:
    if request.ref is None:
        raise Invalid(f"the subject of refs.{request.verb} must name a ref")
    return request.ref


def _zone(request: Request) -> Name:
    ref = _ref(request)
    if ref.space != "zone" or ref.zone is None:
        raise Invalid(f"the subject of refs.{request.verb} must name a zone, not {ref.path()}")
    return ref.zone


def _head(request: Request, zone: Name | None, *, default: bool) -> RefName:
    """Return the ref of a HEAD, or of the branch that the actor remembers for ``zone``."""
    if default and zone is not None:
        raise Invalid("the default HEAD has no remembered branches")
    if zone is not None:
        return ref_names.remembered_branch(request.actor, zone)
    return ref_names.default_head() if default else ref_names.own_head(request.actor)


def _origin(request: Request, why: ChangeInfo) -> Origin:
    return Origin(
        request.actor, why.command, why.operation, why.force, why.turn, why.reason, why.undoes
    )
