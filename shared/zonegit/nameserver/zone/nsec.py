"""Keeps what proves that something does not exist: NSEC owners in canonical order, NSEC3 RRsets
apart from the names of the zone (RFC 5155 section 7.2.8). Pure."""

from typing import Final

from immutables import Map
from msgspec.structs import replace

from zonegit.nameserver.zone.nodes import with_rrset
from zonegit.nameserver.zone.snapshot import EMPTY, UNSIGNED, Data, Denial, Node
from zonegit.nameserver.zone.sorted_map import SortedMap
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset

HASHED_LABEL: Final = 32
"""Octets of a SHA-1 hash in base32hex, which is the label of an NSEC3 owner."""

_COVERS_NSEC3: Final = rrtypes.NSEC3.to_bytes(2, "big")
_SALT_AT: Final = 5


def parameters(rdata: bytes) -> bytes:
    """What tells one NSEC3 chain from another: hash algorithm, iterations and salt, as in NSEC3
    and in NSEC3PARAM RDATA, without the flags (RFC 5155 sections 3.2 and 4.2)."""
    salt = rdata[_SALT_AT - 1] if len(rdata) >= _SALT_AT else 0
    return rdata[:1] + rdata[2 : _SALT_AT + salt]


def goes_apart(denial: Denial, rdtype: int, rrset: RRset | None) -> bool:
    """Whether a change may concern what stands apart from the names."""
    if rdtype == rrtypes.NSEC3:
        return True
    is_about = rdtype == rrtypes.RRSIG
    return is_about and (bool(denial.hashed) or (rrset is not None and _covers_nsec3(rrset)))


def apart(denial: Denial, apex: Name, path: Path, rdtype: int) -> Data | None:
    """What stands apart at the owner ``path``, None where that is nothing of the type."""
    if rdtype not in (rrtypes.NSEC3, rrtypes.RRSIG) or not denial.hashed:
        return None
    node = denial.hashed.get(names.below(apex, path))
    return node.held.get(rdtype) if node is not None else None


def _covers_nsec3(signatures: RRset) -> bool:
    """Whether one of these RRSIGs is over an NSEC3 RRset."""
    return any(rdata.startswith(_COVERS_NSEC3) for rdata in signatures.rdatas)


def of_names(rdtype: int, rrset: RRset | None) -> RRset | None:
    """What of an RRset belongs to a name of the zone; None: nothing."""
    if rdtype == rrtypes.NSEC3 or rrset is None:
        return None
    rdatas = tuple(rdata for rdata in rrset.rdatas if not rdata.startswith(_COVERS_NSEC3))
    return replace(rrset, rdatas=rdatas) if rdatas else None


def with_hashed(denial: Denial, apex: Name, path: Path, rdtype: int, rrset: RRset | None) -> Denial:
    """After a change to an NSEC3 RRset, or to RRSIGs of which some cover one: then all RRSIGs of
    that owner stand here, because they are one RRset."""
    owner = names.below(apex, path)
    if rdtype == rrtypes.RRSIG and rrset is not None and not _covers_nsec3(rrset):
        rrset = None
    before = denial.hashed.get(owner, EMPTY)
    after = with_rrset(before, path, rdtype, rrset)
    if after.held:
        hashed = denial.hashed.set(owner, after)
    else:
        hashed = denial.hashed.delete(owner) if owner in denial.hashed else denial.hashed
    chains = denial.chains
    if rdtype == rrtypes.NSEC3 and len(path) == 1 and owner[0] == HASHED_LABEL:
        for each in _parameters(before):
            chains = _without(chains, each, owner)
        for each in _parameters(after):
            chains = chains.set(each, chains.get(each, SortedMap()).with_key(owner))
    return _denial(replace(denial, hashed=hashed, chains=chains))


def with_owner(denial: Denial, path: Path, *, holds_nsec: bool) -> Denial:
    """After a change to the NSEC RRset of a name."""
    owners = denial.owners.with_key(path) if holds_nsec else denial.owners.without(path)
    return _denial(replace(denial, owners=owners))


def with_offered(denial: Denial, rrset: RRset | None) -> Denial:
    """After a change to the NSEC3PARAM RRset of the apex."""
    return _denial(replace(denial, offered=rrset.rdatas if rrset is not None else ()))


def _denial(made: Denial) -> Denial:
    if made.owners or made.hashed or made.offered:
        return replace(made, version=object())
    return UNSIGNED


def _parameters(node: Node) -> set[bytes]:
    held = node.held.get(rrtypes.NSEC3)
    return {parameters(rdata) for rdata in held.rrset.rdatas} if held is not None else set()


def _without(
    chains: Map[bytes, SortedMap[Name]], key: bytes, owner: Name
) -> Map[bytes, SortedMap[Name]]:
    left = chains[key].without(owner)
    return chains.set(key, left) if left else chains.delete(key)
