"""RRsets as JSON, with the same fields wherever one is shown."""

from zonegit.views.document import Document
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rdata_to_text


class RRsetDocument(Document, kw_only=True):
    """The TTL and the records of an RRset."""

    ttl: int
    rdata: list[str]


class NamedRRsetDocument(Document, kw_only=True):
    """An RRset with its owner name, which is absolute, and its type."""

    name: str
    type: str
    ttl: int
    rdata: list[str]


def make_content(rrset: RRset | None) -> RRsetDocument | None:
    """Return the TTL and the records of an RRset; None for None."""
    if rrset is None:
        return None
    return RRsetDocument(ttl=rrset.ttl, rdata=_format_records(rrset))


def make_rrset(rrset: RRset) -> NamedRRsetDocument:
    """Return an RRset with its name and type."""
    return NamedRRsetDocument(
        name=names.text(rrset.owner),
        type=rrtypes.to_text(rrset.rdtype),
        ttl=rrset.ttl,
        rdata=_format_records(rrset),
    )


def _format_records(rrset: RRset) -> list[str]:
    return [rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas]
