"""Draw random zones with correct ids and otherwise random content.

Each is a commit with those of its objects that exist. Many are nearly valid, because a clearly
invalid zone is refused at its first octet: the SOA mostly exists, owners mostly match their place,
and one label mostly leads to a tree.
"""

from collections.abc import Sequence

from hypothesis import strategies as st
from tests.support import bad_zones
from tests.support.bad_zones import ADDRESS, LABEL, MALLORY, SealedZone
from tests.support.strategies import ids, rdatas_of, storable_types

from zonegit.objects import tree_codec
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Commit, EntryKey, Index, IndexRow, rrset_key, subtree_key
from zonegit.zone import rrtypes
from zonegit.zone.names import Name

MAX_DEPTH = 140
"""Labels that a tree is put below at the most; a name has 127 of them."""
OBJECTS = 6

labels = st.sampled_from([b"a", b"b", b"www", b"*", b"_tcp", b"\0", b".", b"\xff", LABEL])
types = st.sampled_from(
    ["A", "NS", "CNAME", "SOA", "MX", "DNAME", "RRSIG", "NSEC", "NSEC3", "SVCB"]
)
spellings = st.one_of(
    types, st.sampled_from(["TYPE1", "TYPE6", "TYPE001", "TYPE65400", "A-B", "0"])
)
keys = st.one_of(
    labels.map(subtree_key), types.map(lambda text: rrset_key(rrtypes.NUMBERS[text])),
    spellings.map(lambda text: b"\1" + text.encode()),
)  # fmt: skip


rarely = st.integers(0, 9).map(lambda number: number == 9)


def owners(apex: Name) -> st.SearchStrategy[bytes]:
    """Draw the owner that an RRset states."""
    inside = st.lists(labels, max_size=2).map(
        lambda parts: b"".join(bytes((len(part),)) + part for part in parts) + apex
    )
    outside = st.sampled_from([b"\0", b"\4else\0", (b"\x3f" + LABEL) * 5 + b"\0", b"\1A" + apex])
    return st.one_of(inside, inside, inside, outside, st.binary(max_size=8))


@st.composite
def blobs(draw: st.DrawFn, apex: Name) -> RawObject:
    """Draw RRsets, and octets that resemble one."""
    if draw(rarely):
        return bad_zones.forge_object("blob", draw(st.binary(max_size=40)))
    rdtype = draw(st.one_of(types.map(rrtypes.NUMBERS.__getitem__), storable_types))
    right = st.just(ADDRESS) if rdtype == rrtypes.A else rdatas_of(rdtype)
    rdata = draw(st.one_of(right, right, st.binary(max_size=24)))
    return bad_zones.blob(
        draw(owners(apex)), rdtype, rdata, count=draw(st.sampled_from([1, 1, 1, 2]))
    )


@st.composite
def trees(draw: st.DrawFn, below: Sequence[RawObject]) -> RawObject:
    """Draw nodes over existing objects, over missing ones, or over each other with false counts."""
    targets = ids
    if below and not draw(rarely):
        targets = st.sampled_from([raw.id for raw in below])
    found = draw(st.dictionaries(keys, targets, min_size=1, max_size=4))
    match draw(st.integers(0, 9)):
        case 9:
            return bad_zones.forge_object("tree", draw(st.binary(max_size=60)))
        case 8:
            rows = [IndexRow(key, draw(st.integers(0, 9)), found[key]) for key in sorted(found)]
            index = Index(draw(st.integers(1, 8)), tuple(rows))
            return bad_zones.forge_object("tree", tree_codec.encode_index(index))
        case _:
            return bad_zones.forge_object("tree", tree_codec.encode_leaf(found))


@st.composite
def random_zones(draw: st.DrawFn, apex: Name) -> SealedZone:
    """Draw a commit of a zone that claims to be ``apex``, and the objects below it."""
    found: list[RawObject] = draw(st.lists(blobs(apex), max_size=OBJECTS))
    for _ in range(draw(st.integers(0, OBJECTS))):
        found.append(draw(trees(found)))
    root: dict[EntryKey, ObjectId] = {}
    if found:
        root = draw(st.dictionaries(keys, st.sampled_from([raw.id for raw in found]), max_size=3))
        if draw(rarely):
            deep = found[-1].id
            for _ in range(draw(st.integers(1, MAX_DEPTH))):
                found.append(bad_zones.tree({subtree_key(draw(labels)): deep}))
                deep = found[-1].id
            root[subtree_key(b"deep")] = deep
    start = bad_zones.soa(apex)
    if not draw(rarely) or not root:
        root[rrset_key(rrtypes.SOA)] = start.id
    found += [start, bad_zones.tree(root)]
    parents = draw(st.lists(ids, max_size=1)) if draw(rarely) else []
    tree = draw(ids) if draw(rarely) else found[-1].id
    made = encode(Commit(tree, tuple(map(CommitId, parents)), MALLORY, MALLORY, "harmless"))
    lost = draw(st.sets(st.integers(0, len(found) - 1), max_size=1)) if draw(rarely) else ()
    left = [raw for number, raw in enumerate(found) if number not in lost]
    return SealedZone(CommitId(made.id), [*left, made])
