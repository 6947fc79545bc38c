"""Judgement of a move, with the objects that this needs: what the new tip would serve, and what
the move takes away.

The ref store judges each move so before it makes it, and likewise a move that is only asked about.
A client judges one itself that is too large for a message. What the caller holds of the old tip and
the new one comes along, and each object proves itself by its hash: as a rule nothing is read from
the object store (docs/adr/0026-safety-checks.md).
"""

from collections.abc import Awaitable, Callable, Collection

from zonegit.errors import Corrupt, Invalid, NotFound, Unavailable
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId, short
from zonegit.objects.model import Blob, Commit, Object, Tag
from zonegit.safety import facts, moves, policy, tips
from zonegit.safety.moves import MoveRequest
from zonegit.safety.reader import KnownObjects, MoveReader
from zonegit.safety.tips import Candidate
from zonegit.store.basis import Basis, MoveLimits, ServedTree
from zonegit.store.expected import holds
from zonegit.store.protocols import ObjectStore
from zonegit.store.ref_names import RefName
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import soa


async def judge(
    objects: ObjectStore,
    request: MoveRequest,
    read_basis: Callable[[Collection[ObjectId]], Awaitable[Basis]],
    known: KnownObjects,
) -> None:
    """Raise what a move would raise, in the same order; make nothing.

    Args:
        read_basis: reads the state of the ref, once, and which of some commits were accepted.
        known: the objects that the move would have stored, and others at hand.

    Raises:
        Conflict, Invalid, NotFound, Unsafe, Unavailable: as ``RefStore.move`` does.
    """
    ref, new = request.ref, request.new
    moves.require_movable(ref)
    reading = MoveReader(objects, known, is_stored=False)
    candidate = await admit(reading, ref, new) if new is not None else None
    basis = await read_basis(candidate.lineage if candidate is not None else ())
    state = basis.state
    is_judged = state.tip != new and holds(request.expected, state.tip)
    if candidate is not None and is_judged:
        await check(reading, request, candidate, basis)
    moves.check_expected(ref, state, request.expected, registers=request.registers)
    moves.check_new(ref, state, new, served_by(ref, candidate), force=request.force)


async def check(
    reading: MoveReader, request: MoveRequest, candidate: Candidate, basis: Basis
) -> None:
    """Raise what speaks against a tip itself, and then against the move to it."""

    async def read_accepted(commits: Collection[ObjectId]) -> Collection[ObjectId]:
        return basis.accepted

    tip = basis.state.tip if request.ref.space == "heads" else None
    await tips.check_tip(reading, request.ref, candidate, tip, read_accepted)
    if tip is not None:
        await check_harm(reading, request, tip, candidate.served, basis.limits)


def served_by(ref: RefName, candidate: Candidate | None) -> ServedTree | None:
    """Return what a ref serves that holds a commit; None for a tag, and without a commit."""
    return candidate.served if candidate is not None and ref.space == "heads" else None


async def admit(reading: MoveReader, ref: RefName, new: ObjectId) -> Candidate:
    """Return the commit that a ref comes to hold which moves to ``new``.

    Raises:
        NotFound: ``new`` is not stored, or not what such a ref may hold.
        Invalid: it is a commit of another zone, or without a SOA.
    """
    zone = moves.require_movable(ref)
    value = (await reading.get([new]))[new]
    if ref.space == "tags":
        _require(value, (Tag, Commit), new, "a tag or a commit")
    else:
        _require(value, (Commit,), new, "a commit")
    commit_id = value.target if isinstance(value, Tag) else CommitId(new)
    commit = (await reading.get([commit_id]))[commit_id]
    _require(commit, (Commit,), commit_id, "a commit")
    assert isinstance(commit, Commit)
    served = await _read_served(reading, zone, commit_id, commit)
    return Candidate(zone, commit_id, served, commit.parents)


async def check_harm(
    reading: MoveReader, request: MoveRequest, tip: ObjectId, new: ServedTree, limits: MoveLimits
) -> None:
    """Refuse a move of a branch from the commit ``tip`` that takes away more than it may.

    Raises:
        Unsafe: it does, and is not both forced and given a reason.
        Unavailable: the objects that tell are missing.
    """
    if request.force and request.reason:
        return
    branch = request.ref
    try:
        old = (await reading.read_commit(tip)).tree
        if old == new.tree:
            return
        asks = facts.gather(old, new.tree, moves.require_movable(branch), limits)
        found = await reading.answer(asks)
    except (NotFound, Corrupt, Invalid) as error:  # Invalid: a name or type that no zone has
        raise Unavailable(
            f"cannot determine what {branch.path()} would lose: {error.message}",
            hint="--force --reason TEXT moves it anyway",
        ) from error
    if verdict := policy.decide(found, limits):
        raise policy.refusal(branch, verdict, force=request.force)


async def check_renewal(reading: MoveReader, expected: ObjectId, new: ObjectId) -> None:
    """Check that a commit is the one of a recovery: on its tip, and with the same records.

    Raises:
        Invalid: it has other parents, or more differs than the serial.
        NotFound, Corrupt, Unavailable: as the store says.
    """
    commit = await reading.read_commit(new)
    old = (await reading.read_commit(expected)).tree
    if commit.parents != (expected,) or not await reading.answer(
        facts.differs_in_serial(old, commit.tree)
    ):
        raise Invalid(
            f"commit {short(new)} is not {short(expected)} with another serial",
            hint="a recovery changes nothing else",
        )


async def _read_served(
    reading: MoveReader, zone: Name, commit_id: CommitId, commit: Commit
) -> ServedTree:
    found = await reading.answer(zone_tree.find_one(commit.tree, (), rrtypes.SOA))
    if found is None:
        raise Invalid(
            f"commit {short(commit_id)} has no SOA at its apex",
            hint="a zone cannot be served without one (RFC 1035 section 5.2)",
        )
    blob = (await reading.get([found]))[found]
    if not isinstance(blob, Blob) or blob.rrset.owner != zone:
        raise Invalid(f"commit {short(commit_id)} is not one of zone {names.text(zone)}")
    return ServedTree(soa(blob.rrset).serial, commit.tree)


def _require(value: Object, kinds: tuple[type, ...], new: ObjectId, what: str) -> None:
    if not isinstance(value, kinds):
        raise NotFound(f"{short(new)} is a {type(value).__name__.lower()}, not {what}")
