"""Convert RRsets to JSON, with the same fields in all commands."""

from typing import Any

from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text


def as_json(rrset: RRset) -> dict[str, Any]:
    """Return an RRset for ``--json``."""
    return {**name_fields(rrset.owner, rrset.rdtype), **_content(rrset)}


def name_fields(owner: Name, rdtype: int) -> dict[str, Any]:
    """Return the fields that name an RRset."""
    return {"name": names.text(owner), "type": rrtypes.to_text(rdtype)}


def content(rrset: RRset | None) -> dict[str, Any] | None:
    """Return the TTL and the records of an RRset; None for None."""
    return _content(rrset) if rrset is not None else None


def _content(rrset: RRset) -> dict[str, Any]:
    return {"ttl": rrset.ttl, "rdata": [rdata_to_text(rrset.rdtype, r) for r in rrset.rdatas]}
