"""Judgement of a move, with the objects that this needs: what the new tip would serve, and what
the move takes away.

The ref store judges each move so before it makes it, and likewise a move that is only asked about.
A client judges one itself that is too large for a message. What the caller holds of the old tip and
the new one comes along, and each object proves itself by its hash: as a rule nothing is read from
the object store (docs/adr/0026-rails.md).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final

from zonegit.errors import Corrupt, Invalid, NotFound, Unavailable
from zonegit.history import trees
from zonegit.objects.asks import Answers, drive
from zonegit.objects.canonical import decode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, short
from zonegit.objects.model import Blob, Commit, Object, Tag
from zonegit.safety import facts, moves, policy
from zonegit.safety.moves import MoveRequest
from zonegit.store.basis import Basis, Limits, ServedTree
from zonegit.store.expected import holds
from zonegit.store.protocols import ObjectStore
from zonegit.store.reading import Reader
from zonegit.store.refnames import RefName
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import soa

AT_ONCE: Final = 256
"""Objects that are decoded between two chances for others to be answered."""

Known = Mapping[ObjectId, RawObject]
"""Verified objects at hand."""


async def judge(
    objects: ObjectStore,
    request: MoveRequest,
    read_basis: Callable[[], Awaitable[Basis]],
    known: Known,
) -> None:
    """Raise what a move would raise, in the same order; make nothing.

    Args:
        read_basis: reads the state of the ref, once.
        known: the objects that the move would have stored, and others at hand.

    Raises:
        Conflict, Invalid, NotFound, Unsafe, Unavailable: as ``RefStore.move`` does.
    """
    ref, new = request.ref, request.new
    moves.require_movable(ref)
    served = await admit(objects, ref, new, known) if new is not None else None
    basis = await read_basis()
    state = basis.state
    if served is not None and state.tip not in (None, new) and holds(request.expected, state.tip):
        await check_harm(objects, request, state.tip, served, basis.limits, known)
    moves.check_expected(ref, state, request.expected, registers=request.registers)
    moves.check_new(ref, state, new, served, force=request.force)


async def admit(
    objects: ObjectStore, ref: RefName, new: ObjectId, known: Known
) -> ServedTree | None:
    """Return what a branch that moves to ``new`` would serve; None for a tag.

    Raises:
        NotFound: ``new`` is not stored, or not what such a ref may hold.
        Invalid: it is a commit of another zone, or without a SOA.
    """
    zone = moves.require_movable(ref)
    reader = Reader(objects, known.values())
    value = (await reader.get([new]))[new]
    if ref.space == "tags":
        _require(value, (Tag, Commit), new, "a tag or a commit")
    else:
        _require(value, (Commit,), new, "a commit")
    commit = value.target if isinstance(value, Tag) else CommitId(new)
    served = await _read_served(reader, zone, commit)
    return served if ref.space == "heads" else None


async def check_harm(
    objects: ObjectStore,
    request: MoveRequest,
    tip: ObjectId,
    new: ServedTree,
    limits: Limits,
    known: Known,
) -> None:
    """Refuse a move of a branch from the commit ``tip`` that takes away more than it may.

    Raises:
        Unsafe: it does, and is not both forced and given a reason.
        Unavailable: the objects that tell are missing.
    """
    if request.force and request.because:
        return
    branch = request.ref
    reading = _Reading(objects, known)
    try:
        old = await reading.tree_of(tip)
        if old == new.tree:
            return
        asks = facts.gather(old, new.tree, moves.require_movable(branch), limits)
        found = await drive(asks, reading.get)
    except (NotFound, Corrupt, Invalid) as error:  # Invalid: a name or type that no zone has
        raise Unavailable(
            f"what {branch.path()} would lose cannot be told: {error.message}",
            hint="--force --reason TEXT moves it all the same",
        ) from error
    if verdict := policy.decide(found, limits):
        raise policy.refusal(branch, verdict, force=request.force)


async def check_renewal(objects: ObjectStore, expected: ObjectId, new: ObjectId) -> None:
    """Check that a commit is the one of a recovery: on its tip, and with the same records.

    Raises:
        Invalid: it has other parents, or more differs than the serial.
        NotFound, Corrupt, Unavailable: as the store says.
    """
    reading = _Reading(objects, {})
    commit = decode((await objects.get([new]))[new])
    assert isinstance(commit, Commit)  # it was admitted
    old = await reading.tree_of(expected)
    if commit.parents != (expected,) or not await drive(
        facts.differs_in_serial(old, commit.tree), reading.get
    ):
        raise Invalid(
            f"commit {short(new)} is not {short(expected)} with another serial",
            hint="a recovery changes nothing else",
        )


async def _read_served(reader: Reader, zone: Name, commit_id: CommitId) -> ServedTree:
    commit = (await reader.get([commit_id]))[commit_id]
    _require(commit, (Commit,), commit_id, "a commit")
    assert isinstance(commit, Commit)
    found = await reader.answer(trees.find_one(commit.tree, (), rrtypes.SOA))
    if found is None:
        raise Invalid(
            f"commit {short(commit_id)} has no SOA at its apex",
            hint="a zone cannot be served without one (RFC 1035 section 5.2)",
        )
    blob = (await reader.get([found]))[found]
    if not isinstance(blob, Blob) or blob.rrset.owner != zone:
        raise Invalid(f"commit {short(commit_id)} is not one of zone {names.text(zone)}")
    return ServedTree(soa(blob.rrset).serial, commit.tree)


def _require(value: Object, kinds: tuple[type, ...], new: ObjectId, what: str) -> None:
    if not isinstance(value, kinds):
        raise NotFound(f"{short(new)} is a {type(value).__name__.lower()}, not {what}")


class _Reading:
    """Objects, decoded and let go: a big change has more of them than are to be kept."""

    def __init__(self, objects: ObjectStore, known: Known) -> None:
        self._objects = objects
        self._known = known

    async def tree_of(self, commit: ObjectId) -> ObjectId:
        """Return the tree of a commit."""
        found = (await self.get([commit]))[commit]
        if not isinstance(found, Commit):
            raise Corrupt(f"object {short(commit)} is not a commit")
        return found.tree

    async def get(self, ids: Collection[ObjectId]) -> Answers:
        """Return all of ``ids``."""
        distant = [object_id for object_id in ids if object_id not in self._known]
        fetched = await self._objects.get(distant) if distant else {}
        found: dict[ObjectId, Object] = {}
        for object_id in ids:
            found[object_id] = decode(self._known.get(object_id) or fetched[object_id])
            if len(found) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return found
