"""Commit several zones as one operation.

All commits are made, and the ref store is asked about each of them, before the first branch moves.
Branches move one by one, so a move may still fail. Then the branches that moved stay moved, and
there is a result for each zone.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import ZonegitError
from zonegit.objects.ids import RawObject
from zonegit.repo import read_zone, read_zones
from zonegit.repo.commit import change_plan, drafts, dry_runs, outcomes
from zonegit.repo.commit.drafts import CommitBase, Draft, NothingToCommit
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zone.rrtypes import RRSIG
from zonegit.zone.serial import is_later

REGISTERED: Final = "registered"
"""The error detail for a zone that was registered but got no commit."""

JUDGE_CONCURRENCY: Final = 8
"""Zones that the ref store is asked about at a time; it judges as many concurrently."""


class ZoneCommitRequest(msgspec.Struct, frozen=True):
    """The new content of a whole zone.

    Attributes:
        position: the branch and its tip.
        rrsets: all RRsets of the zone.
        register: the zone is not registered yet, so register it first.
        findings: the findings about the input.
    """

    position: BranchPosition
    rrsets: Collection[RRset]
    register: bool = False
    findings: Sequence[Finding] = ()

    @property
    def zone(self) -> Name:
        """Return the zone's name."""
        return self.position.zone


ZoneResult = Committed | Preview | Unchanged | ZonegitError
"""The result for one zone."""


class ZonesRefused(Exception):
    """Nothing was moved, because some zones cannot be committed. Handled by the caller of
    :func:`commit`."""

    def __init__(self, errors: Mapping[Name, ZonegitError]) -> None:
        super().__init__()
        self.errors = errors


class _DraftedZone(msgspec.Struct, frozen=True):
    request: ZoneCommitRequest
    tip: CommitBase
    draft: Draft | NothingToCommit
    reader: Reader
    seen: list[RawObject]
    judgement: Judgement | None = None

    @property
    def refusal(self) -> ZonegitError | None:
        """Return the error that the move would raise, None if it would be accepted."""
        return self.judgement.refusal if self.judgement is not None else None


async def commit(
    repo: Repo, requests: Sequence[ZoneCommitRequest], intent: Intent
) -> dict[Name, ZoneResult]:
    """Commit each zone that differs from its tip, as one operation ``intent.operation``.

    A signed zone may change if the RRSIGs of its apex change, because then it was signed again. The
    ref store is asked about all moves before the first branch moves.

    Args:
        repo: the stores.
        requests: the zones with their new content.
        intent: the purpose of the commits.

    Returns:
        The result for each zone. The previews of a dry run have the moves that the ref store would
        refuse.

    Raises:
        ZonesRefused: some zones cannot be committed, so none was.
        Unavailable: errors of the stores.
    """
    ready = await _draft_all(repo, requests, intent)
    if not intent.dry_run:
        if refusals := {each.request.zone: each.refusal for each in ready if each.refusal}:
            raise ZonesRefused(refusals)
        drafted = [each.draft for each in ready if isinstance(each.draft, Draft)]
        await repo.objects.put([raw for draft in drafted for raw in draft.objects])

    async def move(each: _DraftedZone) -> ZoneResult:
        try:
            return await _move(repo, each, intent)
        except ZonegitError as error:
            return error

    results = await read_zones.run_concurrently(move, ready)
    return {each.request.zone: result for each, result in zip(ready, results, strict=True)}


async def _draft_all(
    repo: Repo, requests: Sequence[ZoneCommitRequest], intent: Intent
) -> list[_DraftedZone]:
    """Draft a commit for each request, and ask the ref store about it.

    Raises:
        ZonesRefused: some cannot be drafted.
    """
    tip_objects = await _read_tip_objects(repo, requests)

    async def make_draft(request: ZoneCommitRequest) -> _DraftedZone | ZonegitError:
        try:
            return await _draft(repo, request, intent, tip_objects.get(request.zone, []))
        except ZonegitError as error:
            return error

    found = await read_zones.run_concurrently(make_draft, requests)
    errors = {
        request.zone: each
        for request, each in zip(requests, found, strict=True)
        if isinstance(each, ZonegitError)
    }
    if errors:
        raise ZonesRefused(errors)
    free = asyncio.Semaphore(JUDGE_CONCURRENCY)

    async def judge(each: _DraftedZone) -> _DraftedZone:
        async with free:
            return await _judge(repo, each, intent)

    drafted = [each for each in found if isinstance(each, _DraftedZone)]
    return await read_zones.run_concurrently(judge, drafted)


async def _judge(repo: Repo, each: _DraftedZone, intent: Intent) -> _DraftedZone:
    at, draft = each.request.position, each.draft
    if isinstance(draft, NothingToCommit):
        return each
    judgement = await dry_runs.judge(
        repo, at.ref, at.expected, draft.commit, intent.origin(repo),
        draft.objects, each.seen, registers=each.request.register,
    )  # fmt: skip
    return msgspec.structs.replace(each, judgement=judgement)


async def _read_tip_objects(
    repo: Repo, requests: Sequence[ZoneCommitRequest]
) -> dict[Name, list[RawObject]]:
    """Return the tip of each zone's branch and the root of its tree, in two round trips for all."""
    tips = {request.zone: request.position.commit() for request in requests if request.position.tip}
    found = await repo.objects.get(tips.values())
    reader = Reader(repo.objects, found.values())
    trees = {zone: await read_zone.read_tree(reader, tip) for zone, tip in tips.items()}
    nodes = await repo.objects.get(trees.values())
    return {zone: [found[tips[zone]], nodes[trees[zone]]] for zone in tips}


async def _draft(
    repo: Repo, request: ZoneCommitRequest, intent: Intent, tip_objects: Sequence[RawObject]
) -> _DraftedZone:
    reader = Reader(repo.objects, tip_objects)
    tip = await drafts.read_tip(reader, request.position)
    replacement = change_plan.plan_replacement(request.rrsets, request.zone, respell=intent.respell)
    planned = await change_plan.add_findings(replacement, request.findings)(reader, tip)
    assert planned is not None  # a replacement always returns a change
    if planned.stated is not None and tip.serial is not None:
        # A file keeps the serial it was committed with, so an earlier one needs no note.
        stated = planned.stated if is_later(planned.stated, tip.serial) else None
        planned = msgspec.structs.replace(planned, stated=stated)
    is_signed_again = (request.zone, RRSIG) in planned.changes
    drafting = msgspec.structs.replace(intent, imports=is_signed_again)
    draft = await drafts.draft(repo, reader, request.position, tip, planned, drafting)
    return _DraftedZone(request, tip, draft, reader, [*tip_objects, *reader.list_fetched()])


async def _move(repo: Repo, each: _DraftedZone, intent: Intent) -> ZoneResult:
    at, draft = each.request.position, each.draft
    if isinstance(draft, NothingToCommit):
        return outcomes.make_unchanged(at, draft.findings)
    if intent.dry_run:
        assert each.judgement is not None
        return outcomes.make_preview(at, each.tip, draft, each.judgement)
    origin = intent.origin(repo)
    if each.request.register:
        await repo.refs.register(at.zone, origin)
    try:
        moved = await repo.refs.move(
            at.ref, at.expected, draft.commit, origin, draft.objects, each.seen
        )
    except ZonegitError as error:
        if each.request.register:
            error.details[REGISTERED] = "true"
        raise
    return outcomes.make_committed(at, each.tip, draft, each.reader, moved)
