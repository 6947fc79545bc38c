"""How RRsets look to programs: the same fields, whichever command prints them."""

from typing import Any

from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text


def as_json(rrset: RRset) -> dict[str, Any]:
    """All of an RRset."""
    return {**named(rrset.owner, rrset.rdtype), **_content(rrset)}


def named(owner: Name, rdtype: int) -> dict[str, Any]:
    """Which RRset it is."""
    return {"name": names.text(owner), "type": rrtypes.to_text(rdtype)}


def content(rrset: RRset | None) -> dict[str, Any] | None:
    """Its TTL and records; None where there is none."""
    return _content(rrset) if rrset is not None else None


def _content(rrset: RRset) -> dict[str, Any]:
    return {"ttl": rrset.ttl, "rdata": [rdata_to_text(rrset.rdtype, r) for r in rrset.rdatas]}
