"""Build zones that no resolver can serve, as objects with correct ids and invalid content."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from zonegit.objects import tree_node
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject, compute_id
from zonegit.objects.model import (
    Blob,
    Commit,
    EntryKey,
    Identity,
    Index,
    IndexRow,
    rrset_key,
    subtree_key,
)
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text

MALLORY = Identity("Mallory", "mallory@example.net", 1_700_000_000)
LABEL = b"x" * 63


class SealedZone(NamedTuple):
    """A commit, with those of its objects that are stored."""

    commit: CommitId
    objects: list[RawObject]


def blob(owner: bytes, rdtype: int, rdata: bytes, *, count: int = 1) -> RawObject:
    """Return a blob with any octets."""
    head = rdtype.to_bytes(2, "big") + (300).to_bytes(4, "big") + count.to_bytes(2, "big")
    return forge_object(
        "blob", b"\1" + owner + b"\0\1" + head + len(rdata).to_bytes(2, "big") + rdata
    )


def forge_object(kind: ObjectKind, payload: bytes) -> RawObject:
    """Return an object of any kind with any octets, under its correct id."""
    return RawObject(compute_id(kind, payload), kind, payload)


def tree(entries: Mapping[bytes, ObjectId]) -> RawObject:
    """Return a narrow tree with sorted entries."""
    out: list[RawObject] = []
    tree_node.build(dict(sorted(entries.items())), out)
    return out[-1]


def soa(apex: Name, serial: int = 8) -> RawObject:
    """Return the SOA that the ref store requires."""
    rdata = rdata_from_text(rrtypes.SOA, f"ns.test. admin.test. {serial} 7200 900 1209600 300")
    return encode(Blob(RRset(apex, rrtypes.SOA, 300, (rdata,))))


def commit(root: ObjectId, objects: Iterable[RawObject]) -> SealedZone:
    """Return the commit to which refs moves a branch."""
    made = encode(Commit(root, (), MALLORY, MALLORY, "harmless"))
    return SealedZone(CommitId(made.id), [*objects, made])


def zone(
    apex: Name,
    labels: Sequence[bytes],
    entries: Mapping[bytes, ObjectId],
    objects: Iterable[RawObject] = (),
) -> SealedZone:
    """Return a zone with the SOA on request, and ``entries`` at the name of ``labels``.

    Without labels, the entries are at the apex and may replace the SOA.
    """
    start = soa(apex)
    found = [*objects, start]
    below = dict(entries)
    for label in reversed(labels):
        found.append(tree(below))
        below = {subtree_key(label): found[-1].id}
    found.append(tree({rrset_key(rrtypes.SOA): start.id, **below}))
    return commit(found[-1].id, found)


A: Final = rrset_key(rrtypes.A)
ADDRESS: Final = bytes((192, 0, 2, 1))


def good_zone(apex: Name) -> SealedZone:
    """Return a zone with an address at www, to show that nothing else prevents serving it."""
    www = blob(b"\3www" + apex, rrtypes.A, ADDRESS)
    return zone(apex, [b"www"], {A: www.id}, [www])


def malformed_zones(apex: Name) -> dict[str, SealedZone]:
    """Return one zone of each kind with a valid form but invalid records."""
    a = blob(b"\1a" + apex, rrtypes.A, ADDRESS)
    alias = blob(b"\1a" + apex, rrtypes.CNAME, apex)
    return {
        "a mail server without a name": _at_a(apex, rrtypes.MX, b"\0"),
        "a signature of two octets": _at_a(apex, rrtypes.RRSIG, b"\0\1"),
        "an NSEC3 of one octet": _at_a(apex, rrtypes.NSEC3, b"\1"),
        "an address of three octets": _at_a(apex, rrtypes.A, b"\0\1\2"),
        "a type under its number": _instead(apex, b"\1TYPE1", blob(apex, rrtypes.A, ADDRESS)),
        "a type twice": zone(apex, [b"a"], {A: a.id, b"\1TYPE1": a.id}, [a]),
        "an alias beside an address": zone(
            apex, [b"a"], {A: a.id, rrset_key(rrtypes.CNAME): alias.id}, [a, alias]
        ),
    }


def _at_a(apex: Name, rdtype: int, rdata: bytes, owner: bytes | None = None) -> SealedZone:
    """Return a zone with one record at the label a."""
    found = blob(b"\1a" + apex if owner is None else owner, rdtype, rdata)
    return zone(apex, [b"a"], {rrset_key(rdtype): found.id}, [found])


def _instead(apex: Name, key: EntryKey, found: RawObject) -> SealedZone:
    """Return a zone with an object at its apex, possibly instead of the SOA."""
    return zone(apex, [], {key: found.id}, [found])


def bad_zones(apex: Name) -> dict[str, SealedZone]:
    """Return one zone of each kind that cannot be loaded, by its fault."""
    a = blob(b"\1a" + apex, rrtypes.A, ADDRESS)
    missing = ObjectId(bytes(32))
    runs = [
        IndexRow(subtree_key(b"a"), 1_024, missing),
        IndexRow(subtree_key(b"b"), 1_024, missing),
    ]
    index = encode(Index(8, tuple(runs)))
    nested = encode(Index(1, (IndexRow(subtree_key(b"b"), 2_048, index.id),)))

    return {
        "a name of more than 255 octets": zone(apex, [LABEL] * 4, {A: a.id}, [a]),
        "a name of more than 127 labels": zone(apex, [b"x"] * 128, {A: a.id}, [a]),
        "a tree far deeper than names": zone(apex, [b"x"] * 900, {A: a.id}, [a]),
        "an owner of more than 255 octets": _at_a(
            apex, rrtypes.A, ADDRESS, (b"\x3f" + LABEL) * 4 + apex
        ),
        "an owner of another place": _at_a(apex, rrtypes.A, ADDRESS, b"\1b" + apex),
        "an owner of another zone": _at_a(apex, rrtypes.A, ADDRESS, b"\1a\4else\0"),
        "an owner that ends nowhere": _at_a(apex, rrtypes.A, ADDRESS, b"\1a\xff"),
        "an alias to no name": _at_a(apex, rrtypes.CNAME, b"\xc0\x0c"),
        "an alias of nothing": _at_a(apex, rrtypes.CNAME, b""),
        "a delegation to half a name": _at_a(apex, rrtypes.NS, b"\3ns"),
        "a redirection to a name that is too long": _at_a(
            apex, rrtypes.DNAME, (b"\x3f" + LABEL) * 5
        ),
        "an SOA of ten octets": _instead(
            apex, rrset_key(rrtypes.SOA), blob(apex, rrtypes.SOA, bytes(10))
        ),
        "an SOA that is a tree": _instead(apex, rrset_key(rrtypes.SOA), tree({A: a.id})),
        "a tree that is a blob": zone(apex, [], {subtree_key(b"a"): a.id}, [a]),
        "a tree that is missing": zone(apex, [], {subtree_key(b"a"): missing}),
        "an RRset that is missing": zone(apex, [b"a"], {A: missing}),
        "an RRset that is the zone's commit": zone(apex, [b"a"], {A: commit(missing, []).commit}),
        "an index over missing runs": _instead(apex, subtree_key(b"a"), index),
        "an index over a higher one": zone(
            apex, [], {subtree_key(b"a"): nested.id}, [index, nested]
        ),
        "a commit of a blob": commit(a.id, [a]),
        "a commit of a missing tree": commit(missing, []),
    }
