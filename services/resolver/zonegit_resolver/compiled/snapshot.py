"""A zone at one commit, compiled: immutable, and persistent.

Nodes are labels, as the zone is: walking down from the apex meets the zone cut, the empty
non-terminal, the closest encloser and its wildcard on the way. Children are persistent maps, so a
change copies the path to it and nothing else; a swap is one assignment, a transfer holds the old
state for as long as it likes, and a second branch compiled from the first shares its memory.

What each RRset means to a query is decided when the zone is compiled: a node holds outcomes, not
records. Their octets are rendered when they are first asked for and kept with them (``sections``);
that memory is bounded by the number of RRsets, because nothing is kept for a name that does not
exist.
"""

from typing import Any, Final

import msgspec
from immutables import Map

from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset
from zonegit_resolver.messages.parts import Part

# Structs cost a fifth of a dataclass to make, and a zone has hundreds of thousands. Nothing of
# this is ever encoded.


class Found(msgspec.Struct, eq=False):
    """The RRset asked for. ``ttls`` are those of its records where they differ (RRSIG)."""

    rrset: RRset
    ttls: tuple[int, ...] | None = None
    part: Part | None = None


class Alias(msgspec.Struct, eq=False):
    """A CNAME: the search goes on at ``target``, in lower case."""

    rrset: RRset
    target: Name
    part: Part | None = None


class Redirect(msgspec.Struct, eq=False):
    """A DNAME (RFC 6672): names below its owner go on below ``target``, in the case written."""

    rrset: RRset
    target: bytes
    part: Part | None = None


class Referral(msgspec.Struct, eq=False):
    """A zone cut: the name servers ``targets`` know more."""

    rrset: RRset
    targets: tuple[Name, ...]
    part: Part | None = None


class NoData(msgspec.Struct, eq=False):
    """The name exists, but has no such RRset. ``soa`` None only while the zone is loading."""

    apex: Name
    soa: RRset | None
    part: Part | None = None


class NoName(msgspec.Struct, eq=False):
    """The name does not exist."""

    apex: Name
    soa: RRset | None
    part: Part | None = None


Held = Found | Alias
Turn = Referral | Redirect
Outcome = Held | Turn | NoData | NoName


class Node(msgspec.Struct, frozen=True, eq=False):
    """One label of a zone: what its name holds, by type, and the labels below it.

    ``turn`` is where names below it lead, which are not this zone's: a Referral at a zone cut, a
    Redirect at a DNAME.
    """

    held: dict[int, Held]
    children: Any  # Map[bytes, Node]: msgspec knows no recursive generic of another library
    turn: Turn | None = None


EMPTY: Final = Node({}, Map())

Dependents = Map[Name, Map[Path, None]]
"""Which zone cuts name an owner of this zone as their server: their referrals hold its addresses.
"""


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """``serial`` is the SOA's, None while there is no SOA: such a state is not served. ``size`` is
    how much memory its RRsets take, about, in octets."""

    apex: Name
    root: Node
    dependents: Dependents
    no_data: NoData
    no_name: NoName
    serial: int | None = None
    size: int = 0


def empty(apex: Name) -> Snapshot:
    """Where loading a zone begins."""
    return Snapshot(apex, EMPTY, Map(), NoData(apex, None), NoName(apex, None))


def node_at(snapshot: Snapshot, path: Path) -> Node | None:
    """The node of a name, also below a zone cut; None where there is none."""
    node: Node | None = snapshot.root
    for label in path:
        if node is None:
            return None
        node = node.children.get(label)
    return node
