"""Build small zones as objects, for tests that need commits regardless of their content."""

from dataclasses import dataclass

from zonegit.objects import walk, zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Blob, Commit, Identity, Tag
from zonegit.zone import names, rrset, rrtypes
from zonegit.zone.names import Name

WHO = Identity("Ada", "ada@example.com", 1_750_000_000)


@dataclass(frozen=True)
class StoredCommit:
    """A commit and all its objects, children first."""

    id: CommitId
    tree: ObjectId
    objects: list[RawObject]


def commit(
    zone: Name,
    serial: int | None,
    address: str = "192.0.2.1",
    parent: StoredCommit | None = None,
    hosts: int = 0,
) -> StoredCommit:
    """Return a commit of ``zone`` with an SOA (unless ``serial`` is None) and an address at the
    apex.

    It has the same address at ``hosts`` names below the apex.
    """
    sets = [_record(zone, rrtypes.A, address)]
    if serial is not None:
        sets.append(_record(zone, rrtypes.SOA, f"ns. host. {serial} 3600 600 86400 300"))
    below = [names.parse(f"h{number}", zone) for number in range(hosts)]
    sets += [_record(owner, rrtypes.A, address) for owner in below]
    objects = [encode(Blob(each)) for each in sets]
    edits = {
        (names.path(each.owner, zone), each.rdtype): raw.id
        for each, raw in zip(sets, objects, strict=True)
    }
    tree = walk.run(zone_tree.update(None, edits, objects), {})
    assert tree is not None
    parents = (parent.id,) if parent else ()
    made = encode(Commit(tree, parents, WHO, WHO, f"serial {serial}"))
    return StoredCommit(CommitId(made.id), tree, [*objects, made])


def tag(made: StoredCommit, name: str) -> RawObject:
    """Return a tag object for a commit."""
    return encode(Tag(made.id, name, WHO, "released"))


def _record(zone: Name, rdtype: int, text: str) -> rrset.RRset:
    return rrset.rrset(zone, rdtype, 300, [rrset.rdata_from_text(rdtype, text)])
