"""Differences of RRsets as JSON."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.drafts import CommitBase
from zonegit.views.document import Document, to_hex
from zonegit.views.rrset import RRsetDocument, make_content
from zonegit.zone import names, rrtypes

if TYPE_CHECKING:  # most documents with changes are not comparisons
    from zonegit.repo.inspect.compare import Comparison

ChangeKind = Literal["added", "modified", "deleted"]


class ChangeDocument(Document, kw_only=True):
    """An RRset that differs. ``old`` is null where it was added, ``new`` where it was deleted."""

    name: str
    type: str
    change: ChangeKind
    old: RRsetDocument | None
    new: RRsetDocument | None


class ComparedCommitDocument(Document, kw_only=True):
    """One side of a comparison; both fields are null for the parent of a first commit."""

    commit: str | None
    serial: int | None


class DiffDocument(Document, kw_only=True):
    """The differences between two commits, without an SOA that differs only in its serial."""

    zone: str
    old: ComparedCommitDocument
    new: ComparedCommitDocument
    changes: list[ChangeDocument]


def make_changes(deltas: Iterable[RRsetDelta]) -> list[ChangeDocument]:
    """Return the differences, an entry for each RRset."""
    return [
        ChangeDocument(
            name=names.text(delta.owner),
            type=rrtypes.to_text(delta.rdtype),
            change=_find_kind(delta),
            old=make_content(delta.old),
            new=make_content(delta.new),
        )
        for delta in deltas
    ]


def make_diff(found: "Comparison") -> DiffDocument:
    """Return the differences between two commits."""
    return DiffDocument(
        zone=names.text(found.zone),
        old=_make_side(found.old),
        new=_make_side(found.new),
        changes=make_changes(found.deltas),
    )


def _make_side(side: CommitBase) -> ComparedCommitDocument:
    return ComparedCommitDocument(commit=to_hex(side.commit), serial=side.serial)


def _find_kind(delta: RRsetDelta) -> ChangeKind:
    if delta.old is None:
        return "added"
    return "deleted" if delta.new is None else "modified"
