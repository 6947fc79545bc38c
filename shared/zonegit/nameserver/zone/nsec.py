"""Keep the records that prove non-existence: NSEC owners in canonical order, and NSEC3 RRsets
apart from the names of the zone (RFC 5155 section 7.2.8). Pure."""

from typing import Final

from immutables import Map
from msgspec.structs import replace

from zonegit.nameserver.zone.nodes import set_rrset
from zonegit.nameserver.zone.snapshot import EMPTY, UNSIGNED, Data, Denial, Node
from zonegit.nameserver.zone.sorted_set import SortedSet
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset

HASHED_LABEL: Final = 32
"""Octets of a SHA-1 hash in base32hex: the first label of an NSEC3 owner."""

_COVERS_NSEC3: Final = rrtypes.NSEC3.to_bytes(2, "big")
_SALT_AT: Final = 5


def chain_key(rdata: bytes) -> bytes:
    """Return the parameters that distinguish NSEC3 chains: hash algorithm, iterations and salt,
    as in NSEC3 and NSEC3PARAM RDATA, without the flags (RFC 5155 sections 3.2 and 4.2)."""
    salt = rdata[_SALT_AT - 1] if len(rdata) >= _SALT_AT else 0
    return rdata[:1] + rdata[2 : _SALT_AT + salt]


def affects_hashed(denial: Denial, rdtype: int, rrset: RRset | None) -> bool:
    """Return whether a change may affect the NSEC3 RRsets or their RRSIGs."""
    if rdtype == rrtypes.NSEC3:
        return True
    is_rrsig = rdtype == rrtypes.RRSIG
    return is_rrsig and (bool(denial.hashed) or (rrset is not None and _covers_nsec3(rrset)))


def find_hashed(denial: Denial, apex: Name, path: Path, rdtype: int) -> Data | None:
    """Return the outcome of that type at the NSEC3 owner ``path``; None if there is none."""
    if rdtype not in (rrtypes.NSEC3, rrtypes.RRSIG) or not denial.hashed:
        return None
    node = denial.hashed.get(names.below(apex, path))
    return node.data.get(rdtype) if node is not None else None


def _covers_nsec3(signatures: RRset) -> bool:
    """Return whether one of these RRSIGs is over an NSEC3 RRset."""
    return any(rdata.startswith(_COVERS_NSEC3) for rdata in signatures.rdatas)


def drop_hashed(rdtype: int, rrset: RRset | None) -> RRset | None:
    """Return the part of an RRset that belongs to a name of the zone; None if there is none."""
    if rdtype == rrtypes.NSEC3 or rrset is None:
        return None
    rdatas = tuple(rdata for rdata in rrset.rdatas if not rdata.startswith(_COVERS_NSEC3))
    return replace(rrset, rdatas=rdatas) if rdatas else None


def set_hashed(denial: Denial, apex: Name, path: Path, rdtype: int, rrset: RRset | None) -> Denial:
    """Return the denial after a change to an NSEC3 RRset or to RRSIGs of which some cover one.

    All RRSIGs of such an owner are kept here, because zonegit stores them in one blob
    (docs/object-model.md).
    """
    owner = names.below(apex, path)
    if rdtype == rrtypes.RRSIG and rrset is not None and not _covers_nsec3(rrset):
        rrset = None
    before = denial.hashed.get(owner, EMPTY)
    after = set_rrset(before, path, rdtype, rrset)
    if after.data:
        hashed = denial.hashed.set(owner, after)
    else:
        hashed = denial.hashed.delete(owner) if owner in denial.hashed else denial.hashed
    chains = denial.chains
    if rdtype == rrtypes.NSEC3 and len(path) == 1 and owner[0] == HASHED_LABEL:
        for each in _chain_keys(before):
            chains = _drop_owner(chains, each, owner)
        for each in _chain_keys(after):
            chains = chains.set(each, chains.get(each, SortedSet()).with_added(owner))
    return _normalize(replace(denial, hashed=hashed, chains=chains))


def set_nsec_owner(denial: Denial, path: Path, *, holds_nsec: bool) -> Denial:
    """Return the denial after a change to the NSEC RRset of a name."""
    owners = denial.owners.with_added(path) if holds_nsec else denial.owners.without(path)
    return _normalize(replace(denial, owners=owners))


def set_nsec3param(denial: Denial, rrset: RRset | None) -> Denial:
    """Return the denial after a change to the NSEC3PARAM RRset of the apex."""
    return _normalize(replace(denial, params=rrset.rdatas if rrset is not None else ()))


def _normalize(denial: Denial) -> Denial:
    if denial.owners or denial.hashed or denial.params:
        return replace(denial, version=object())
    return UNSIGNED


def _chain_keys(node: Node) -> set[bytes]:
    data = node.data.get(rrtypes.NSEC3)
    return {chain_key(rdata) for rdata in data.rrset.rdatas} if data is not None else set()


def _drop_owner(
    chains: Map[bytes, SortedSet[Name]], key: bytes, owner: Name
) -> Map[bytes, SortedSet[Name]]:
    left = chains[key].without(owner)
    return chains.set(key, left) if left else chains.delete(key)
