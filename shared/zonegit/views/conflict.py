"""Conflicts of merges as JSON."""

from collections.abc import Iterable

from zonegit.merge.conflicts import Clash
from zonegit.views.document import Document
from zonegit.views.rrset import RRsetDocument, make_content
from zonegit.zone import names, rrtypes


class ConflictDocument(Document, kw_only=True):
    """An RRset that both sides of a merge changed."""

    name: str
    type: str
    reason: str
    detail: str | None
    base: RRsetDocument | None
    ours: RRsetDocument | None
    theirs: RRsetDocument | None


def make_conflicts(clashes: Iterable[Clash]) -> list[ConflictDocument]:
    """Return conflicts as documents."""
    return [
        ConflictDocument(
            name=names.text(clash.owner),
            type=rrtypes.to_text(clash.rdtype),
            reason=clash.reason,
            detail=clash.detail,
            base=make_content(clash.base),
            ours=make_content(clash.ours),
            theirs=make_content(clash.theirs),
        )
        for clash in clashes
    ]
