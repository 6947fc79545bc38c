"""The commits that last changed the records of a name, as JSON."""

from zonegit.repo.inspect.blame import Blame
from zonegit.views.document import Document
from zonegit.views.identity import IdentityDocument, make_identity
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rdata_to_text


class BlamedRecordDocument(Document, kw_only=True):
    """A record, and the commit that added it."""

    rdata: str
    commit: str
    author: IdentityDocument


class BlamedRRsetDocument(Document, kw_only=True):
    """An RRset. ``commit`` is the last that changed its TTL or removed a record."""

    name: str
    type: str
    ttl: int
    commit: str
    author: IdentityDocument
    records: list[BlamedRecordDocument]


def make_blame(found: Blame) -> list[BlamedRRsetDocument]:
    """Return the RRsets of a name with the commits that changed them."""
    authors = {
        commit_id: make_identity(commit.author) for commit_id, commit in found.commits.items()
    }
    return [
        BlamedRRsetDocument(
            name=names.text(each.rrset.owner),
            type=rrtypes.to_text(each.rrset.rdtype),
            ttl=each.rrset.ttl,
            commit=each.commit.hex(),
            author=authors[each.commit],
            records=[
                BlamedRecordDocument(
                    rdata=rdata_to_text(each.rrset.rdtype, rdata),
                    commit=commit.hex(),
                    author=authors[commit],
                )
                for rdata, commit in zip(each.rrset.rdatas, each.records, strict=True)
            ],
        )
        for each in found.rrsets
    ]
