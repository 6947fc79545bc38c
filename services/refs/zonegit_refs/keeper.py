"""Implement the ref store: check a move against the objects, then execute it in the backend.

Objects are read before the transaction begins, so the writing thread never waits for the bus. The
transaction compares only what may have changed since; if it has, the move is checked again.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from zonegit.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, RawObject, short, verify_all
from zonegit.objects.model import Symref
from zonegit.safety import judgement, moves, tips
from zonegit.safety.moves import MoveRequest
from zonegit.safety.reader import MoveReader
from zonegit.safety.tips import Candidate
from zonegit.store import ref_names
from zonegit.store.backends import RefBackend, TipMoved
from zonegit.store.basis import USUAL, Basis, MoveLimits, ServedTree
from zonegit.store.objects import ObjectStore
from zonegit.store.recovery import Guard, Recovery, Renewal
from zonegit.store.ref_log import (
    LogEntry,
    LogPage,
    Moved,
    Origin,
    RefAt,
    When,
)
from zonegit.store.ref_names import RefName
from zonegit.store.refs import (
    Absent,
    CheckedStore,
    Expected,
    Installation,
    is_expected,
)
from zonegit.zone.names import Name
from zonegit_refs.judgement_queue import MOVES, QUESTIONS, JudgementQueue
from zonegit_refs.retry_order import RetryQueues
from zonegit_refs.store_check import StoreCheck

Announce = Callable[[Sequence[RawObject], Sequence[LogEntry]], None]
"""Publishes durable log rows, with the new objects of a commit; returns at once."""

MAX_CHECKS: Final = 20
"""The maximum number of checks of one move, if the branch moves again after each of them."""

log = structlog.get_logger()


class RestoreWitnesses(Protocol):
    """Finds out from resolvers whether the store was restored from a backup."""

    async def ask(self) -> None:
        """Request the log positions of all resolvers, and record a proof of a restore."""
        ...

    async def wait_until_asked(self) -> None:
        """Wait until resolvers were asked for the first time."""
        ...

    def hint(self) -> None:
        """Ask resolvers soon, because a follower of the log has rows that the store lacks."""
        ...


class NoResolvers:
    """Implements :class:`RestoreWitnesses` without a bus."""

    async def ask(self) -> None:
        """Return at once."""

    async def wait_until_asked(self) -> None:
        """Return at once."""

    def hint(self) -> None:
        """Do nothing."""


@dataclass
class _Tip:
    """The new commit of a ref.

    Attributes:
        reading: The reader of the objects of the move.
        is_legacy: Whether the commit comes from a store of the original.
        candidate: The commit; None if the ref is deleted, or is serving settings.
        is_checked: Whether the commit was checked to be a valid zone.
    """

    reading: MoveReader
    is_legacy: bool = False
    candidate: Candidate | None = None
    is_checked: bool = False


class RefKeeper:
    """Implements :class:`zonegit.store.refs.RefStore`."""

    def __init__(
        self,
        refs: RefBackend,
        objects: ObjectStore,
        announce: Announce,
        clock: Callable[[], float] = time.time,
        limits: MoveLimits = USUAL,
        resolvers: RestoreWitnesses | None = None,
        check: StoreCheck | None = None,
    ) -> None:
        self._refs = refs
        self._objects = objects
        self._announce = announce
        self._clock = clock
        self._turns = RetryQueues()
        self._limits = limits
        self._judgements = JudgementQueue()
        self._resolvers = resolvers or NoResolvers()
        self._check = check or StoreCheck(refs)
        self.where, self.zone, self.snapshot = refs.where, refs.zone, refs.snapshot
        self.reflog, self.operations, self.operation = refs.reflog, refs.operations, refs.operation

    async def since(self, epoch: str, sequence: int, operation: str = "") -> LogPage:
        since = await self._refs.since(epoch, sequence, operation)
        if epoch != since.epoch or sequence > since.sequence or since.is_other:
            self._resolvers.hint()
        return since

    async def at(self, ref: RefName, when: When) -> RefAt:
        return await self._refs.at(ref, when, self._clock())

    async def recovery(self) -> Recovery:
        await self._resolvers.ask()
        return await self._refs.recovery()

    async def recover(
        self, zone: Name, renewals: Sequence[Renewal], guards: Sequence[Guard], origin: Origin
    ) -> Moved:
        served: dict[str, ServedTree] = {}
        for each in renewals:
            if each.new is not None:
                reading = MoveReader(self._objects, {})
                ref = ref_names.branch(zone, each.branch)
                candidate = await judgement.read_candidate(reading, ref, each.new)
                await judgement.check_renewal(reading, each.expected, each.new)
                served[each.branch] = candidate.served
        return await self._refs.recover(
            zone, renewals, served, guards, origin, self._clock(), self._make_announcer()
        )

    async def check(self, *, again: bool = False) -> CheckedStore:
        return self._check.state(again=again)

    async def replace(self, installation: str, origin: Origin) -> Installation:
        return await self._refs.replace(installation, origin, self._clock())

    async def register(self, zone: Name, origin: Origin) -> Moved:
        await self._resolvers.wait_until_asked()
        return await self._refs.register(zone, origin, self._clock(), self._make_announcer())

    async def unregister(self, zone: Name, origin: Origin) -> Moved:
        await self._resolvers.wait_until_asked()
        return await self._refs.unregister(zone, origin, self._clock(), self._make_announcer())

    async def move(
        self,
        ref: RefName,
        expected: Expected,
        new: ObjectId | None,
        origin: Origin,
        objects: Sequence[RawObject] = (),
        seen: Sequence[RawObject] = (),
    ) -> Moved:
        request = MoveRequest(ref, expected, new, origin.force, origin.reason)
        return await self._judge_and_move(request, origin, objects, seen)

    async def take_over(self, ref: RefName, new: ObjectId, origin: Origin) -> Moved:
        """Create a ref with its value in a store of the original
        (:meth:`zonegit_refs.legacy.converter.NewRefs.take_over`)."""
        request = MoveRequest(ref, Absent(), new, origin.force, origin.reason)
        return await self._judge_and_move(request, origin, is_legacy=True)

    async def _judge_and_move(
        self,
        request: MoveRequest,
        origin: Origin,
        objects: Sequence[RawObject] = (),
        seen: Sequence[RawObject] = (),
        *,
        is_legacy: bool = False,
    ) -> Moved:
        ref, new = request.ref, request.new
        moves.require_movable(ref)
        known = {raw.id: raw for raw in verify_all([*objects, *seen])}
        tip = _Tip(MoveReader(self._objects, known), is_legacy=is_legacy)
        if new is not None:
            async with self._judgements.turn(MOVES, origin.actor) as tip.reading.on_pause:
                # Objects sent with the move are verified, but the target must be stored.
                if new in known and await self._objects.missing([new]):
                    raise _not_stored(new)
                tip.candidate = await judgement.read_target(tip.reading, ref, new)
        await self._resolvers.wait_until_asked()
        await self._turns.wait(ref, origin.turn)
        try:
            moved = await self._move(request, tip, origin, objects)
        except Conflict:
            self._turns.record_loss(ref, origin.turn)
            raise
        self._turns.leave(ref, origin.turn)
        return moved

    async def _move(
        self, request: MoveRequest, new: "_Tip", origin: Origin, objects: Sequence[RawObject]
    ) -> Moved:
        """Check the move from the current tip, then move the ref if it still has that tip."""
        ref, expected = request.ref, request.expected
        served = judgement.find_served(ref, new.candidate)
        for _ in range(MAX_CHECKS):
            tip = None
            if served is not None:
                # If the zone is not recovered, the transaction raises Unavailable, unless the
                # operation was executed before.
                with suppress(Unavailable):
                    tip = (await self._refs.state(ref)).tip
            if served is None or (tip != request.new and is_expected(expected, tip)):
                async with self._judgements.turn(MOVES, origin.actor) as new.reading.on_pause:
                    await self._check_move(request, new, tip)
            with suppress(TipMoved):
                return await self._refs.move(
                    ref, expected, request.new, served, tip, origin, self._clock(),
                    self._make_announcer(objects),
                )  # fmt: skip
        raise Conflict(
            f"{ref.path()} was moved {MAX_CHECKS} times during this move",
            hint="the branch is too busy; try again later",
        )

    async def _check_move(self, request: MoveRequest, new: "_Tip", tip: ObjectId | None) -> None:
        """Check the new tip itself, once, and the move to it from ``tip``; None if the ref does not
        exist."""
        candidate, ref = new.candidate, request.ref
        if candidate is None:
            return
        if not new.is_checked:
            read_accepted = partial(self._refs.list_accepted, candidate.zone)
            flaws = await tips.check_tip(
                new.reading, ref, candidate, tip, read_accepted, any_spelling=new.is_legacy
            )
            if flaws:
                messages = [flaw.message for flaw in flaws]
                log.warning(
                    "tip.admitted-again", ref=ref.path(), commit=candidate.commit.hex(),
                    flaws=messages,
                )  # fmt: skip
            new.is_checked = True
        if tip is not None:
            await judgement.check_harm(new.reading, request, tip, candidate.served, self._limits)

    async def point(self, head: RefName, branch: RefName, origin: Origin) -> Moved:
        _require_own(head, origin)
        if head.zone not in (None, branch.zone) or branch.space != "heads":
            raise Invalid(f"a HEAD points to a branch: cannot set {head.path()} to {branch.path()}")
        symref = encode(Symref(branch.path())).id
        if await self._objects.missing([symref]):
            raise NotFound(
                f"the symref to {branch.path()} is not stored",
                hint="store the symref before the HEAD is moved",
                object=symref.hex(),
            )
        await self._resolvers.wait_until_asked()
        return await self._refs.point(
            head, branch, symref, origin, self._clock(), self._make_announcer()
        )

    async def unpoint(self, head: RefName, origin: Origin) -> Moved:
        _require_own(head, origin)
        await self._resolvers.wait_until_asked()
        return await self._refs.unpoint(head, origin, self._clock(), self._make_announcer())

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
        request = MoveRequest(ref, expected, new, origin.force, origin.reason, registers)
        async with self._judgements.turn(QUESTIONS, origin.actor) as on_pause:
            known = {raw.id: raw for raw in verify_all([*objects, *seen])}
            reader = MoveReader(self._objects, known, is_stored=False)
            reader.on_pause = on_pause
            await judgement.judge(reader, request, partial(self.basis, ref))

    async def basis(self, ref: RefName, about: Collection[ObjectId] = ()) -> Basis:
        zone = moves.require_movable(ref)
        await self._resolvers.wait_until_asked()
        state = await self._refs.state(ref)
        accepted = await self._refs.list_accepted(zone, about) if about else []
        return Basis(state, self._limits, accepted)

    async def check_legacy(self, ref: RefName, new: ObjectId) -> ServedTree | None:
        """Check the value of a ref in a store of the original.

        Returns:
            The serial and the tree that a branch will serve; None for a tag.

        Raises:
            NotFound: ``new`` is not stored, or has the wrong kind for the ref.
            Invalid: It is a commit of another zone, without an SOA, or not a valid zone.
        """
        tip = _Tip(MoveReader(self._objects, {}), is_legacy=True)
        tip.candidate = await judgement.read_candidate(tip.reading, ref, new)
        await self._check_move(MoveRequest(ref, Absent(), new), tip, None)
        return judgement.find_served(ref, tip.candidate)

    def _make_announcer(
        self, objects: Sequence[RawObject] = ()
    ) -> Callable[[list[LogEntry]], None]:
        return partial(self._announce, objects)


def _require_own(head: RefName, origin: Origin) -> None:
    """Check that a ref is a HEAD or a remembered branch of the actor.

    Raises:
        Invalid: It is neither.
        Denied: It belongs to another actor.
    """
    if head.space != "head":
        raise Invalid(f"{head.path()} is not a HEAD")
    if head.short not in ("", origin.actor):
        raise Denied(f"{head.path()} is not the HEAD of {origin.actor}")


def _not_stored(object_id: ObjectId) -> NotFound:
    return NotFound(
        f"object {short(object_id)} is not stored",
        hint="store the objects before the ref is moved",
        object=object_id.hex(),
    )
