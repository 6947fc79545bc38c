"""Judge a move: read the objects that the checks need, and apply the checks.

The ref store judges each move before it makes it, and each move of a dry run. A client judges a dry
run that is too large for one message. The caller sends the objects of the old and the new tip that
it has, and each is verified by its hash, so usually nothing is read from the object store
(docs/adr/0026-safety-checks.md).
"""

from collections.abc import Awaitable, Callable, Collection

from zonegit.errors import Corrupt, Invalid, NotFound, Unavailable
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId, short
from zonegit.objects.model import Blob, Commit, Doc, Object, Tag
from zonegit.safety import facts, moves, policy, tips
from zonegit.safety.moves import MoveRequest
from zonegit.safety.reader import MoveReader
from zonegit.safety.tips import Candidate
from zonegit.store import serving_settings
from zonegit.store.basis import Basis, MoveLimits, ServedTree
from zonegit.store.ref_names import RefName
from zonegit.store.refs import is_expected
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import parse_soa


async def judge(
    reader: MoveReader,
    request: MoveRequest,
    read_basis: Callable[[Collection[ObjectId]], Awaitable[Basis]],
) -> None:
    """Check a move without making it. It raises the error that the move would raise.

    Args:
        reader: reads the objects; it knows those that the move would store.
        request: the move.
        read_basis: reads the state of the ref, and which of the given commits were accepted.
            Called once.

    Raises:
        Conflict, Invalid, NotFound, Unsafe, Unavailable: for the reasons of ``RefStore.move``.
    """
    ref, new = request.ref, request.new
    moves.require_movable(ref)
    candidate = await read_target(reader, ref, new) if new is not None else None
    basis = await read_basis(candidate.lineage if candidate is not None else ())
    state = basis.state
    is_judged = state.tip != new and is_expected(request.expected, state.tip)
    if candidate is not None and is_judged:
        await check_move(reader, request, candidate, basis)
    moves.check_expected(ref, state, request.expected, registers=request.registers)
    moves.check_new(ref, state, new, find_served(ref, candidate), force=request.force)


async def check_move(
    reader: MoveReader, request: MoveRequest, candidate: Candidate, basis: Basis
) -> None:
    """Check the new tip, and then the move to it.

    Args:
        reader: reads the objects.
        request: the move.
        candidate: the new tip.
        basis: the state of the ref.

    Raises:
        Invalid: the new tip is not a valid zone.
        Unsafe: the move changes more than the limits allow, and is not both forced and given a
            reason.
        Unavailable: objects that the checks need are missing.
    """

    async def read_accepted(commits: Collection[ObjectId]) -> Collection[ObjectId]:
        return basis.accepted

    tip = basis.state.tip if request.ref.space == "heads" else None
    await tips.check_tip(reader, request.ref, candidate, tip, read_accepted)
    if tip is not None:
        await check_harm(reader, request, tip, candidate.served, basis.limits)


def find_served(ref: RefName, candidate: Candidate | None) -> ServedTree | None:
    """Return the tree and serial that a branch serves at a commit; None for a tag, and if there is
    no commit."""
    return candidate.served if candidate is not None and ref.space == "heads" else None


async def read_target(reader: MoveReader, ref: RefName, new: ObjectId) -> Candidate | None:
    """Return the commit that a ref has after a move to ``new``; None for serving settings, which
    are parsed.

    Raises:
        NotFound: ``new`` is not stored, or has a kind that such a ref cannot have.
        Invalid: it is a commit of another zone, or has no SOA; or it does not parse as settings.
    """
    if ref.space != "serving":
        return await read_candidate(reader, ref, new)
    value = (await reader.get([new]))[new]
    _check_kind(value, (Doc,), new, "a doc")
    serving_settings.parse(value)
    return None


async def read_candidate(reader: MoveReader, ref: RefName, new: ObjectId) -> Candidate:
    """Return the commit that a ref has after a move to ``new``.

    Args:
        reader: reads the objects.
        ref: the branch or tag.
        new: the id of a commit, or of a tag for a tag.

    Raises:
        NotFound: ``new`` is not stored, or has a kind that such a ref cannot have.
        Invalid: it is a commit of another zone, or has no SOA.
    """
    zone = moves.require_movable(ref)
    value = (await reader.get([new]))[new]
    if ref.space == "tags":
        _check_kind(value, (Tag, Commit), new, "a tag or a commit")
    else:
        _check_kind(value, (Commit,), new, "a commit")
    commit_id = value.target if isinstance(value, Tag) else CommitId(new)
    commit = (await reader.get([commit_id]))[commit_id]
    _check_kind(commit, (Commit,), commit_id, "a commit")
    assert isinstance(commit, Commit)
    served = await _read_served(reader, zone, commit_id, commit)
    return Candidate(zone, commit_id, served, commit.parents)


async def check_harm(
    reader: MoveReader, request: MoveRequest, tip: ObjectId, new: ServedTree, limits: MoveLimits
) -> None:
    """Check that a move of a branch changes no more than the limits allow.

    Args:
        reader: reads the objects.
        request: the move.
        tip: the commit that the branch moves from.
        new: the tree and serial that it moves to.
        limits: the limits.

    Raises:
        Unsafe: it changes more, and is not both forced and given a reason.
        Unavailable: objects that the check needs are missing.
    """
    if request.force and request.reason:
        return
    branch = request.ref
    try:
        old = (await reader.read_commit(tip)).tree
        if old == new.tree:
            return
        zone = moves.require_movable(branch)
        walk = facts.gather_facts(old, new.tree, zone, limits, diffs=reader.diffs)
        found = await reader.answer(walk)
    except (NotFound, Corrupt, Invalid) as error:  # Invalid: a name or type that no zone has
        raise Unavailable(
            f"cannot determine what {branch.path()} would lose: {error.message}",
            hint="--force --reason TEXT moves it anyway",
        ) from error
    if reasons := policy.list_reasons(found, limits):
        raise policy.refusal_error(branch, reasons, force=request.force)


async def check_renewal(reader: MoveReader, expected: ObjectId, new: ObjectId) -> None:
    """Check the commit of a recovery: its parent is the tip, and it has the same records.

    Args:
        reader: reads the objects.
        expected: the tip that the branch has.
        new: the commit to move it to.

    Raises:
        Invalid: it has other parents, or differs in more than the serial.
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    commit = await reader.read_commit(new)
    old = (await reader.read_commit(expected)).tree
    if commit.parents != (expected,) or not await reader.answer(
        facts.is_serial_change(old, commit.tree)
    ):
        raise Invalid(
            f"commit {short(new)} is not {short(expected)} with another serial",
            hint="a recovery changes nothing else",
        )


async def _read_served(
    reader: MoveReader, zone: Name, commit_id: CommitId, commit: Commit
) -> ServedTree:
    """Return the tree and serial of a commit.

    Raises:
        Invalid: the commit has no SOA, or belongs to another zone.
    """
    found = await reader.answer(zone_tree.find_one(commit.tree, (), rrtypes.SOA))
    if found is None:
        raise Invalid(
            f"commit {short(commit_id)} has no SOA at its apex",
            hint="a zone cannot be served without one (RFC 1035 section 5.2)",
        )
    blob = (await reader.get([found]))[found]
    if not isinstance(blob, Blob) or blob.rrset.owner != zone:
        raise Invalid(f"commit {short(commit_id)} does not belong to zone {names.text(zone)}")
    return ServedTree(parse_soa(blob.rrset).serial, commit.tree)


def _check_kind(value: Object, kinds: tuple[type, ...], new: ObjectId, expected: str) -> None:
    if not isinstance(value, kinds):
        raise NotFound(f"{short(new)} is a {type(value).__name__.lower()}, not {expected}")
