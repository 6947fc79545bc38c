"""Zones as JSON: their records at a commit, and their branches and tags."""

from collections.abc import Iterable

from zonegit.objects.ids import CommitId
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.store.refs import ZoneRefs
from zonegit.views.document import Document
from zonegit.views.rrset import NamedRRsetDocument, make_rrset
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, sort_key


class ZoneDocument(Document, kw_only=True):
    """The RRsets of a zone at a commit, in canonical order (RFC 4034 section 6.1)."""

    zone: str
    commit: str
    rrsets: list[NamedRRsetDocument]


class BranchTipDocument(Document, kw_only=True):
    """The commit that a branch points at, and its SOA serial."""

    commit: str
    serial: int | None


class ListedZoneDocument(Document, kw_only=True):
    """A zone in a list. ``empty`` is true if its served branch has no commit, ``current`` if it
    is the operator's zone; ``tags`` maps a name to a commit."""

    zone: str
    empty: bool
    current: bool
    branches: dict[str, BranchTipDocument]
    tags: dict[str, str]


class MigratedZoneDocument(Document, kw_only=True):
    """A zone of v0.3. ``objects`` counts the objects of its dump, ``changed`` is false if it was
    imported before, ``current`` is the operator's branch, null if HEAD is in another zone."""

    zone: str
    objects: int
    changed: bool
    current: str | None
    branches: dict[str, BranchTipDocument]
    tags: dict[str, str]


def make_zone(zone: Name, commit: CommitId, rrsets: Iterable[RRset]) -> ZoneDocument:
    """Return the RRsets of a zone, which may be in any order."""
    ordered = sorted(rrsets, key=lambda each: sort_key(each.owner, each.rdtype))
    return ZoneDocument(
        zone=names.text(zone), commit=commit.hex(), rrsets=[make_rrset(each) for each in ordered]
    )


def make_listed_zone(refs: ZoneRefs, current: Name | None) -> ListedZoneDocument:
    """Return a zone of a list; ``current`` is the operator's zone."""
    return ListedZoneDocument(
        zone=names.text(refs.zone),
        empty=DEFAULT_BRANCH not in refs.heads,
        current=refs.zone == current,
        branches=_make_branches(refs),
        tags=_make_tags(refs),
    )


def make_migrated_zone(
    refs: ZoneRefs, objects: int, current: str | None, *, changed: bool
) -> MigratedZoneDocument:
    """Return a zone of v0.3 that was imported.

    Args:
        refs: its branches and tags.
        objects: the number of objects of its dump.
        current: the operator's branch, if HEAD is in the zone.
        changed: False if it was imported before.
    """
    return MigratedZoneDocument(
        zone=names.text(refs.zone),
        objects=objects,
        changed=changed,
        current=current,
        branches=_make_branches(refs),
        tags=_make_tags(refs),
    )


def _make_branches(refs: ZoneRefs) -> dict[str, BranchTipDocument]:
    return {
        branch: BranchTipDocument(commit=tip.target.hex(), serial=tip.serial)
        for branch, tip in sorted(refs.heads.items())
    }


def _make_tags(refs: ZoneRefs) -> dict[str, str]:
    return {tag: tip.target.hex() for tag, tip in sorted(refs.tags.items())}
