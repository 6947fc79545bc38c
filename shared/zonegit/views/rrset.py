"""RRsets as JSON, with the same fields wherever one is shown."""

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.views.document import Document
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
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


class StoredRRsetDocument(NamedRRsetDocument, kw_only=True):
    """An RRset of a zone at a commit."""

    zone: str
    commit: str


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


def make_stored_rrset(rrset: RRset, zone: Name, commit: CommitId) -> StoredRRsetDocument:
    """Return an RRset with the zone and the commit that it was read from."""
    fields = msgspec.structs.asdict(make_rrset(rrset))
    return StoredRRsetDocument(**fields, zone=names.text(zone), commit=commit.hex())


def _format_records(rrset: RRset) -> list[str]:
    return [rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas]
