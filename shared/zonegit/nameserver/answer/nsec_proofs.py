"""Find the NSEC or NSEC3 records that prove an outcome: RFC 4035 section 3.1.3, RFC 5155 section
7.2.

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
"""Extra NSEC3 iterations up to which a chain is used. Beyond, answers come without proofs:
validators treat such zones as insecure or bogus (RFC 9276 section 3.2), and each query for a
missing name would cost as many hashes."""

MAX_CACHED_HASHES: Final = 16_384
"""Cached hashes of names that exist, and of the wildcards below them. Other names are never cached.
"""

_SHA1: Final = 1


def find_proof(
    snapshot: ZoneSnapshot, path: Sequence[bytes], outcome: LookupOutcome
) -> list[NsecRecord]:
    """Return the records that a reply to a client that set DO needs in its authority section.

    Args:
        snapshot: the zone.
        path: the name of the question.
        outcome: the outcome of the lookup of ``path``.

    Returns:
        An empty list in an unsigned zone.
    """
    scheme = _choose_scheme(snapshot)
    if scheme is None:
        return []
    name = tuple(path)
    depth = _find_encloser_depth(snapshot, name)
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
    """Return the proof that a zone cut has no DS RRset, so the delegation is insecure (RFC 4035
    section 3.1.4.1, RFC 5155 section 7.2.7)."""
    scheme = _choose_scheme(snapshot)
    found = scheme.prove_nodata(cut) if scheme is not None else ()
    # One record may prove two things.
    return [each for each in dict.fromkeys(found) if each is not None]


def _find_encloser_depth(snapshot: ZoneSnapshot, path: Path) -> int:
    """Return how many labels the closest encloser of a name has; all of them if the name exists."""
    node: Node | None = snapshot.root
    for depth, label in enumerate(path):
        assert node is not None
        node = node.children.get(label)
        if node is None:
            return depth
    return len(path)


Proof = Iterator[NsecRecord | None]
"""None stands for a record that a correctly signed zone would have."""


class _Nsec:
    """Proofs by NSEC (RFC 4035 section 3.1.3)."""

    def __init__(self, snapshot: ZoneSnapshot) -> None:
        self._snapshot = snapshot

    def prove_nxdomain(self, path: Path, depth: int) -> Proof:
        """Prove that a name and the wildcard above it do not exist (section 3.1.3.2)."""
        yield self._find_at_or_before(path)
        yield self._find_at_or_before((*path[:depth], WILDCARD))

    def prove_nodata(self, path: Path) -> Proof:
        """Prove that a name has no such type (section 3.1.3.1).

        An empty non-terminal has no NSEC. The one before it proves that there are names below.
        """
        yield self._find_at_or_before(path)

    def prove_expansion(self, path: Path, _depth: int) -> Proof:
        """Prove that the name itself does not exist, so that a wildcard may match (section
        3.1.3.3)."""
        yield self._find_at_or_before(path)

    prove_wildcard_nodata = prove_nxdomain
    """Section 3.1.3.4. The second search finds the wildcard's own NSEC."""

    def _find_at_or_before(self, path: Path) -> NsecRecord | None:
        owner = self._snapshot.denial.owners.at_or_before(path)
        node = find_node(self._snapshot, owner) if owner is not None else None
        return _find_nsec(node, rrtypes.NSEC)


class _Nsec3:
    """Proofs by NSEC3 (RFC 5155 section 7.2)."""

    def __init__(self, snapshot: ZoneSnapshot, param: bytes) -> None:
        self._apex = snapshot.apex
        self._hashed = snapshot.denial.hashed
        self._chain = snapshot.denial.chains[chain_key(param)]
        self._iterations = _iterations(param)
        self._salt = param[5:]

    def prove_nxdomain(self, path: Path, depth: int) -> Proof:
        """Prove that a name and the wildcard above it do not exist (section 7.2.2)."""
        depth = self._find_provable(path, depth)
        yield from self._prove_encloser(path, depth)
        yield self._find_covering((*path[:depth], WILDCARD), is_bounded=True)

    def prove_nodata(self, path: Path) -> Proof:
        """Prove that a name has no such type (sections 7.2.3, 7.2.4; 7.2.7 for a zone cut).

        A name without NSEC3 exists only because of an insecure delegation that opted out.
        """
        found = self._find_matching(path)
        if found is not None:
            yield found
        elif path:
            yield from self._prove_encloser(path, self._find_provable(path, len(path) - 1))

    def prove_expansion(self, path: Path, depth: int) -> Proof:
        """Prove that the next closer name does not exist (section 7.2.6)."""
        yield self._find_covering(path[: depth + 1])

    def prove_wildcard_nodata(self, path: Path, depth: int) -> Proof:
        """Prove that the wildcard that matches has no such type (section 7.2.5)."""
        yield from self._prove_encloser(path, self._find_provable(path, depth))
        yield self._find_matching((*path[:depth], WILDCARD))

    def _find_provable(self, path: Path, depth: int) -> int:
        """Return the depth of the closest encloser that has an NSEC3; one that opted out has none
        (section 7.2.1)."""
        while depth and self._find_matching(path[:depth]) is None:
            depth -= 1
        return depth

    def _prove_encloser(self, path: Path, depth: int) -> Proof:
        """Prove that the closest encloser exists and the next closer name does not (section
        7.2.1)."""
        yield self._find_matching(path[:depth])
        yield self._find_covering(path[: depth + 1])

    def _find_matching(self, path: Path) -> NsecRecord | None:
        """Return the NSEC3 of a name. Only for names that exist, and wildcards below these."""
        return _find_nsec(self._hashed.get(self._hash_owner(path, is_bounded=True)), rrtypes.NSEC3)

    def _find_covering(self, path: Path, *, is_bounded: bool = False) -> NsecRecord | None:
        owner = self._hash_owner(path, is_bounded=is_bounded)
        before = self._chain.at_or_before(owner)
        node = self._hashed.get(before if before is not None else self._chain.last())
        return _find_nsec(node, rrtypes.NSEC3)

    def _hash_owner(self, path: Path, *, is_bounded: bool) -> Name:
        name = names.below(self._apex, path)
        label = (_hash_known_name if is_bounded else hash_name)(name, self._salt, self._iterations)
        return Name(bytes((HASHED_LABEL,)) + label + self._apex)


def _choose_scheme(snapshot: ZoneSnapshot) -> _Nsec | _Nsec3 | None:
    """Return how the zone proves non-existence; None for an unsigned zone.

    A zone that changes from NSEC to NSEC3 or back has both for a while. NSEC3PARAM at the apex says
    that the NSEC3 chain is complete (RFC 5155 sections 10.4 and 10.5).
    """
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


def _find_nsec(node: Node | None, rdtype: int) -> NsecRecord | None:
    data = node.data.get(rdtype) if node is not None else None
    return data if isinstance(data, NsecRecord) else None


def hash_name(name: Name, salt: bytes, iterations: int) -> bytes:
    """Return the label of a name's NSEC3 owner (RFC 5155 section 5): SHA-1 over the wire form in
    lower case, in base32hex."""
    digest = hashlib.sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt, usedforsecurity=False).digest()
    return b32hexencode(digest).lower()


_hash_known_name = lru_cache(MAX_CACHED_HASHES)(hash_name)
