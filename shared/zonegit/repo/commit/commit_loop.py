"""One change from a plan to an acknowledged commit.

Read the tip, work out the new tree purely, store its objects, then move the branch by
compare-and-swap: objects before refs. A lost race replays the plan on the new tip.
"""

import secrets
from collections.abc import Set as AbstractSet
from enum import Enum
from typing import Final

import msgspec

from zonegit.errors import Conflict
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId, RawObject, short
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.commit import diff, drafts, dry_runs, replay
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.conflicts import Conflicted, MergeConflicts
from zonegit.repo.commit.diff import TreePair
from zonegit.repo.commit.drafts import CommitBase, Draft, NothingToCommit
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.repo.commit.replay import Footprint
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.store.protocols import Moved, Origin
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import title

MAX_REPLAYS: Final = 50


class OnConflict(Enum):
    """What becomes of a change when somebody else's came first."""

    REBASE_IF_DISJOINT = "plan it again, unless the other change touched what this one relies on"
    REBASE = "plan the change again on the new tip"
    FAIL = "fail: the change is meant for this tip only"


class Intent(msgspec.Struct, frozen=True):
    """What a commit is for. ``reason`` is the command's name, for the reflog; ``imports`` says
    that the change is a whole zone from outside, which is why it may replace a signed one;
    ``dry_run`` that nothing is to be stored or moved. ``reason`` is what the operator said of it,
    None: nothing; ``operation`` the operation of several refs that this is one of, None: of this
    alone; ``undoes`` the operation that it takes back, None: it is no undo; ``author`` who made the
    change at first, None: the committer; ``strict`` that a finding of severity ``warning`` is
    an error, before anything is stored; ``registers`` that the operation registers the zone before
    it moves the branch; ``respell`` that another spelling of records that are there is stored,
    too."""

    message: str
    command: str
    force: bool = False
    imports: bool = False
    on_conflict: OnConflict = OnConflict.REBASE_IF_DISJOINT
    dry_run: bool = False
    reason: str | None = None
    operation: str | None = None
    undoes: str | None = None
    author: Identity | None = None
    strict: bool = False
    registers: bool = False
    respell: bool = False

    def origin(self, repo: Repo, turn: str | None = None) -> Origin:
        """What a move for this says of itself."""
        return repo.origin(
            self.command,
            force=self.force,
            turn=turn,
            reason=self.reason,
            operation=self.operation,
            undoes=self.undoes,
        )


class Committed(msgspec.Struct, frozen=True):
    """An acknowledged move of a branch to a commit.

    ``before`` is the serial it replaced, None for a first commit; ``parent`` the commit's first
    parent; ``changes`` what it changed in the branch beside the SOA's serial, ``added`` which of
    these RRsets were not there before, ``trees`` those of the branch before and after;
    ``replayed`` how many races it lost; ``is_new`` False: the commit was there before, and the
    branch moved to it; ``findings`` all that an operator should know.
    """

    zone: Name
    branch: str
    commit: CommitId
    parent: CommitId | None
    serial: int
    before: int | None
    changes: Changes
    added: AbstractSet[RRsetKey]
    trees: TreePair
    moved: Moved
    replayed: int = 0
    is_new: bool = True
    findings: tuple[Finding, ...] = ()


class Preview(msgspec.Struct, frozen=True):
    """What a dry run would have made of a branch: its tree now, None while it has none, and then;
    ``objects`` are those that no store holds; ``judgement`` says whether refs would accept it.
    ``tip`` is the commit that it is at; ``is_new`` False: it would be moved to one that exists."""

    zone: Name
    branch: str
    old: ObjectId | None
    new: ObjectId
    serial: int
    before: int | None
    objects: list[RawObject]
    judgement: Judgement
    findings: tuple[Finding, ...] = ()
    tip: CommitId | None = None
    is_new: bool = True


class Unchanged(msgspec.Struct, frozen=True):
    """Nothing to do: the branch is as the change wants it. ``commit`` and ``serial`` are its tip's,
    None of a branch without one."""

    zone: Name
    branch: str
    commit: CommitId | None
    serial: int | None
    findings: tuple[Finding, ...] = ()


Outcome = Committed | Preview | Conflicted | Unchanged
"""What came of a change."""


async def commit(
    repo: Repo,
    position: BranchPosition,
    plan: ChangePlanner,
    intent: Intent,
    reader: Reader | None = None,
) -> Outcome:
    """Carry a plan out as one commit. ``reader`` has what the caller read already, None: nothing.

    Raises:
        Conflict: the race was lost to a change of what this one relies on (``races``), or too
            often; names the tip.
        Unsafe: the zone is signed and the change would invalidate signatures.
        Invalid: the result would break a rule of DNS.
        NotFound, Unavailable: as the stores say.
    """
    reader = reader or Reader(repo.objects)
    turn = secrets.token_hex(16) if intent.on_conflict is not OnConflict.FAIL else None
    for replayed in range(MAX_REPLAYS):
        tip = await drafts.read_tip(reader, position)
        try:
            planned = await plan(reader, tip)
        except MergeConflicts as clashing:
            return Conflicted(
                position.zone, position.branch, clashing.clashes, tip.commit, tip.serial
            )
        draft = NothingToCommit() if planned is None else await drafts.draft(
            repo, reader, position, tip, planned, intent.message,
            may_touch_signed=intent.imports, force=intent.force, strict=intent.strict,
            author=intent.author,
        )  # fmt: skip
        if isinstance(draft, NothingToCommit):
            return make_unchanged(position, draft.findings)
        try:
            if intent.dry_run:
                return await _preview(repo, reader, position, tip, draft, intent)
            await repo.objects.put(draft.objects)
            moved = await _move(repo, reader, position, draft, intent, turn)
        except Conflict as lost:
            position = await _next_position(repo, reader, position, tip, draft, intent, lost)
        else:
            return make_committed(position, tip, draft, reader, moved, replayed)
    raise too_many_races_error(position)


def too_many_races_error(position: BranchPosition) -> Conflict:
    """The error of whoever lost every race."""
    return Conflict(
        f"{position.branch} moved {MAX_REPLAYS} times while this was tried",
        hint="somebody commits without pause; try again later",
    )


def make_committed(
    position: BranchPosition,
    tip: CommitBase,
    draft: Draft,
    reader: Reader,
    moved: Moved,
    replayed: int = 0,
) -> Committed:
    """Return the outcome for a draft that a branch is at now; ``tip`` is where it was, ``reader``
    made it."""
    return Committed(
        zone=position.zone,
        branch=position.branch,
        commit=draft.commit,
        parent=draft.parent,
        serial=draft.serial,
        before=tip.serial,
        changes=draft.visible_changes,
        added=draft.added,
        trees=TreePair(position.zone, tip.tree, draft.tree, reader, draft.objects),
        moved=moved,
        replayed=replayed,
        findings=draft.findings,
    )


def make_preview(
    position: BranchPosition, tip: CommitBase, draft: Draft, judgement: Judgement
) -> Preview:
    """What a dry run tells of a draft."""
    return Preview(
        position.zone, position.branch, tip.tree, draft.tree,
        draft.serial, tip.serial, draft.objects, judgement, draft.findings, tip.commit,
    )  # fmt: skip


def make_unchanged(position: BranchPosition, findings: tuple[Finding, ...] = ()) -> Unchanged:
    """Return the outcome of a change for which there was nothing to do."""
    tip = position.tip
    return Unchanged(
        position.zone,
        position.branch,
        CommitId(tip.target) if tip is not None else None,
        tip.serial if tip is not None else None,
        findings,
    )


async def _preview(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    tip: CommitBase,
    draft: Draft,
    intent: Intent,
) -> Preview:
    """Ask about a move instead of making it.

    Raises:
        Conflict: the branch has moved, as it may when the move is made.
    """
    judgement = await dry_runs.judge(
        repo, position.ref, position.expected, draft.commit, intent.origin(repo),
        draft.objects, reader.seen(), registers=intent.registers,
    )  # fmt: skip
    judgement.raise_lost_race()
    return make_preview(position, tip, draft, judgement)


async def _move(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    draft: Draft,
    intent: Intent,
    turn: str | None,
) -> Moved:
    origin = intent.origin(repo, turn)
    return await repo.refs.move(
        position.ref, position.expected, draft.commit, origin, draft.objects, reader.seen()
    )


async def _next_position(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    tip: CommitBase,
    draft: Draft,
    intent: Intent,
    lost: Conflict,
) -> BranchPosition:
    """Return the position to replay on after a lost race.

    Raises:
        Conflict: the winner changed what this relies on, or this change is not one to replay.
    """
    if intent.on_conflict is OnConflict.FAIL or position.tip is None:
        raise lost
    now = await heads.find_position(repo, position.zone, position.branch)
    if now.tip is None:
        raise lost
    if intent.on_conflict is OnConflict.REBASE_IF_DISJOINT:
        await _check_footprint(reader, tip, draft, now)
    return msgspec.structs.replace(position, tip=now.tip)


async def _check_footprint(
    reader: Reader, tip: CommitBase, draft: Draft, now: BranchPosition
) -> None:
    """Check that what others changed leaves this change as it is.

    Raises:
        Conflict: others changed what this change relies on.
    """
    mine = draft.footprint or Footprint(whole=draft.visible_changes.keys())
    theirs = await drafts.read_tip(reader, now)
    found = [
        change
        for change in await reader.answer(zone_tree.list_changes(tip.tree, theirs.tree))
        if mine.touches(names.below(now.zone, change.path), change.rdtype)
    ]
    deltas = diff.drop_serial_changes(await diff.read_deltas(reader, found, now.zone))
    clash = replay.find_clash(mine, draft.visible_changes, deltas)
    if clash is not None:
        raise Conflict(
            f"{title(clash.owner, clash.rdtype)} was changed meanwhile:"
            f" {now.branch} is now at {short(now.commit())}",
            hint="look at it (zonegit show), then send the change again",
            tip=now.commit().hex(),
        )
