"""Compare two commits, RRset by RRset, and a branch with ``main``, commit by commit.

The words that name the two commits:

main canary    main..canary    from the first to the second; a missing side of a range is HEAD
main...canary                  from their merge base: the changes of canary
main                           from main to HEAD
(nothing)                      the changes of the last commit
"""

import asyncio
from collections.abc import Collection, Sequence

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.history import commit_graph
from zonegit.objects.ids import CommitId, short
from zonegit.objects.model import Commit
from zonegit.repo import read_zone, refish
from zonegit.repo.commit import diff, drafts
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.drafts import CommitBase
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.store.ref_names import DEFAULT_BRANCH, DEFAULT_HEAD
from zonegit.zone import names
from zonegit.zone.names import Name


class ComparedTrees(msgspec.Struct, frozen=True):
    """The two commits. ``old`` is None for the parent of a first commit."""

    zone: Name
    old: CommitId | None
    new: CommitId


class Comparison(msgspec.Struct, frozen=True):
    """The differences between two states, without a change of the serial only."""

    zone: Name
    old: CommitBase
    new: CommitBase
    deltas: list[RRsetDelta]


async def resolve_sides(
    repo: Repo,
    reader: Reader,
    words: Sequence[str],
    *,
    zone: Name | None = None,
    branch: str | None = None,
) -> ComparedTrees:
    """Return the commits that up to two words name.

    Args:
        repo: the stores.
        reader: reads the objects.
        words: up to two words; see the start of this module.
        zone: the zone that the command works on; None for that of HEAD.
        branch: the branch that the command works on; None for that of HEAD.

    Raises:
        Invalid: a refish is malformed, or the two are of different zones.
        NotFound: a refish names nothing, or the two have no common commit.
    """

    async def resolve(text: str) -> refish.Resolved:
        return await refish.resolve(repo, text or DEFAULT_HEAD, zone=zone, branch=branch)

    async def resolve_both(left: str, right: str) -> ComparedTrees:
        return _check_zones(*await asyncio.gather(resolve(left), resolve(right)))

    match words:
        case []:
            tip = await resolve(DEFAULT_HEAD)
            commit = await read_zone.read_commit(reader, tip.commit)
            return ComparedTrees(tip.zone, commit.first_parent, tip.commit)
        case [text] if "..." in text:
            left, _, right = text.partition("...")
            pair = await resolve_both(left, right)
            assert pair.old is not None
            base = await _find_base(repo, reader, pair.old, pair.new)
            return ComparedTrees(pair.zone, base, pair.new)
        case [text] if ".." in text:
            left, _, right = text.partition("..")
            return await resolve_both(left, right)
        case [text]:
            return await resolve_both(text, DEFAULT_HEAD)
        case [left, right]:
            return await resolve_both(left, right)
        case _:
            raise Invalid("more than two commits cannot be compared")


def _check_zones(old: refish.Resolved, new: refish.Resolved) -> ComparedTrees:
    if old.zone != new.zone:
        raise Invalid(
            f"a commit of {names.text(old.zone)} and one of {names.text(new.zone)}"
            " cannot be compared",
            hint="records are compared within one zone",
        )
    return ComparedTrees(new.zone, old.commit, new.commit)


async def _find_base(repo: Repo, reader: Reader, old: CommitId, new: CommitId) -> CommitId:
    bases = await CommitReader(repo.objects, reader).answer(commit_graph.find_merge_bases(old, new))
    if not bases:
        raise NotFound(
            f"{short(old)} and {short(new)} have no commit in common",
            hint="use A..B to compare them directly",
        )
    return bases[0]


async def compare(reader: Reader, at: ComparedTrees, owners: Collection[Name] = ()) -> Comparison:
    """Return the differences, of ``owners`` only if some are given.

    Args:
        reader: reads the objects.
        at: the two commits.
        owners: only differences of these names; empty for all.

    Raises:
        Invalid: one of the commits is of another zone, or an owner is outside of this one.
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    for owner in owners:
        names.path(owner, at.zone)
    old, new = await asyncio.gather(
        _read_state(reader, at.old, at.zone), _read_state(reader, at.new, at.zone)
    )
    found = diff.drop_serial_changes(await diff.diff_trees(reader, old.tree, new.tree, at.zone))
    wanted = [delta for delta in found if not owners or delta.owner in owners]
    return Comparison(at.zone, old, new, wanted)


async def _read_state(reader: Reader, commit: CommitId | None, apex: Name) -> CommitBase:
    return CommitBase() if commit is None else await drafts.read_state(reader, commit, apex)


class AheadBehind(msgspec.Struct, frozen=True):
    """The number of commits that only the branch has, and that only ``main`` has."""

    ahead: int
    behind: int


class BranchStatus(msgspec.Struct, frozen=True):
    """The status of a branch. ``tip`` is None if it has no commit; ``apart`` is None for
    ``main`` and if there is no ``main``."""

    tip: Commit | None = None
    apart: AheadBehind | None = None


async def read_status(repo: Repo, at: BranchPosition) -> BranchStatus:
    """Return the status of a branch.

    Raises:
        Corrupt, NotFound, Unavailable: errors of the stores.
    """
    if at.tip is None:
        return BranchStatus()
    reader = Reader(repo.objects)
    tip = await read_zone.read_commit(reader, at.commit())
    if at.branch == DEFAULT_BRANCH:
        return BranchStatus(tip)
    main = (await repo.refs.zone(at.zone, repo.actor)).heads.get(DEFAULT_BRANCH)
    if main is None:
        return BranchStatus(tip)
    past = CommitReader(repo.objects, reader)
    found = await past.answer(commit_graph.compare_histories(at.commit(), CommitId(main.target)))
    return BranchStatus(tip, AheadBehind(len(found.ours), len(found.theirs)))
