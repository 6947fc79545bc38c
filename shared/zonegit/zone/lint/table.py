"""The table of rules, in the order in which docs/lint.md lists them."""

from collections.abc import Iterator
from typing import Final

from zonegit.zone import canonical_rdata, names, rrtypes, sizing, spelling
from zonegit.zone.findings import Finding
from zonegit.zone.lint import content, delegations, dots, references
from zonegit.zone.lint.rule import Rule, Scope
from zonegit.zone.lint.view import WholeZone, ZoneView
from zonegit.zone.rrset import RRset, sort_key

_X25: Final = rrtypes.from_text("X25")
_LOC: Final = rrtypes.from_text("LOC")
_IPSECKEY: Final = rrtypes.from_text("IPSECKEY")
_NULL: Final = rrtypes.from_text("NULL")

HIDDEN_BY_CUT: Final = Rule(
    "hidden-by-cut",
    "warning",
    delegations.check_hidden_by_cut,
    "records at or below a zone cut that are not its NS, its DS or glue",
    "move them to the child zone, or remove the NS records",
    "RFC 1034 section 4.2.1",
    scope="place",
)
HIDDEN_BY_DNAME: Final = Rule(
    "hidden-by-dname",
    "warning",
    delegations.check_hidden_by_dname,
    "records below a DNAME",
    "move them to the target of the DNAME, or remove the DNAME",
    "RFC 6672 section 2.4",
    scope="place",
)

MISSING_DOT_OWNER: Final = Rule(
    "missing-dot-owner",
    "warning",
    dots.check_owner,
    "an owner that ends in the zone's name twice",
    "write a dot at its end, or leave the zone's name out",
    "RFC 1035 section 5.1",
    scope="place",
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "ns-and-dname",
        "error",
        delegations.check_ns_with_dname,
        "NS and DNAME records at one name below the apex",
        "remove the DNAME here and add it at the apex of the child zone, or remove the NS records",
        "RFC 6672 section 2.3",
        frozenset({rrtypes.DNAME}),
    ),
    Rule(
        "apex-without-ns",
        "warning",
        delegations.check_apex,
        "no NS record at the apex; other name servers refuse to load such a zone",
        "add the zone's name servers at its apex",
        "RFC 1034 section 4.2.1",
        frozenset({rrtypes.SOA}),
    ),
    Rule(
        "ns-without-address",
        "warning",
        delegations.check_server_address,
        "a name server within the zone that has no A or AAAA record there",
        "add its address, or name another server",
        "RFC 1034 section 4.2.1",
        frozenset({rrtypes.NS}),
        is_about_references=True,
    ),
    Rule(
        "ns-below-dname",
        "warning",
        delegations.check_server_below_dname,
        "a name server whose name is below a DNAME of the zone",
        "name the server by a name that no DNAME redirects",
        "RFC 2181 section 10.3",
        frozenset({rrtypes.NS}),
        is_about_references=True,
    ),
    Rule(
        "ns-to-cname",
        "warning",
        delegations.check_alias,
        "a name server that is an alias in this zone",
        "name the server by the target of the CNAME",
        "RFC 2181 section 10.3",
        frozenset({rrtypes.NS}),
        is_about_references=True,
    ),
    Rule(
        "mx-to-cname",
        "warning",
        delegations.check_alias,
        "a mail exchanger that is an alias in this zone",
        "name the host by the target of the CNAME or DNAME",
        "RFC 2181 section 10.3",
        frozenset({rrtypes.MX}),
        is_about_references=True,
    ),
    Rule(
        "srv-to-cname",
        "warning",
        delegations.check_alias,
        "a target of SRV that is an alias in this zone",
        "name the host by the target of the CNAME or DNAME",
        "RFC 2782",
        frozenset({rrtypes.SRV}),
        is_about_references=True,
    ),
    HIDDEN_BY_CUT,
    HIDDEN_BY_DNAME,
    Rule(
        "naptr-regexp",
        "warning",
        content.check_naptr,
        "a NAPTR whose regexp is malformed, or has a replacement next to it",
        "write !regular expression!replacement!, and . as the last field",
        "RFC 3402 section 3.2",
        frozenset({rrtypes.NAPTR}),
    ),
    Rule(
        "loc-out-of-range",
        "warning",
        content.check_loc,
        "a LOC beyond 90 degrees of latitude or 180 degrees of longitude",
        "write the right degrees",
        "RFC 1876 section 2",
        frozenset({_LOC}),
    ),
    Rule(
        "nsec-without-types",
        "warning",
        content.check_nsec,
        "an NSEC that lists no type",
        "sign the zone again",
        "RFC 4034 section 4.1.2",
        frozenset({rrtypes.NSEC}),
    ),
    Rule(
        "x25-address",
        "warning",
        content.check_x25,
        "an X25 whose address is shorter than 4 digits, or not digits",
        "write the whole PSDN address, which begins with the 4 digits of its network",
        "RFC 1183 section 3.1",
        frozenset({_X25}),
    ),
    Rule(
        "ipseckey-without-key",
        "warning",
        content.check_ipseckey,
        "an IPSECKEY without a public key; it is legal, and BIND refuses the zone file and the"
        " transfer",
        "add the key, or make sure that the zone's secondaries read it",
        "RFC 4025 section 3.1",
        frozenset({_IPSECKEY}),
    ),
    Rule(
        "null-without-data",
        "warning",
        content.check_null,
        "a NULL record without an octet; it is legal, and Knot refuses the transfer",
        "add an octet, or make sure that the zone's secondaries read it",
        "RFC 1035 section 3.3.10",
        frozenset({_NULL}),
    ),
    Rule(
        spelling.TWINS,
        "warning",
        content.check_twins,
        "one record stored in spellings that differ in the case of names",
        "change the RRset: a commit stores one spelling of each record",
        spelling.SOURCE,
        canonical_rdata.CASE_INSENSITIVE_TYPES,
        "stored",
    ),
    Rule(
        spelling.VARIANTS,
        "warning",
        content.check_variants,
        "records that differ only in the case of names, of a type where this makes several records;"
        " some name servers keep one",
        "remove all but one of them",
        spelling.SOURCE,
        canonical_rdata.CASE_SENSITIVE_TYPES,
    ),
    Rule(
        sizing.TOO_LARGE,
        "warning",
        content.check_size,
        "an RRset that is too large for a message with EDNS and a signature",
        "split it over several names, or remove records",
        sizing.SOURCE,
        scope="stored",
    ),
    Rule(
        "missing-dot",
        "warning",
        dots.check_reference,
        "a name in RDATA that ends in the zone's name twice, or in a top-level domain before the"
        " zone's name, and does not exist",
        "write a dot at its end; if the name is right, add its records first",
        "RFC 1035 section 5.1",
        references.TYPES,
        is_about_references=True,
    ),
    MISSING_DOT_OWNER,
)

SOURCES: Final = {rule.id: rule.source for rule in RULES}


def select_rules(rdtype: int, scope: Scope | None = None) -> tuple[Rule, ...]:
    """Return the rules that examine a type, of one scope or, with None, of all scopes."""
    known = _KNOWN.get((rdtype, scope))
    return _select(rdtype, scope) if known is None else known


def examine(view: ZoneView, rrset: RRset, scope: Scope | None = None) -> Iterator[Finding]:
    """Yield the findings about one RRset of a zone."""
    rules = select_rules(rrset.rdtype, scope)
    if rrset.rdtype in references.TYPES and not references.may_have_name(rrset, view.apex):
        rules = tuple(rule for rule in rules if not rule.is_about_references)
    for rule in rules:
        for message in rule.check(view, rrset):
            yield rule.finding(rrset, message)


def _select(rdtype: int, scope: Scope | None) -> tuple[Rule, ...]:
    return tuple(
        rule
        for rule in RULES
        if (rule.types is None or rdtype in rule.types) and scope in (None, rule.scope)
    )


_KNOWN: Final = {
    (rdtype, scope): _select(rdtype, scope)
    for rdtype in rrtypes.MNEMONICS
    for scope in (None, "content", "place", "stored")
}


def examine_zone(zone: WholeZone) -> list[Finding]:
    """Return the findings about a whole zone, in the canonical order of the zone."""
    found = [finding for rrset in zone.rrsets() for finding in examine(zone, rrset)]
    return sorted(found, key=sort_key_of)


def sort_key_of(finding: Finding) -> tuple[tuple[tuple[bytes, ...], int], str, str]:
    """Return a sort key for findings: those about a whole input first, then in canonical order."""
    owner = finding.owner if finding.owner is not None else names.ROOT
    return sort_key(owner, finding.rdtype or 0), finding.rule, finding.message
