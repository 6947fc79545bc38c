"""Convert RRsets to JSON, with the same fields in all commands."""

from typing import Any

from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text


def to_json(rrset: RRset) -> dict[str, Any]:
    """Return an RRset for ``--json``."""
    rdata = [rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas]
    content = {"ttl": rrset.ttl, "rdata": rdata}
    return {**name_to_json(rrset.owner, rrset.rdtype), **content}


def name_to_json(owner: Name, rdtype: int) -> dict[str, Any]:
    """Return the fields that name an RRset."""
    return {"name": names.text(owner), "type": rrtypes.to_text(rdtype)}
