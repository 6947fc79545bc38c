"""A zone at one commit, compiled: immutable and persistent.

Each node is a label, as in the DNS tree. A walk down from the apex passes the zone cut, the empty
non-terminal, and the closest encloser with its wildcard. Children are persistent maps, so a change
copies only the path to it. Replacing the served state is one assignment, a transfer may keep the
old state for as long as it needs, and a second branch compiled from the first shares its memory.

The compiler decides what each RRset means to a query: a node holds outcomes, not records. An
outcome's octets are rendered on first use and kept with it (``fragment``, and ``signed_fragment``
for clients that set DO). That memory is bounded by the number of RRsets, because nothing is kept
for names that do not exist. An outcome whose octets become invalid (a signature was added, an
additional address changed) is replaced by a new one.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from immutables import Map

from zonegit.nameserver.message.fragment import Fragment
from zonegit.nameserver.zone.sorted_set import SortedSet
from zonegit.zone import rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset

# A Struct is created in a fifth of a dataclass's time, and a zone has hundreds of thousands.
# None of them is ever encoded. References that lead down a tree are part of no cycle, so the
# garbage collector need not visit them (gc=False).


class RRsetData(msgspec.Struct, eq=False, gc=False):
    """The RRset of the question. ``ttls`` are those of its records if they differ (RRSIG).

    Each outcome has ``fragment``, its octets for clients without DO, and ``signed_fragment`` for
    those with DO: the same with RRSIGs, or the very same object if there are none. Both are None
    until first used.
    """

    rrset: RRset
    ttls: tuple[int, ...] | None = None
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class NsecRecord(RRsetData, gc=False):
    """An NSEC or NSEC3 RRset. ``proof`` is the RRset with its RRSIGs for the authority section
    of any message about the zone; None until first used."""

    proof: Fragment | None = None


class Cname(msgspec.Struct, eq=False, gc=False):
    """A CNAME. The lookup continues at ``target``, in lower case."""

    rrset: RRset
    target: Name
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class Dname(msgspec.Struct, eq=False, gc=False):
    """A DNAME (RFC 6672). Names below its owner continue below ``target``, in the case written."""

    rrset: RRset
    target: bytes
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class Referral(msgspec.Struct, eq=False, gc=False):
    """A zone cut with the name servers ``targets``.

    In a signed zone a referral also says whether the child is signed, which other names' NSEC3
    records may have to prove. ``proved`` is that fragment, valid while the zone's Denial has that
    version.
    """

    rrset: RRset
    targets: tuple[Name, ...]
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None
    proved: tuple[object, Fragment] | None = None


class NoData(msgspec.Struct, eq=False):
    """The name exists, but has no RRset of the type. ``soa`` is None only while the zone is
    loading."""

    apex: Name
    soa: RRset | None
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class NxDomain(msgspec.Struct, eq=False):
    """The name does not exist."""

    apex: Name
    soa: RRset | None
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


Data = RRsetData | Cname
Delegation = Referral | Dname
LookupOutcome = Data | Delegation | NoData | NxDomain


class Node(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One label of a zone: the data of its name by type, and the labels below it.

    ``delegation`` is set if the names below are not in this zone: a Referral at a zone cut, a Dname
    at a DNAME.
    """

    data: dict[int, Data]
    children: Any  # Map[bytes, Node]: msgspec knows no recursive generic of another library
    delegation: Delegation | None = None


EMPTY: Final = Node({}, Map())


class Denial(msgspec.Struct, frozen=True, eq=False):
    """The records that can prove that something does not exist.

    Attributes:
        owners: the paths of the names that have an NSEC RRset. Tuples of lower-case labels from the
            apex down compare in canonical order (RFC 4034 section 6.1).
        hashed: NSEC3 RRsets and their RRSIGs. Their owners are not names of the zone (RFC 5155
            section 7.2.8).
        chains: the NSEC3 owners of each set of parameters
            (:func:`zonegit.nameserver.zone.nsec.chain_key`).
        params: the NSEC3PARAM records of the apex.
        version: a new object after each change, to recognise what was rendered from an earlier one
            without keeping that.
    """

    owners: SortedSet[Path]
    hashed: Map[Name, Node]
    chains: Map[bytes, SortedSet[Name]]
    params: tuple[bytes, ...] = ()
    version: object = None


UNSIGNED: Final = Denial(SortedSet(), Map(), Map())
"""The one object that all unsigned zones share; compared by identity."""

Dependents = Map[Name, Map[Path, None]]
"""The nodes whose rendered fragments hold addresses of an owner of this zone."""


class ZoneSnapshot(msgspec.Struct, frozen=True, eq=False):
    """A zone at one commit.

    Attributes:
        serial: that of the SOA; None while there is no SOA. Such a state is not served.
        size: approximate memory of its RRsets in octets.
    """

    apex: Name
    root: Node
    dependents: Dependents
    no_data: NoData
    nxdomain: NxDomain
    serial: int | None = None
    size: int = 0
    denial: Denial = UNSIGNED


def empty_snapshot(apex: Name) -> ZoneSnapshot:
    """Return the snapshot of a zone without records, from which loading begins."""
    return ZoneSnapshot(apex, EMPTY, Map(), NoData(apex, None), NxDomain(apex, None))


def find_node(snapshot: ZoneSnapshot, path: Path) -> Node | None:
    """Return the node of a name, also below a zone cut; None if there is none."""
    node: Node | None = snapshot.root
    for label in path:
        if node is None:
            return None
        node = node.children.get(label)
    return node


def iter_rrsets(snapshot: ZoneSnapshot) -> Iterator[Data]:
    """Yield everything the zone holds, each RRset once and complete, in no order. Glue, occluded
    records and the records that prove non-existence are included."""
    hashed = snapshot.denial.hashed
    for node in hashed.values():
        yield from node.data.values()
    pending: list[Node] = [snapshot.root]
    while pending:
        node = pending.pop()
        for rdtype, data in node.data.items():
            if rdtype == rrtypes.RRSIG and _holds_signatures(hashed.get(data.rrset.owner)):
                continue
            yield data
        pending.extend(node.children.values())


def _holds_signatures(node: Node | None) -> bool:
    """Return whether the RRSIGs of an owner are kept with its NSEC3."""
    return node is not None and rrtypes.RRSIG in node.data
