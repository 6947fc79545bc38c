"""Import many versions of one zone as successive commits, with one move of the branch at the end.

If the import is interrupted, the branch has not moved. Versions are compared RRset by RRset, so
only changed trees are built. Objects are stored in batches, children first.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from zonegit.errors import Invalid, Unsafe
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Identity
from zonegit.repo import read_zone
from zonegit.repo.commit import drafts, dry_runs, spelling_changes
from zonegit.repo.commit.change_findings import ChangeFindings
from zonegit.repo.commit.diff import TreePair
from zonegit.repo.commit.drafts import CommitBase, Draft, NothingToCommit, PlannedChange
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.repo.commit.intent import Intent
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.store.refs import RefTip
from zonegit.zone import findings, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import RRset, parse_soa, with_serial
from zonegit.zone.serial import latest

BATCH_OCTETS: Final = 4 << 20
"""Size of the new objects that are stored together. About as much stays in memory after that."""

ZoneRRsets = Mapping[RRsetKey, RRset]
"""All RRsets of a zone."""


class ImportedVersion(msgspec.Struct, frozen=True):
    """A version of a whole zone, with its SOA, and the commit to make from it.

    Attributes:
        source: the file or git commit, for messages.
        findings: the findings about the version.
    """

    source: str
    rrsets: ZoneRRsets
    message: str
    author: Identity
    committer: Identity
    findings: tuple[Finding, ...] = ()


class ImportedCommit(msgspec.Struct, frozen=True):
    """The result for one version.

    Attributes:
        commit: None if the version is equal to the previous one.
        changed: the number of RRsets that changed, without a change of the SOA's serial only.
        findings: the findings about the version and its commit.
    """

    source: str
    commit: CommitId | None
    serial: int
    changed: int
    findings: tuple[Finding, ...] = ()


class ImportedSeries(msgspec.Struct, frozen=True):
    """The result of an import.

    Attributes:
        added: the results for the versions, in their order.
        before: the serial that the branch had; None if it had none.
        moved: None if nothing had to move, and for a dry run.
        judgement: the answer to a dry run.
        series_findings: findings about the whole change of all versions.
        parent: the first parent of the last commit.
        trees: those of the branch before and after; None if it has none after.
    """

    added: list[ImportedCommit]
    before: int | None
    moved: Moved | None
    judgement: Judgement | None = None
    series_findings: tuple[Finding, ...] = ()
    parent: CommitId | None = None
    trees: TreePair | None = None

    @property
    def commits(self) -> list[ImportedCommit]:
        """Return the versions that became commits."""
        return [each for each in self.added if each.commit is not None]

    @property
    def findings(self) -> list[Finding]:
        """Return the findings about all versions, in their order, then about the whole."""
        return [
            *(finding for each in self.added for finding in each.findings),
            *self.series_findings,
        ]


async def import_versions(
    repo: Repo,
    position: BranchPosition,
    versions: Iterable[ImportedVersion],
    intent: Intent,
    progress: Callable[[ImportedCommit], None] = lambda added: None,
    base: CommitId | None = None,
) -> ImportedSeries:
    """Commit each version on top of the previous one, and move the branch once.

    A version's own serial is used if it is later than the previous one; else that is incremented.

    Args:
        repo: the stores.
        position: the branch.
        versions: the versions, oldest first.
        intent: the purpose of the commits.
        progress: called with the result for each version.
        base: the commit to start from, a descendant of the tip; None for the tip.

    Raises:
        Conflict: the branch moved meanwhile.
        Unsafe: a signed zone's serial did not increase, or the ref store refuses; without force.
        Invalid: a version cannot be stored, or has findings that ``intent.strict`` makes errors.
        NotFound, Unavailable: errors of the stores.
    """
    builder = _SeriesBuilder(repo, position, intent)
    await builder.begin(base)
    added = []
    for version in versions:
        added.append(await builder.add(version))
        progress(added[-1])
        await asyncio.sleep(0)  # answer the bus, which disconnects clients that are silent
    return await builder.end(added)


class _SeriesBuilder:
    """Builds the commits. Keeps the state at the last one, and the objects that are not stored."""

    def __init__(self, repo: Repo, position: BranchPosition, intent: Intent) -> None:
        self._repo = repo
        self._start = position
        self._at = position
        self._intent = intent
        self._reader = Reader(repo.objects)
        self._state = CommitBase()
        self._zone: ZoneRRsets = {}
        self._first: tuple[ObjectId | None, ZoneRRsets] = (None, {})
        self._waiting: list[RawObject] = []
        self._waiting_octets = 0
        self._reported: set[Finding] = set()
        self._stated: int | None = None
        self._before = CommitBase()
        self._parent: CommitId | None = None

    async def begin(self, base: CommitId | None) -> None:
        """Read the state that the first version is added to."""
        self._state = await drafts.read_tip(self._reader, self._start)
        self._before = self._state
        if base is not None:
            self._state = await drafts.read_state(self._reader, base, self._at.zone)
            self._move_position(base, self._state.serial or 0)
        if self._state.tree is not None:
            # A separate reader, because only the RRsets of the whole zone have to be kept.
            found = await read_zone.read_whole_zone(Reader(self._repo.objects), self._state.tree)
            self._zone = {(each.owner, each.rdtype): each for each in found}
        self._first = self._state.tree, self._zone

    async def add(self, version: ImportedVersion) -> ImportedCommit:
        """Commit one version, unless it is equal to the previous one."""
        planned, zone = self._plan(version)
        draft = await self._draft(version, planned)
        if isinstance(draft, NothingToCommit):
            serial = self._state.serial or 0
            return ImportedCommit(version.source, None, serial, 0, draft.findings)
        await self._add_objects(draft)
        self._parent = draft.parent
        self._advance(draft, zone)
        return ImportedCommit(
            version.source, draft.commit, draft.serial, len(draft.visible_changes), draft.findings
        )

    def _plan(self, version: ImportedVersion) -> tuple[PlannedChange, ZoneRRsets]:
        """Return the changes of a version, and the RRsets of the zone after them."""
        old, wanted = self._zone, version.rrsets
        changes: Changes = {key: rrset for key, rrset in wanted.items() if old.get(key) != rrset}
        needed = spelling_changes.drop_respelled(changes, old, respell=self._intent.respell)
        respelled = {
            key: kept
            for key, rrset in changes.items()
            if (kept := needed.changes.get(key) or old[key]) is not rrset
        }
        added = {key for key in needed.changes if key not in old}
        all_changes = needed.changes | dict.fromkeys(old.keys() - wanted.keys())
        found = (*version.findings, *self._drop_reported(needed.findings))
        zone = {**wanted, **respelled} if respelled else wanted
        return PlannedChange(
            all_changes, added, findings=found, stated=self._find_stated_serial(version)
        ), zone

    def _find_stated_serial(self, version: ImportedVersion) -> int | None:
        """Return the serial that a version states, None if the previous one stated the same."""
        serial = parse_soa(version.rrsets[self._at.zone, rrtypes.SOA]).serial
        before, self._stated = self._stated, serial
        return serial if serial != before else None

    def _drop_reported(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings that were not reported for an earlier version."""
        new = [each for each in findings if each not in self._reported]
        self._reported.update(new)
        return new

    async def _draft(
        self, version: ImportedVersion, planned: PlannedChange
    ) -> Draft | NothingToCommit:
        dated_repo = msgspec.structs.replace(self._repo, now=lambda: version.committer)
        intent = msgspec.structs.replace(
            self._intent, message=version.message, author=version.author, imports=True
        )
        try:
            return await drafts.draft(
                dated_repo, self._reader, self._at, self._state, planned, intent, examine=False
            )
        except (Invalid, Unsafe) as error:
            raise type(error)(f"{version.source}: {error.message}", hint=error.hint) from error

    async def _add_objects(self, draft: Draft) -> None:
        self._reader.add(draft.objects)
        self._waiting += draft.objects
        self._waiting_octets += sum(len(raw.payload) for raw in draft.objects)
        if self._waiting_octets > BATCH_OCTETS and not self._intent.dry_run:
            await self._store()
            self._reader = Reader(self._repo.objects)  # release what the old one has read

    async def _store(self) -> None:
        await self._repo.objects.put(self._waiting)
        self._waiting, self._waiting_octets = [], 0

    def _advance(self, draft: Draft, rrsets: ZoneRRsets) -> None:
        """Continue from the draft."""
        apex = self._at.zone
        soa = with_serial(rrsets[apex, rrtypes.SOA], draft.serial)
        self._zone = {**rrsets, (apex, rrtypes.SOA): soa}
        self._state = CommitBase(draft.commit, draft.tree, soa, rrsets.get((apex, rrtypes.RRSIG)))
        self._move_position(draft.commit, draft.serial)

    def _move_position(self, commit: CommitId, serial: int) -> None:
        """Set the position to a commit."""
        tip = self._at.tip
        reached = tip.highest if tip is not None and tip.highest is not None else serial
        new_tip = RefTip(commit, 0, serial, latest(reached, serial))
        self._at = msgspec.structs.replace(self._at, tip=new_tip)

    async def end(self, added: list[ImportedCommit]) -> ImportedSeries:
        """Store the remaining objects and move the branch, if there is a new commit. For a dry run,
        ask the ref store about the move.

        Raises:
            Invalid: there are findings about the whole change that ``strict`` makes errors.
        """
        found = await self._examine()
        if self._intent.strict:
            findings.refuse(found)
        moved = judgement = None
        if self._intent.dry_run:
            judgement = await self._judge()
        else:
            moved = await self._move()
        before, trees = self._before.serial, self._make_pair()
        return ImportedSeries(added, before, moved, judgement, found, self._parent, trees)

    async def _examine(self) -> tuple[Finding, ...]:
        """Return the findings about the whole change of all versions."""
        tree, old = self._first
        if self._state.tree is None or self._state.soa is None or self._state.tree == tree:
            return ()
        planned = _plan_difference(old, self._zone)
        self._reader.add(self._waiting)
        return await ChangeFindings(
            self._reader, self._at.zone, self._state.soa,
            tree, self._state.tree, planned.changes, planned.added,
        ).run()  # fmt: skip

    async def _judge(self) -> Judgement | None:
        commit = self._state.commit
        if commit is None or self._at is self._start:
            return None
        return await dry_runs.judge(
            self._repo, self._start.ref, self._start.expected, commit,
            self._intent.origin(self._repo), self._waiting, self._reader.list_fetched(),
        )  # fmt: skip

    async def _move(self) -> Moved | None:
        commit = self._state.commit
        if commit is None or self._at is self._start:
            return None
        await self._store()
        origin = self._intent.origin(self._repo)
        return await self._repo.refs.move(self._start.ref, self._start.expected, commit, origin)

    def _make_pair(self) -> TreePair | None:
        if self._state.tree is None:
            return None
        reader = Reader(self._repo.objects)
        return TreePair(
            self._start.zone, self._before.tree, self._state.tree, reader, self._waiting
        )


def _plan_difference(old: ZoneRRsets, wanted: ZoneRRsets) -> PlannedChange:
    changes = {key: rrset for key, rrset in wanted.items() if old.get(key) != rrset}
    added = {key for key in changes if key not in old}
    return PlannedChange(changes | dict.fromkeys(old.keys() - wanted.keys()), added)
