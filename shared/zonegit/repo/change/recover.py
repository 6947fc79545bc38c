"""Recover after the ref store was restored from a backup: make a plan for each zone, and apply it.

``store.recovery`` decides about each branch. Each zone is one transaction of the ref store, and all
of them are one operation. If a recovery is interrupted, the next run continues with the remaining
zones (docs/adr/0030-recovery.md).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Conflict, Corrupt, NotFound
from zonegit.objects.ids import CommitId, RawObject
from zonegit.objects.model import Commit
from zonegit.repo import read_zones
from zonegit.repo.commit import drafts
from zonegit.repo.commit.drafts import CommitBase
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.recovery import (
    AnsweredSerial,
    Doubt,
    Guard,
    Leave,
    Recovery,
    Renew,
    Renewal,
    RestoredBranch,
    decide,
)
from zonegit.store.ref_log import Moved, Origin
from zonegit.store.refs import RefTip, ZoneRefs
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import with_serial
from zonegit.zone.serial import HALF, MODULUS, is_later, lead

PLAN_BATCH: Final = 16
"""Zones that are planned concurrently."""
MAX_ATTEMPTS: Final = 3
"""Attempts for a zone that is changed meanwhile."""

AnswersByBranch = Mapping[Name, Mapping[str, Sequence[AnsweredSerial]]]
"""The serials that resolvers have answered with, by zone and branch."""


class OweSerial(msgspec.Struct, frozen=True):
    """The verdict for a branch whose SOA is signed. It gets no commit: the operator must import a
    zone with a serial later than ``serial``. ``known`` is that of :class:`Renew`."""

    serial: int
    known: AnsweredSerial | None = None


class BranchPlan(msgspec.Struct, frozen=True):
    """A branch and the decision about it. ``state`` is empty if its tip cannot be read."""

    branch: str
    tip: RefTip
    state: CommitBase
    verdict: Leave | Renew | OweSerial | Doubt


class LostBranch(msgspec.Struct, frozen=True):
    """A branch that resolvers served, but that the restored store does not have."""

    branch: str
    answer: AnsweredSerial


class ZonePlan(msgspec.Struct, frozen=True):
    """The plan for a zone. ``is_lost`` is set if it is not registered in the restored store."""

    zone: Name
    branches: list[BranchPlan]
    lost: list[LostBranch]
    is_lost: bool = False

    @property
    def doubts(self) -> list[tuple[str, Doubt]]:
        """Return the branches for which no serial can be chosen."""
        return [
            (each.branch, each.verdict) for each in self.branches if isinstance(each.verdict, Doubt)
        ]


async def plan(
    repo: Repo,
    recovery: Recovery,
    answers: AnswersByBranch,
    headroom: int,
    only: Name | None = None,
) -> list[ZonePlan]:
    """Plan a recovery.

    Args:
        repo: the stores.
        recovery: the state of the ref store.
        answers: the serials that resolvers have answered with.
        headroom: the increase of a serial if no later one is known.
        only: the only zone to plan; None for all zones, or those that an interrupted recovery left.

    Returns:
        A plan for each zone that is not recovered yet, lost zones first.
    """
    registered = {each.zone: each async for each in read_zones.iter_zones(repo)}
    is_begun = recovery.witness is None and recovery.awaiting > 0
    wanted = [each for each in registered.values() if each.awaiting or not is_begun]
    lost = [zone for zone in sorted(answers) if zone not in registered]
    plans = [_plan_lost_zone(zone, answers[zone]) for zone in lost]
    for start in range(0, len(wanted), PLAN_BATCH):
        batch = [each for each in wanted[start : start + PLAN_BATCH] if only in (None, each.zone)]
        plans += await asyncio.gather(
            *(_plan_zone(repo, each, answers.get(each.zone, {}), headroom) for each in batch)
        )
    return [each for each in plans if only in (None, each.zone)]


def _plan_lost_zone(zone: Name, answers: Mapping[str, Sequence[AnsweredSerial]]) -> ZonePlan:
    lost = [
        LostBranch(branch, _find_latest(serials)) for branch, serials in sorted(answers.items())
    ]
    return ZonePlan(zone, [], lost, is_lost=True)


def _find_latest(answers: Iterable[AnsweredSerial]) -> AnsweredSerial:
    """Return the answer with the latest serial; the first of two whose order is undefined (RFC 1982
    section 3.2)."""
    first, *others = answers
    for each in others:
        if is_later(each.serial, first.serial):
            first = each
    return first


async def _plan_zone(
    repo: Repo, refs: ZoneRefs, answers: Mapping[str, Sequence[AnsweredSerial]], headroom: int
) -> ZonePlan:
    reader = Reader(repo.objects)
    branches = []
    for branch, tip in sorted(refs.heads.items()):
        try:
            state = await drafts.read_state(reader, CommitId(tip.target), refs.zone)
        except (NotFound, Corrupt) as error:
            # The object store is older than the refs, or damaged. Continue with other branches.
            branches.append(BranchPlan(branch, tip, CommitBase(), Doubt(None, error.message)))
            continue
        verdict = _decide(tip, state, answers.get(branch, ()), headroom)
        branches.append(BranchPlan(branch, tip, state, verdict))
    lost = [
        LostBranch(branch, _find_latest(serials))
        for branch, serials in sorted(answers.items())
        if branch not in refs.heads
    ]
    return ZonePlan(refs.zone, branches, lost)


def _decide(
    tip: RefTip, state: CommitBase, answers: Sequence[AnsweredSerial], headroom: int
) -> Leave | Renew | OweSerial | Doubt:
    assert state.serial is not None  # the ref store takes no tip without a SOA
    assert state.tree is not None
    highest = tip.highest if tip.highest is not None else state.serial
    verdict = decide(RestoredBranch(state.serial, state.tree, highest), answers, headroom)
    if isinstance(verdict, Renew) and drafts.is_soa_signed(state.rrsig):
        return OweSerial((verdict.serial - 1) % MODULUS, verdict.known)
    return verdict


async def recover_zone(
    repo: Repo,
    recovery: Recovery,
    answers: AnswersByBranch,
    headroom: int,
    zone_plan: ZonePlan,
    origin: Origin,
) -> tuple[ZonePlan, Moved]:
    """Recover one zone as planned. If it was changed meanwhile, plan it again.

    Args:
        repo: the stores.
        recovery: the state of the ref store.
        answers: the serials that resolvers have answered with.
        headroom: the increase of a serial if no later one is known.
        zone_plan: the plan.
        origin: the origin of the moves.

    Returns:
        The plan that was applied, and its moves.

    Raises:
        Conflict: the zone was changed during each of ``MAX_ATTEMPTS`` attempts.
        Denied, Unavailable: errors of the ref store.
    """
    for attempt in range(MAX_ATTEMPTS):
        try:
            return zone_plan, await _recover(repo, zone_plan, origin)
        except Conflict:
            if attempt == MAX_ATTEMPTS - 1:
                raise
        (zone_plan,) = await plan(repo, recovery, answers, headroom, zone_plan.zone)
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _recover(repo: Repo, zone_plan: ZonePlan, origin: Origin) -> Moved:
    objects: list[RawObject] = []
    renewals = [
        await _make_renewal(repo, zone_plan.zone, each, objects) for each in zone_plan.branches
    ]
    guards = [Guard(each.branch, each.answer.serial, each.answer.tree) for each in zone_plan.lost]
    guards += [
        _make_owed_guard(each, each.verdict)
        for each in zone_plan.branches
        if isinstance(each.verdict, OweSerial)
    ]
    if objects:
        await repo.objects.put(objects)
    known = {each.branch: each.tip.highest for each in zone_plan.branches}
    ordered = [each for each in guards if _has_order(each, known.get(each.branch))]
    return await repo.refs.recover(zone_plan.zone, renewals, ordered, origin)


def _has_order(guard: Guard, highest: int | None) -> bool:
    return highest is None or lead(guard.serial, highest) != -HALF


def _make_owed_guard(branch: BranchPlan, verdict: OweSerial) -> Guard:
    tree = verdict.known.tree if verdict.known is not None else branch.state.tree
    assert tree is not None
    return Guard(branch.branch, verdict.serial, tree, owed=True)


async def _make_renewal(
    repo: Repo, zone: Name, branch: BranchPlan, objects: list[RawObject]
) -> Renewal:
    """Return the renewal of a branch. The objects that it needs are added to ``objects``."""
    if not isinstance(branch.verdict, Renew):
        return Renewal(branch.branch, branch.tip.target)
    state = branch.state
    assert state.soa is not None
    assert state.commit is not None
    soa = with_serial(state.soa, branch.verdict.serial)
    new, tree = await drafts.build_tree(
        Reader(repo.objects), zone, state.tree, {(zone, rrtypes.SOA): soa}
    )
    identity = repo.now()
    message = (
        f"recover {branch.branch} at serial {branch.verdict.serial}\n\n"
        f"The ref store was restored from a backup with serial {state.serial}.\n"
    )
    commit = repo.seal(
        Commit(tree, (state.commit,), author=identity, committer=identity, message=message)
    )
    objects += [*new, commit]
    return Renewal(branch.branch, branch.tip.target, commit.id)
