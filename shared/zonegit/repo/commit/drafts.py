"""Make a commit from a planned change: choose its serial, apply the rules for signed zones, build
its objects. Nothing is stored."""

from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from zonegit.errors import Invalid, Unsafe, format_list
from zonegit.objects import zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, short
from zonegit.objects.model import Blob, Commit
from zonegit.repo import read_zone
from zonegit.repo.commit import dname_cuts, size_limits
from zonegit.repo.commit.change_findings import ChangeFindings
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.replay import Footprint
from zonegit.repo.commit.serials import choose_soa, find_notes
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.objects import ObjectStore
from zonegit.store.reader import Reader
from zonegit.zone import findings, names, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, format_key, is_same_except_serial, parse_soa
from zonegit.zone.serial import is_later, latest

MAX_NAMED: Final = 5
"""RRsets that an error names; the rest is counted."""


class CommitBase(msgspec.Struct, frozen=True):
    """The parts of a zone at a commit that the next commit needs. All are None before the first
    commit.

    Attributes:
        soa: the SOA RRset of the apex.
        rrsig: the RRSIG RRset of the apex; None for an unsigned zone.
    """

    commit: CommitId | None = None
    tree: ObjectId | None = None
    soa: RRset | None = None
    rrsig: RRset | None = None

    @property
    def serial(self) -> int | None:
        """Return the serial of its SOA, None without one."""
        return parse_soa(self.soa).serial if self.soa is not None else None


class PlannedChange(msgspec.Struct, frozen=True):
    """The content of the next commit.

    Attributes:
        changes: the changes to the tip's records.
        added: those of them that the tip does not have.
        parents: the parents; None for the tip. If given, a commit is made even if no record
            changes.
        reached: a serial that the new one must follow, in addition to the branch's own; None if
            there is none.
        findings: findings about the input and the changes.
        footprint: the RRsets that the change relies on; None for those it changes.
        stated: the serial that the input states; None if it states none.
    """

    changes: Changes
    added: AbstractSet[RRsetKey] = frozenset()
    parents: tuple[CommitId, ...] | None = None
    reached: int | None = None
    findings: tuple[Finding, ...] = ()
    footprint: Footprint | None = None
    stated: int | None = None


class Draft(msgspec.Struct, frozen=True):
    """A commit that no ref holds yet.

    Attributes:
        objects: its new objects, children first.
        visible_changes: the changes, without a change of the SOA's serial only.
        added: the RRsets that are new.
        findings: everything that the operator should know.
    """

    commit: CommitId
    tree: ObjectId
    serial: int
    parent: CommitId | None
    objects: list[RawObject]
    visible_changes: Changes
    added: AbstractSet[RRsetKey]
    findings: tuple[Finding, ...] = ()
    footprint: Footprint | None = None


class NothingToCommit(msgspec.Struct, frozen=True):
    """No commit is needed. ``findings`` are about the input."""

    findings: tuple[Finding, ...] = ()


async def read_state(reader: Reader, commit: CommitId, apex: Name) -> CommitBase:
    """Read the state of a zone at a commit.

    Raises:
        Invalid: it is not a commit, or it belongs to another zone.
    """
    tree = await read_zone.read_tree(reader, commit)
    at = (await read_zone.read_rrsets_at(reader, tree, [apex], apex))[apex]
    found = at.get(rrtypes.SOA)
    if found is not None and found.owner != apex:
        raise Invalid(
            f"{short(commit)} is a commit of {names.text(found.owner)}, not {names.text(apex)}",
            hint="name a commit of this zone; zonegit log lists them",
        )
    return CommitBase(commit, tree, found, at.get(rrtypes.RRSIG))


async def read_tip(reader: Reader, position: BranchPosition) -> CommitBase:
    """Read the state at the tip of a branch, an empty one if it has no commit."""
    if position.tip is None:
        return CommitBase()
    return await read_state(reader, position.commit(), position.zone)


async def draft(
    repo: Repo,
    reader: Reader,
    position: BranchPosition,
    tip: CommitBase,
    planned: PlannedChange,
    intent: Intent,
    *,
    examine: bool = True,
) -> Draft | NothingToCommit:
    """Draft the next commit of a branch, if one is needed.

    Args:
        repo: the stores.
        reader: reads the objects.
        position: the branch.
        tip: the state at its tip.
        planned: the change.
        intent: the purpose of the commit.
        examine: look for findings about the change.

    Raises:
        Unsafe: the zone is signed, and the change would invalidate signatures or its serial would
            not increase; without force.
        Invalid: the zone would have no SOA, a name would become both a zone cut and a DNAME, a new
            RRset is too large, or there are findings that ``intent.strict`` makes errors.
    """
    apex, changes = position.zone, planned.changes
    if is_soa_signed(tip.rrsig) and changes and not intent.imports and not intent.force:
        raise await _broken_signatures_error(reader, apex, tip, changes)
    new_soa = _decide_soa(position, tip, planned, force=intent.force)
    found = (*planned.findings, *_find_serial_notes(position, tip, planned, new_soa))
    others = {key: value for key, value in changes.items() if key != (apex, rrtypes.SOA)}
    if new_soa is None and not others and planned.parents is None:
        if intent.strict:
            findings.refuse(planned.findings)
        return NothingToCommit(found)
    stored = others if new_soa is None else {**others, (apex, rrtypes.SOA): new_soa}
    soa_rrset = new_soa or tip.soa
    if soa_rrset is None:
        raise _missing_soa_error(apex)
    await check_changes(repo.objects, reader, apex, tip, planned)
    objects, tree = await build_tree(reader, apex, tip.tree, stored)
    if examine:
        reader.add(objects)
        change = ChangeFindings(reader, apex, soa_rrset, tip.tree, tree, changes, planned.added)
        found = (*found, *await change.run())
    if intent.strict:
        findings.refuse(found)
    commit = _make_commit(repo, tip, planned, tree, intent)
    raw = repo.seal(commit)
    return Draft(
        commit=CommitId(raw.id),
        tree=tree,
        serial=parse_soa(soa_rrset).serial,
        parent=commit.first_parent,
        objects=[*objects, raw],
        visible_changes=others if is_same_except_serial(new_soa, tip.soa) else stored,
        added=planned.added,
        findings=found,
        footprint=planned.footprint,
    )


async def check_changes(
    objects: ObjectStore, reader: Reader, apex: Name, tip: CommitBase, planned: PlannedChange
) -> None:
    """Check the sizes of new RRsets, and the new zone cuts unless the change is a merge.

    Args:
        objects: the store that the RRsets would be stored in.
        reader: reads the tip's tree.
        apex: the zone's name.
        tip: the state at the tip of the branch.
        planned: the change.

    Raises:
        Invalid: a new RRset is too large, or a name would become both a zone cut and a DNAME.
    """
    if planned.parents is None:
        await dname_cuts.check_delegations(
            reader, apex, tip.tree, planned.changes, planned.added, planned.findings
        )
    await size_limits.check_sizes(objects, planned.changes.values(), planned.findings)


def _make_commit(
    repo: Repo, tip: CommitBase, planned: PlannedChange, tree: ObjectId, intent: Intent
) -> Commit:
    parents = planned.parents
    if parents is None:
        parents = (tip.commit,) if tip.commit is not None else ()
    committer = repo.now()
    author = intent.author or committer
    return Commit(tree, parents, author=author, committer=committer, message=intent.message)


def _missing_soa_error(apex: Name) -> Invalid:
    return Invalid(
        f"{names.text(apex)} has no SOA record yet, and a zone needs one",
        hint="import a zone file, or set one: zonegit set @ SOA 3600 'ns1 admin 1 2h 1h 2w 1h'",
    )


def _decide_soa(
    position: BranchPosition, tip: CommitBase, planned: PlannedChange, *, force: bool
) -> RRset | None:
    """Return the SOA to store, None if it does not change (docs/object-model.md, Serials)."""
    changes = planned.changes
    apex = position.zone
    wanted = changes.get((apex, rrtypes.SOA))
    highest = position.tip.highest if position.tip else None
    reached = _choose_latest(highest, planned.reached)
    if not is_soa_signed(changes.get((apex, rrtypes.RRSIG), tip.rrsig)):
        others = planned.parents is not None or any(key != (apex, rrtypes.SOA) for key in changes)
        return choose_soa(tip.soa, wanted, reached, others)
    # A signed SOA is never modified: its serial is the one that was signed.
    kept = wanted or tip.soa
    if changes and not force and kept is not None and tip.soa is not None:
        before = parse_soa(tip.soa).serial if reached is None else reached
        if not is_later(parse_soa(kept).serial, before):
            raise Unsafe(
                f"the signed zone's serial {parse_soa(kept).serial} is not later than {before}",
                hint="sign it again with a later serial; --force serves it anyway",
            )
    return wanted


def _find_serial_notes(
    position: BranchPosition, tip: CommitBase, planned: PlannedChange, stored: RRset | None
) -> list[Finding]:
    highest = position.tip.highest if position.tip else None
    return find_notes(planned.stated, tip.soa, highest, stored)


def _choose_latest(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return latest(one, other)


def is_soa_signed(rrsig: RRset | None) -> bool:
    """Return whether the RRSIGs of an apex cover its SOA. Then its serial cannot be changed."""
    return _covers(rrsig, rrtypes.SOA)


def _covers(rrsig: RRset | None, rdtype: int) -> bool:
    """Return whether one of the RRSIGs covers that type (RFC 4034 section 3.1.1)."""
    covered = rdtype.to_bytes(2, "big")
    return rrsig is not None and any(rdata[:2] == covered for rdata in rrsig.rdatas)


async def _broken_signatures_error(
    reader: Reader, apex: Name, tip: CommitBase, changes: Changes
) -> Unsafe:
    owners = {owner for owner, _ in changes}
    present = await read_zone.read_rrsets_at(reader, tip.tree, owners, apex)
    broken = [
        format_key(owner, rdtype)
        for owner, rdtype in sorted(changes)
        if _covers(present[owner].get(rrtypes.RRSIG), rdtype)
    ]
    shown = format_list(broken, MAX_NAMED) or "the NSEC or NSEC3 records around the changes"
    return Unsafe(
        f"{names.text(apex)} is signed; this would invalidate the signatures of {shown}",
        hint="import a newly signed zone instead; --force changes it anyway",
    )


async def build_tree(
    reader: Reader, apex: Name, tree: ObjectId | None, changes: Changes
) -> tuple[list[RawObject], ObjectId]:
    """Return the new blobs and trees that changes to a tree make, and the new tree's id.

    Args:
        reader: reads the tree.
        apex: the zone's name.
        tree: the tree to change; None for one without records.
        changes: the new RRsets; None deletes one.
    """
    objects: list[RawObject] = []
    blobs: dict[ObjectId, RawObject] = {}
    placed: dict[tuple[names.Path, int], ObjectId | None] = {}
    for (owner, rdtype), rrset in changes.items():
        blob = encode(Blob(rrset)) if rrset is not None else None
        if blob is not None:
            blobs[blob.id] = blob
        placed[names.path(owner, apex), rdtype] = blob.id if blob is not None else None
    root = await reader.answer(zone_tree.update(tree, placed, objects, blobs))
    assert root is not None  # it holds an SOA
    return objects, root
