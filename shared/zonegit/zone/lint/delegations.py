"""Rules for delegation and redirection: missing name servers, names that queries cannot reach."""

from collections.abc import Iterator
from typing import Final

from zonegit.zone import names, rrtypes
from zonegit.zone.lint import references
from zonegit.zone.lint.view import ZoneView, find_hider, find_source, iterate_ancestors
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, describe

ADDRESSES: Final = (rrtypes.A, rrtypes.AAAA)
OF_THE_CUT: Final = frozenset({rrtypes.NS, rrtypes.DS, rrtypes.DNAME})
"""Types that a parent zone has at a zone cut (RFC 4035 section 2), and DNAME, for which there is
another rule."""
PROOFS: Final = frozenset({rrtypes.RRSIG, rrtypes.NSEC, rrtypes.NSEC3})
"""Types that a signer adds. NSEC3 is looked up by hash, also below a DNAME at the apex."""


def check_apex(view: ZoneView, soa: RRset) -> Iterator[str]:
    """Find a zone without name servers."""
    if soa.owner == view.apex and not view.has(view.apex, rrtypes.NS):
        yield f"{names.text(view.apex)} has no NS record at its apex"


def check_ns_with_dname(view: ZoneView, dname: RRset) -> Iterator[str]:
    """Find a name below the apex with NS and DNAME records."""
    if dname.owner != view.apex and view.has(dname.owner, rrtypes.NS):
        yield f"{names.text(dname.owner)} has NS and DNAME records"


def check_server_address(view: ZoneView, ns: RRset) -> Iterator[str]:
    """Find name servers whose address is missing in this zone."""
    for server in references.find_names(ns):
        if any(view.has(server, rdtype) for rdtype in ADDRESSES):
            continue
        if not names.is_within(server, view.apex) or _is_elsewhere(view, ns.owner, server):
            continue
        source = find_source(view, server)
        types = (*ADDRESSES, rrtypes.CNAME)
        if source is None or not any(view.has(source, rdtype) for rdtype in types):
            yield f"{describe(ns)}: {names.text(server)} has no address record in this zone"


def _is_elsewhere(view: ZoneView, cut: Name, server: Name) -> bool:
    """Return whether the address belongs to another zone: one not delegated at ``cut``."""
    hider = find_hider(view, server, rrtypes.A)
    return hider is not None and hider != (cut, rrtypes.NS)


def check_server_below_dname(view: ZoneView, ns: RRset) -> Iterator[str]:
    """Find name servers that a DNAME hides."""
    for server in _list_within(view, ns):
        dname = _find_dname_above(view, server)
        if dname is not None:
            yield f"{describe(ns)}: {names.text(server)} is below the DNAME at {names.text(dname)}"


def check_alias(view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find targets that are aliases, for types whose target must not be an alias."""
    for target in _list_within(view, rrset):
        dname = _find_dname_above(view, target)
        if dname is not None:
            if rrset.rdtype != rrtypes.NS:
                where = f"below the DNAME at {names.text(dname)}"
                yield f"{describe(rrset)}: {names.text(target)} is an alias, {where}"
            continue
        source = find_source(view, target)
        if source is not None and view.has(source, rrtypes.CNAME):
            yield f"{describe(rrset)}: {names.text(target)} is a CNAME"


def check_hidden_by_cut(view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find records below a zone cut that are not glue, and records at it that belong to the
    child."""
    cut = find_hiding_cut(view, rrset.owner, rrset.rdtype)
    if cut is not None:
        where = "is at" if cut == rrset.owner else "is below"
        yield f"{describe(rrset)} {where} the zone cut {names.text(cut)}, which hides it"


def find_hiding_cut(view: ZoneView, owner: Name, rdtype: int) -> Name | None:
    """Return the zone cut that hides an RRset, or None if the RRset is not hidden or is glue."""
    hider = None if rdtype in PROOFS else find_hider(view, owner, rdtype)
    if hider is None or hider[1] != rrtypes.NS:
        return None
    cut = hider[0]
    is_parents = cut == owner and rdtype in OF_THE_CUT
    is_glue = rdtype in ADDRESSES and view.is_server(owner)
    return None if is_parents or is_glue else cut


def check_hidden_by_dname(view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find records below a DNAME."""
    dname = find_hiding_dname(view, rrset.owner, rrset.rdtype)
    if dname is not None:
        yield f"{describe(rrset)} is below the DNAME at {names.text(dname)}, which hides it"


def find_hiding_dname(view: ZoneView, owner: Name, rdtype: int) -> Name | None:
    """Return the owner of the DNAME that hides an RRset, or None."""
    hider = None if rdtype in PROOFS else find_hider(view, owner, None)
    return hider[0] if hider is not None and hider[1] == rrtypes.DNAME else None


def _list_within(view: ZoneView, rrset: RRset) -> Iterator[Name]:
    for target in references.find_names(rrset):
        if names.is_within(target, view.apex):
            yield target


def _find_dname_above(view: ZoneView, name: Name) -> Name | None:
    above = iterate_ancestors(name, view.apex)
    return next((each for each in above if view.has(each, rrtypes.DNAME)), None)
