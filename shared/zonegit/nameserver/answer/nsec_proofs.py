"""Which NSEC or NSEC3 records prove an outcome: RFC 4035 section 3.1.3, RFC 5155 section 7.2.

Names are paths: labels from the apex down, in lower case.
"""

import hashlib
from base64 import b32hexencode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from zonegit.nameserver.zone.nodes import WILDCARD
from zonegit.nameserver.zone.nsec import HASHED_LABEL, chain_key
from zonegit.nameserver.zone.snapshot import (
    UNSIGNED,
    Cname,
    LookupOutcome,
    NoData,
    Node,
    NsecRecord,
    NxDomain,
    RRsetData,
    ZoneSnapshot,
    find_node,
)
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path

MAX_ITERATIONS: Final = 150
"""Extra hashings of a name, beyond which a chain is not used and answers come without proofs:
validators take such zones for insecure or bogus (RFC 9276 section 3.2), and each query for a
missing name would cost as many hashes."""

MAX_CACHED_HASHES: Final = 16_384
"""Hashes of names that exist, and of the wildcards below them; others are never kept."""

_SHA1: Final = 1


def find_proof(
    snapshot: ZoneSnapshot, path: Sequence[bytes], outcome: LookupOutcome
) -> list[NsecRecord]:
    """What has to stand in the authority section of a reply to a client that set DO, where
    ``outcome`` is what ``path`` is found to be; nothing in an unsigned zone."""
    scheme = _choose_scheme(snapshot)
    if scheme is None:
        return []
    name = tuple(path)
    depth = _encloser_depth(snapshot, name)
    match outcome:
        case NxDomain():
            found = scheme.prove_nxdomain(name, depth)
        case NoData() if depth == len(name):
            found = scheme.prove_nodata(name)
        case NoData():
            found = scheme.prove_wildcard_nodata(name, depth)
        case RRsetData() | Cname() if depth < len(name):
            found = scheme.prove_expansion(name, depth)
        case _:
            return []
    return [each for each in found if each is not None]


def find_no_ds_proof(snapshot: ZoneSnapshot, cut: Path) -> list[NsecRecord]:
    """What proves that the child below a zone cut is not signed (RFC 4035 section 3.1.4.1, RFC
    5155 section 7.2.7)."""
    scheme = _choose_scheme(snapshot)
    found = scheme.prove_nodata(cut) if scheme is not None else ()
    return [each for each in dict.fromkeys(found) if each is not None]  # one may prove twice


def _encloser_depth(snapshot: ZoneSnapshot, path: Path) -> int:
    """How many labels of a name its closest encloser has; all of them when it exists."""
    node: Node | None = snapshot.root
    for depth, label in enumerate(path):
        assert node is not None
        node = node.children.get(label)
        if node is None:
            return depth
    return len(path)


Proof = Iterator[NsecRecord | None]
"""None is a record that the zone, wrongly, does not have."""


class _Nsec:
    """RFC 4035 section 3.1.3, and the names of its parts."""

    def __init__(self, snapshot: ZoneSnapshot) -> None:
        self._snapshot = snapshot

    def prove_nxdomain(self, path: Path, depth: int) -> Proof:
        """Section 3.1.3.2."""
        yield self._at_or_before(path)
        yield self._at_or_before((*path[:depth], WILDCARD))

    def prove_nodata(self, path: Path) -> Proof:
        """Section 3.1.3.1; an empty non-terminal has no NSEC, and the one before it says that
        there are names below."""
        yield self._at_or_before(path)

    def prove_expansion(self, path: Path, _depth: int) -> Proof:
        """Section 3.1.3.3."""
        yield self._at_or_before(path)

    prove_wildcard_nodata = prove_nxdomain
    """Section 3.1.3.4: here the wildcard's own NSEC is found."""

    def _at_or_before(self, path: Path) -> NsecRecord | None:
        owner = self._snapshot.denial.owners.at_or_before(path)
        node = find_node(self._snapshot, owner) if owner is not None else None
        return _nsec_of(node, rrtypes.NSEC)


class _Nsec3:
    """RFC 5155 section 7.2, and the names of its parts."""

    def __init__(self, snapshot: ZoneSnapshot, param: bytes) -> None:
        self._apex = snapshot.apex
        self._hashed = snapshot.denial.hashed
        self._chain = snapshot.denial.chains[chain_key(param)]
        self._iterations = _iterations(param)
        self._salt = param[5:]

    def prove_nxdomain(self, path: Path, depth: int) -> Proof:
        """Section 7.2.2."""
        depth = self._provable(path, depth)
        yield from self._encloser(path, depth)
        yield self._covering((*path[:depth], WILDCARD), is_bounded=True)

    def prove_nodata(self, path: Path) -> Proof:
        """Sections 7.2.3 and 7.2.4, 7.2.7 for a zone cut: where the name has no NSEC3, it is only
        there for insecure delegations that opted out."""
        found = self._matching(path)
        if found is not None:
            yield found
        elif path:
            yield from self._encloser(path, self._provable(path, len(path) - 1))

    def prove_expansion(self, path: Path, depth: int) -> Proof:
        """Section 7.2.6."""
        yield self._covering(path[: depth + 1])

    def prove_wildcard_nodata(self, path: Path, depth: int) -> Proof:
        """Section 7.2.5."""
        yield from self._encloser(path, self._provable(path, depth))
        yield self._matching((*path[:depth], WILDCARD))

    def _provable(self, path: Path, depth: int) -> int:
        """The closest encloser may itself have opted out (section 7.2.1)."""
        while depth and self._matching(path[:depth]) is None:
            depth -= 1
        return depth

    def _encloser(self, path: Path, depth: int) -> Proof:
        """Section 7.2.1: that it exists, and that the next closer name does not."""
        yield self._matching(path[:depth])
        yield self._covering(path[: depth + 1])

    def _matching(self, path: Path) -> NsecRecord | None:
        """Only for names that exist, and wildcards below these."""
        return _nsec_of(self._hashed.get(self._owner(path, is_bounded=True)), rrtypes.NSEC3)

    def _covering(self, path: Path, *, is_bounded: bool = False) -> NsecRecord | None:
        owner = self._owner(path, is_bounded=is_bounded)
        before = self._chain.at_or_before(owner)
        node = self._hashed.get(before if before is not None else self._chain.last())
        return _nsec_of(node, rrtypes.NSEC3)

    def _owner(self, path: Path, *, is_bounded: bool) -> Name:
        name = names.below(self._apex, path)
        label = (_hash_known_name if is_bounded else hash_name)(name, self._salt, self._iterations)
        return Name(bytes((HASHED_LABEL,)) + label + self._apex)


def _choose_scheme(snapshot: ZoneSnapshot) -> _Nsec | _Nsec3 | None:
    """How the zone proves. A zone that is changed from one way to the other has both for a while,
    and says with NSEC3PARAM when that chain is whole (RFC 5155 sections 10.4 and 10.5)."""
    denial = snapshot.denial
    if denial is UNSIGNED:
        return None
    for param in denial.params:
        is_usable = param[:2] == bytes((_SHA1, 0)) and _iterations(param) <= MAX_ITERATIONS
        if is_usable and chain_key(param) in denial.chains:
            return _Nsec3(snapshot, param)
    return _Nsec(snapshot) if denial.owners else None


def _iterations(param: bytes) -> int:
    return int.from_bytes(param[2:4], "big")


def _nsec_of(node: Node | None, rdtype: int) -> NsecRecord | None:
    data = node.data.get(rdtype) if node is not None else None
    return data if isinstance(data, NsecRecord) else None


def hash_name(name: Name, salt: bytes, iterations: int) -> bytes:
    """The label of a name's NSEC3 owner (RFC 5155 section 5): SHA-1 over the wire form in lower
    case, in base32hex."""
    digest = hashlib.sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt, usedforsecurity=False).digest()
    return b32hexencode(digest).lower()


_hash_known_name = lru_cache(MAX_CACHED_HASHES)(hash_name)
