"""Differences of RRsets as JSON."""

from collections.abc import Iterable
from typing import Literal

from zonegit.repo.commit.diff import RRsetDelta
from zonegit.views.document import Document
from zonegit.views.rrset import RRsetDocument, make_content
from zonegit.zone import names, rrtypes

ChangeKind = Literal["added", "modified", "deleted"]


class ChangeDocument(Document, kw_only=True):
    """An RRset that differs. ``old`` is null where it was added, ``new`` where it was deleted."""

    name: str
    type: str
    change: ChangeKind
    old: RRsetDocument | None
    new: RRsetDocument | None


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


def _find_kind(delta: RRsetDelta) -> ChangeKind:
    if delta.old is None:
        return "added"
    return "deleted" if delta.new is None else "modified"
