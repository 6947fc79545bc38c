"""Convert RRsets to JSON, with the same fields in all commands."""

from typing import Any

from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text


def to_json(rrset: RRset) -> dict[str, Any]:
    """Return an RRset for ``--json``."""
    return {**name_to_json(rrset.owner, rrset.rdtype), **_content_to_json(rrset)}


def name_to_json(owner: Name, rdtype: int) -> dict[str, Any]:
    """Return the fields that name an RRset."""
    return {"name": names.text(owner), "type": rrtypes.to_text(rdtype)}


def content_to_json(rrset: RRset | None) -> dict[str, Any] | None:
    """Return the TTL and the records of an RRset; None for None."""
    return _content_to_json(rrset) if rrset is not None else None


def _content_to_json(rrset: RRset) -> dict[str, Any]:
    return {"ttl": rrset.ttl, "rdata": [rdata_to_text(rrset.rdtype, r) for r in rrset.rdatas]}
