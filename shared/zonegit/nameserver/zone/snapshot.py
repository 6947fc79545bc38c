"""A zone at one commit, compiled: immutable, and persistent.

Nodes are labels, as the zone is: walking down from the apex meets the zone cut, the empty
non-terminal, the closest encloser and its wildcard on the way. Children are persistent maps, so a
change copies the path to it and nothing else; a swap is one assignment, a transfer holds the old
state for as long as it likes, and a second branch compiled from the first shares its memory.

What each RRset means to a query is decided when the zone is compiled: a node holds outcomes, not
records. Their octets are rendered when they are first asked for and kept with them (``part``, and
``signed`` for clients that set DO); that memory is bounded by the number of RRsets, because nothing
is kept for a name that does not exist. An outcome whose octets are no longer right (a signature
came, an address that it brings along has changed) is replaced by a new one.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from immutables import Map

from zonegit.nameserver.message.fragment import Fragment
from zonegit.nameserver.zone.sorted_map import SortedMap
from zonegit.zone import rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset

# Structs cost a fifth of a dataclass to make, and a zone has hundreds of thousands. Nothing of
# this is ever encoded. What leads down a tree is part of no cycle, and the garbage collector, which
# would walk all of it, is not told of it (gc=False).


class RRsetData(msgspec.Struct, eq=False, gc=False):
    """The RRset asked for. ``ttls`` are those of its records where they differ (RRSIG).

    Of this and every other outcome, ``part`` is what it says to clients without DO and ``signed``
    to those with: the same with RRSIGs, the very same object where there are none. None until
    they are first asked for.
    """

    rrset: RRset
    ttls: tuple[int, ...] | None = None
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class NsecRecord(RRsetData, gc=False):
    """An NSEC or NSEC3 RRset. ``proof`` is it and its RRSIGs for the authority section of any
    message about the zone, None until it is first needed."""

    proof: Fragment | None = None


class Cname(msgspec.Struct, eq=False, gc=False):
    """A CNAME: the search goes on at ``target``, in lower case."""

    rrset: RRset
    target: Name
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class Dname(msgspec.Struct, eq=False, gc=False):
    """A DNAME (RFC 6672): names below its owner go on below ``target``, in the case written."""

    rrset: RRset
    target: bytes
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None


class Referral(msgspec.Struct, eq=False, gc=False):
    """A zone cut: the name servers ``targets`` know more.

    In a signed zone it is also told whether the child is signed, which other names' NSEC3 records
    may have to prove: ``proved`` is that part, right as long as the zone's Denial has that version.
    """

    rrset: RRset
    targets: tuple[Name, ...]
    fragment: Fragment | None = None
    signed_fragment: Fragment | None = None
    proved: tuple[object, Fragment] | None = None


class NoData(msgspec.Struct, eq=False):
    """The name exists, but has no such RRset. ``soa`` None only while the zone is loading."""

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
    """One label of a zone: what its name holds, by type, and the labels below it.

    ``delegation`` is where names below it lead, which are not this zone's: a Referral at a zone cut, a
    Redirect at a DNAME.
    """

    data: dict[int, Data]
    children: Any  # Map[bytes, Node]: msgspec knows no recursive generic of another library
    delegation: Delegation | None = None


EMPTY: Final = Node({}, Map())


class Denial(msgspec.Struct, frozen=True, eq=False):
    """What can prove that something does not exist.

    ``owners`` are the paths of the names that have an NSEC RRset: tuples of lower-case labels
    from the apex down compare as canonical order does (RFC 4034 section 6.1). An owner of NSEC3
    is no name of the zone (RFC 5155 section 7.2.8), so ``hashed`` keeps those RRsets and their
    RRSIGs apart from the names. ``chains`` are the owners of one set of NSEC3 parameters each
    (:func:`zonegit.nameserver.zone.nsec.chain_key`), and ``params`` what the NSEC3PARAM
    records of the apex say. ``version`` is another object with each change, by which to know what
    was rendered from it without keeping it.
    """

    owners: SortedMap[Path]
    hashed: Map[Name, Node]
    chains: Map[bytes, SortedMap[Name]]
    params: tuple[bytes, ...] = ()
    version: object = None


UNSIGNED: Final = Denial(SortedMap(), Map(), Map())
"""The very object that every zone without any of it has."""

Dependents = Map[Name, Map[Path, None]]
"""Which names say something that brings the addresses of an owner of this zone along: what is
rendered there holds them."""


class ZoneSnapshot(msgspec.Struct, frozen=True, eq=False):
    """``serial`` is the SOA's, None while there is no SOA: such a state is not served. ``size`` is
    how much memory its RRsets take, about, in octets."""

    apex: Name
    root: Node
    dependents: Dependents
    no_data: NoData
    nxdomain: NxDomain
    serial: int | None = None
    size: int = 0
    denial: Denial = UNSIGNED


def empty_snapshot(apex: Name) -> ZoneSnapshot:
    """Where loading a zone begins."""
    return ZoneSnapshot(apex, EMPTY, Map(), NoData(apex, None), NxDomain(apex, None))


def find_node(snapshot: ZoneSnapshot, path: Path) -> Node | None:
    """The node of a name, also below a zone cut; None where there is none."""
    node: Node | None = snapshot.root
    for label in path:
        if node is None:
            return None
        node = node.children.get(label)
    return node


def iter_rrsets(snapshot: ZoneSnapshot) -> Iterator[Data]:
    """Everything the zone holds, each RRset once and whole, in no order: glue and what is
    occluded too, and what proves that something does not exist."""
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
    """Where some RRSIGs of an owner cover NSEC3, all of them stand with that."""
    return node is not None and rrtypes.RRSIG in node.data
