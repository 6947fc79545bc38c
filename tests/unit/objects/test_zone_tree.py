"""A whole zone as nested nodes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import strategies, vectors
from tests.support.recording_store import RecordingStore

from zonegit.errors import Corrupt
from zonegit.objects import name_scope, tree_lookup, tree_node, zone_tree
from zonegit.objects.codec import decode, encode, list_links
from zonegit.objects.ids import ObjectId, RawObject, compute_id
from zonegit.objects.model import Blob, Index, Tree, rrset_key, subtree_key
from zonegit.objects.zone_tree import TreeChange
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name, Path
from zonegit.zone.rrset import RRset, rrset
from zonegit.zonefile import reader

A, TXT, MX = rrtypes.A, rrtypes.TXT, rrtypes.MX
Content = dict[tuple[Path, int], ObjectId]


def an_id(number: int) -> ObjectId:
    return ObjectId(number.to_bytes(32, "big"))


def update(
    recording: RecordingStore, root: ObjectId | None, edits: dict[tuple[Path, int], ObjectId | None]
) -> tuple[ObjectId | None, list[RawObject]]:
    out: list[RawObject] = []
    after = recording.run(zone_tree.update(root, edits, out))
    return after, recording.put(out)


def content_of(recording: RecordingStore, root: ObjectId | None) -> Content:
    found = recording.run(zone_tree.list_changes(None, root))
    assert all(change.old is None for change in found)
    return {(change.path, change.rdtype): change.new for change in found if change.new}


def place_content(
    edits: dict[tuple[Path, int], ObjectId | None],
) -> dict[tuple[Path, int], ObjectId | None]:
    """Return the content with ids that depend on the owner, as ids of blobs do."""
    return {
        (path, rdtype): compute_id("blob", b"%r %b" % (path, blob)) if blob is not None else None
        for (path, rdtype), blob in edits.items()
    }


few_paths = st.lists(st.sampled_from([b"a", b"b", b"*", b"\0."]), max_size=3).map(tuple)
edits = st.dictionaries(
    st.tuples(few_paths, st.sampled_from([A, TXT, 65400])),
    st.none() | st.integers(1, 3).map(an_id),
    max_size=12,
).map(place_content)


@settings(max_examples=300)
@given(st.lists(edits, min_size=1, max_size=5))
def test_any_history_of_edits_gives_the_tree_built_from_scratch(history):
    recording, root = RecordingStore(), None
    content: Content = {}
    for each in history:
        root, _ = update(recording, root, each)
        merged = content | each
        content = {key: blob for key, blob in merged.items() if blob is not None}
        assert content_of(recording, root) == content
        scratch = list(content.items())
        assert root == update(RecordingStore(), None, dict(scratch))[0]
        assert root == update(RecordingStore(), None, dict(reversed(scratch)))[0]


@settings(max_examples=300)
@given(edits, edits)
def test_diff_equals_the_difference_of_two_dicts(first, second):
    recording = RecordingStore()
    old, _ = update(recording, None, first)
    new, _ = update(recording, None, second)
    before = {key: blob for key, blob in first.items() if blob is not None}
    after = {key: blob for key, blob in second.items() if blob is not None}
    expected = {
        TreeChange(*key, before.get(key), after.get(key))
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }
    found: list[TreeChange] = []
    recording.run(zone_tree.diff(old, new, found.append))
    assert len(found) == len(expected)
    assert set(found) == expected


@given(edits, st.lists(few_paths, max_size=5, unique=True))
def test_find_returns_the_rrsets_of_each_owner(content, wanted):
    recording = RecordingStore()
    root, _ = update(recording, None, content)
    if root is None:
        return
    expected = {
        path: {
            rdtype: blob
            for (at, rdtype), blob in content.items()
            if at == path and blob is not None
        }
        for path in wanted
    }
    assert recording.run(zone_tree.find(root, wanted)) == expected
    for path in wanted:
        assert recording.run(zone_tree.find_one(root, path, A)) == expected[path].get(A)


@given(
    st.dictionaries(st.tuples(strategies.paths, strategies.storable_types), strategies.ids).map(
        place_content
    )
)
def test_any_labels_and_types_can_be_stored(content):
    recording = RecordingStore()
    root, _ = update(recording, None, dict(content))
    assert content_of(recording, root) == content


def test_an_empty_tree_is_never_stored():
    recording = RecordingStore()
    root, _ = update(recording, None, {((b"a", b"b"), A): an_id(1), ((), TXT): an_id(2)})
    root, new = update(recording, root, {((b"a", b"b"), A): None})
    assert content_of(recording, root) == {((), TXT): an_id(2)}
    assert len(new) == 1
    assert update(recording, root, {((), TXT): None})[0] is None


def test_an_empty_non_terminal_has_a_subtree_and_no_rrsets():
    recording = RecordingStore()
    root, _ = update(recording, None, {((b"a", b"b"), A): an_id(1)})
    assert root is not None
    assert recording.run(zone_tree.find(root, [(b"a",)])) == {(b"a",): {}}
    assert recording.run(zone_tree.find_subtree(root, (b"a",))) is not None
    assert recording.run(zone_tree.find_subtree(root, (b"c",))) is None
    assert recording.run(zone_tree.find_subtree(root, ())) == root


def test_a_deep_change_writes_one_node_for_each_label():
    recording = RecordingStore()
    hosts = {((b"zone", b"h%03d" % n), A): an_id(n + 1) for n in range(500)}
    root, _ = update(recording, None, dict(hosts))
    _, new = update(recording, root, {((b"zone", b"h250"), A): an_id(9_999)})
    assert len(new) == 3
    assert [len(step) for step in recording.fetched] == [1, 1, 1]


def test_a_diff_reads_only_differences_in_one_round_trip_for_each_level():
    recording = RecordingStore()
    hosts = {((b"z%02d" % n, b"h%03d" % n), A): an_id(n + 1) for n in range(90)}
    old, _ = update(recording, None, dict(hosts))
    new, _ = update(recording, old, {((b"z05", b"h005"), A): an_id(9_999)})
    found: list[TreeChange] = []
    recording.run(zone_tree.diff(old, new, found.append))
    assert found == [TreeChange((b"z05", b"h005"), A, an_id(6), an_id(9_999))]
    assert len(recording.fetched) == 3
    assert recording.fetched_in_all == 6


def test_a_diff_in_small_steps_misses_nothing():
    recording = RecordingStore()
    content = {((b"a%d" % (n % 7), b"b%d" % n), A): an_id(n + 1) for n in range(50)}
    root, _ = update(recording, None, dict(content))
    found: list[zone_tree.TreeChange] = []
    recording.run(zone_tree.diff(None, root, found.append, step=3))
    assert {(change.path, change.rdtype): change.new for change in found} == content


def make_exponential(recording: RecordingStore, depth: int) -> ObjectId:
    """Return a tree of ``depth`` objects, one below the other, with 2 ** depth names."""
    made = encode(Tree({rrset_key(A): an_id(1)}))
    recording.put([made])
    for _ in range(depth):
        made = encode(Tree({subtree_key(b"a"): made.id, subtree_key(b"b"): made.id}))
        recording.put([made])
    return made.id


@pytest.mark.parametrize("old", [None, 20])
def test_a_tree_of_few_objects_and_endless_names_is_refused_at_once(old: int | None) -> None:
    recording = RecordingStore()
    before = make_exponential(recording, old) if old is not None else None
    with pytest.raises(Corrupt, match=r"at two names of one zone: (a|b)\S* and (a|b)"):
        recording.run(zone_tree.list_changes(before, make_exponential(recording, 40)))
    assert recording.fetched_in_all < 100


def test_counting_owners_is_bounded() -> None:
    """Nothing in it counts, so the count never reaches its limit."""
    recording = RecordingStore()
    with pytest.raises(Corrupt, match="at two names"):
        recording.run(zone_tree.count(make_exponential(recording, 40), 1_000, ignored={A}))
    assert recording.fetched_in_all < 100


def test_a_type_that_is_twice_at_a_name_is_corrupt() -> None:
    """Once under its mnemonic and once as ``TYPEnnn``: one of them would be hidden."""
    recording = RecordingStore()
    twice = {b"\1A": an_id(1), b"\1TYPE1": an_id(2)}
    twins = encode(Tree(twice))
    with pytest.raises(Corrupt, match="the type A twice"):
        decode(twins)
    hosts = {b"\0h%04d" % number: an_id(number + 3) for number in range(3_000)}
    out: list[RawObject] = []
    wide = tree_node.build({**hosts, **twice}, out)
    recording.put(out)
    # Runs of a wide node are cut anywhere: here one run has both types, and is corrupt itself.
    with pytest.raises(Corrupt, match="the type A twice"):
        recording.run(zone_tree.find(wide, [()]))


def test_a_single_type_is_read_in_any_spelling() -> None:
    recording = RecordingStore()
    made = encode(Tree({b"\1TYPE0262": an_id(1)}))
    recording.put([made])
    assert content_of(recording, made.id) == {((), rrtypes.from_text("WALLET")): an_id(1)}


# vectors


def tree_of(rrsets: list[RRset], apex: Name, recording: RecordingStore) -> ObjectId | None:
    blobs = [encode(Blob(each)) for each in rrsets]
    recording.put(blobs)
    placed = {
        (names.path(each.owner, apex), each.rdtype): blob.id
        for each, blob in zip(rrsets, blobs, strict=True)
    }
    return update(recording, None, dict(placed))[0]


def test_importing_foo_com_gives_the_objects_of_the_vector():
    apex = names.parse("foo.com.")
    read = reader.read((vectors.DATA / "foo.com.zone").read_bytes(), apex)
    recording = RecordingStore()
    root = tree_of(list(read.rrsets.values()), apex, recording)
    expected = {raw.id: raw for _, raw in vectors.foo_com() if raw.kind != "commit"}
    assert root == next(raw.id for path, raw in vectors.foo_com() if path == "")
    assert recording.raws == expected


def test_the_real_root_zone_has_the_tree_of_the_original():
    read = reader.read(vectors.root_zone(2018012900), names.ROOT)
    assert len(read.rrsets) == 13_969
    assert read.findings == []
    assert tree_of(list(read.rrsets.values()), names.ROOT, RecordingStore()) == vectors.ROOT_TREE


def test_the_diff_of_two_versions_of_the_real_root_zone_equals_that_of_their_rrsets():
    recording = RecordingStore()
    versions = [
        reader.read(vectors.root_zone(serial), names.ROOT).rrsets
        for serial in (2018012900, 2018012901)
    ]
    old, new = (tree_of(list(each.values()), names.ROOT, recording) for each in versions)
    found: list[TreeChange] = []
    recording.run(zone_tree.diff(old, new, found.append))
    changed = {
        (names.below(names.ROOT, change.path), change.rdtype): change.new for change in found
    }
    before, after = versions
    assert changed.keys() == {
        key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
    }


def hosts(count: int) -> list[RRset]:
    """Return the zone of ``wide-trees.json``."""
    apex = names.parse("wide.test.")
    return [
        rrset(
            names.below(apex, (b"h%06d" % n,)),
            A,
            300,
            [b"\x0a" + n.to_bytes(3, "big")],
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("vector", vectors.wide(), ids=lambda vector: vector["hosts"])
def test_a_wide_zone_has_the_tree_of_the_vector_before_and_after_a_change(vector):
    apex, count = names.parse("wide.test."), vector["hosts"]
    recording = RecordingStore()
    root = tree_of(hosts(count), apex, recording)
    assert root == vector["root"]
    middle = (b"h%06d" % (count // 2),)
    blob = encode(Blob(rrset(names.below(apex, middle), A, 300, [bytes((192, 0, 2, 1))])))
    recording.put([blob])
    changed, new = update(recording, root, {(middle, A): blob.id})
    nodes = new[1:]  # the host's own tree comes first
    assert changed == vector["changed_root"]
    assert len(nodes) == vector["changed_nodes"]
    assert sum(len(raw.payload) for raw in nodes) == vector["changed_bytes"]


@pytest.mark.parametrize("vector", vectors.wide()[:3], ids=lambda vector: vector["hosts"])
def test_a_wide_tree_has_the_number_and_sizes_of_nodes_of_the_vector(vector):
    recording = RecordingStore()
    rrsets = hosts(vector["hosts"])
    tree_of(rrsets, names.parse("wide.test."), recording)
    blobs = {encode(Blob(each)).id for each in rrsets}
    nodes = [
        raw
        for raw in recording.raws.values()
        if raw.kind == "tree" and blobs.isdisjoint(list_links(decode(raw)))
    ]
    assert len(nodes) == vector["nodes"]
    assert max(len(raw.payload) for raw in nodes) == vector["largest"]


MAX_PATHS: list[Path] = [
    (b"x",) * 127,  # the maximum number of labels of a name (RFC 1035 section 2.3.4)
    (b"x" * 63, b"x" * 63, b"x" * 63, b"x" * 61),  # octets
]


@pytest.mark.parametrize("path", MAX_PATHS)
def test_a_tree_that_is_deeper_than_a_name_can_be_is_not_walked(path: Path) -> None:
    recording = RecordingStore()
    root, _ = update(recording, None, {(path, A): an_id(1)})
    assert content_of(recording, root) == {(path, A): an_id(1)}
    assert recording.run(zone_tree.count(root, 10)) == 1
    for too_long in ((*path, b"x"), (*path[:-1], path[-1] + b"x", b"y")):
        root, _ = update(recording, None, {(too_long, A): an_id(1)})
        for walk in (
            zone_tree.list_changes(None, root),
            zone_tree.count(root, 10),
            tree_lookup.list_below(root, ()),
            name_scope.read_scope(root, (b"q",)),
        ):
            with pytest.raises(Corrupt, match="longer than a name"):
                recording.run(walk)


def test_a_walk_verifies_the_statements_of_an_index() -> None:
    recording = RecordingStore()
    entries = {rrset_key(rdtype): an_id(rdtype) for rdtype in range(1_000, 4_000)}
    out: list[RawObject] = []
    wide = tree_node.build(entries, out)
    recording.put(out)
    index = decode(recording.raws[wide])
    assert isinstance(index, Index)
    lying = encode(Index(1, (index.rows[0]._replace(id=wide), *index.rows[1:])))
    recording.put([lying])
    for walk in (zone_tree.count(lying.id, 10_000), tree_lookup.list_below(lying.id, ())):
        with pytest.raises(Corrupt, match="does not match the index above it"):
            recording.run(walk)
