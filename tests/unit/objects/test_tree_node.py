"""One node of a zone, narrow or wide: equal entries have the same id, after any history."""

import random
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import strategies
from tests.support.recording_store import RecordingStore

from zonegit.errors import Corrupt
from zonegit.objects import node_diff, tree_codec, tree_node
from zonegit.objects.codec import decode, encode, list_links
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import EntryKey, Index, IndexRow, Symref, Tree


def key(number: int) -> EntryKey:
    return b"\0h%06d" % number


def value(number: int) -> ObjectId:
    return ObjectId(number.to_bytes(32, "big"))


def entries(count: int) -> dict[EntryKey, ObjectId]:
    return {key(number): value(number) for number in range(count)}


def build_node(recording: RecordingStore, content: dict[EntryKey, ObjectId]) -> ObjectId | None:
    if not content:
        return None
    out: list[RawObject] = []
    root = tree_node.build(content, out)
    recording.put(out)
    return root


def apply_edits(
    content: dict[EntryKey, ObjectId], changes: dict[EntryKey, ObjectId | None]
) -> dict[EntryKey, ObjectId]:
    after = content | changes
    return {key: value for key, value in after.items() if value is not None}


def update_node(
    recording: RecordingStore, root: ObjectId | None, changes: dict[EntryKey, ObjectId | None]
) -> tuple[ObjectId | None, list[RawObject]]:
    out: list[RawObject] = []
    after = recording.run(tree_node.update(root, changes, out))
    return after, recording.put(out)


@pytest.fixture
def narrow_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use wide trees from nine entries on, runs of at most five, and cuts four times as often.

    Small histories then reach all cases that large ones do.
    """
    monkeypatch.setattr(tree_codec, "MAX_NARROW", 8)
    monkeypatch.setattr(tree_node, "MAX_NARROW", 8)
    monkeypatch.setattr(tree_codec, "MAX_RUN", 5)
    monkeypatch.setattr(tree_codec, "_BITS_PER_LEVEL", 2)


histories = st.lists(
    st.dictionaries(
        st.integers(0, 60).map(key), st.none() | st.integers(0, 3).map(value), max_size=30
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.usefixtures("narrow_bounds")
class TestSmallBounds:
    """The same with the bounds of ``narrow_bounds``."""

    @settings(max_examples=300)
    @given(histories)
    def test_any_history_of_edits_gives_the_node_built_from_scratch(self, history):
        recording, root, content = RecordingStore(), None, {}
        for changes in history:
            root, _ = update_node(recording, root, changes)
            content = apply_edits(content, changes)
            assert root == build_node(RecordingStore(), content)
            if root is not None:
                assert recording.run(tree_node.read(root)) == content

    @settings(max_examples=300)
    @given(histories)
    def test_an_update_stores_children_before_the_nodes_that_name_them(self, history):
        recording, root = RecordingStore(), None
        for changes in history:
            out: list[RawObject] = []
            root = recording.run(tree_node.update(root, changes, out))
            held = set(recording.raws)
            for raw in out:
                decoded = decode(raw)
                if isinstance(decoded, Index):
                    assert held >= set(list_links(decoded))
                held.add(raw.id)
            recording.put(out)

    @settings(max_examples=300)
    @given(st.lists(histories.map(lambda history: history[0]), min_size=2, max_size=2))
    def test_diff_equals_the_difference_of_two_dicts(self, contents):
        recording = RecordingStore()
        before, after = (apply_edits({}, changes) for changes in contents)
        old, new = build_node(recording, before), build_node(recording, after)
        expected = [
            (key, before.get(key), after.get(key))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
        assert recording.run(node_diff.diff(old, new)) == expected
        diffs = node_diff.NodeDiffs()
        for _ in range(2):  # The second one may be the kept result of the first.
            found = recording.run(diffs.diff(old, new))
            assert found == expected
            found.clear()

    @given(histories, st.sets(st.integers(0, 61).map(key)))
    def test_pick_finds_exactly_the_existing_entries(self, history, wanted):
        recording, content = RecordingStore(), apply_edits({}, history[0])
        root = build_node(recording, content)
        if root is not None:
            found = recording.run(tree_node.read_keys(root, wanted))
            assert found == {key: content[key] for key in wanted if key in content}

    @given(st.integers(9, 200))
    def test_every_run_ends_at_the_key_that_cuts_it(self, count):
        recording = RecordingStore()
        build_node(recording, entries(count))
        decoded = [decode(raw) for raw in recording.raws.values()]
        for index in (value for value in decoded if isinstance(value, Index)):
            keys = [row.key for row in index.rows]
            assert not any(
                tree_codec.ends_run(key, at, index.height) for at, key in enumerate(keys[:-1], 1)
            )
            below = [decode(recording.raws[row.id]) for row in index.rows]
            for row, child in zip(index.rows, below, strict=True):
                if isinstance(child, Tree):
                    assert (max(child.entries), len(child.entries)) == (row.key, row.below)
                else:
                    assert child.rows[-1].key == row.key
                    assert sum(each.below for each in child.rows) == row.below

    @settings(max_examples=300)
    @given(st.integers(9, 120), st.data())
    def test_an_index_with_false_statements_about_its_nodes_is_corrupt(self, count, data):
        recording = RecordingStore()
        root = build_node(recording, entries(count))
        assert root is not None
        nodes = [root, *(raw for raw in recording.raws if raw != root)]
        top = decode(recording.raws[root])
        assert isinstance(top, Index)
        at = data.draw(st.integers(0, len(top.rows) - 1))
        row = top.rows[at]
        lie = data.draw(
            st.one_of(
                st.sampled_from(nodes).map(lambda other: row._replace(id=other)),
                st.integers(0, 200).map(lambda below: row._replace(below=below)),
                st.just(row._replace(key=row.key + b"0")),
            ).filter(lambda lie: lie != row)
        )
        liar = encode(Index(top.height, (*top.rows[:at], lie, *top.rows[at + 1 :])))
        recording.put([liar])
        with pytest.raises(Corrupt, match="does not match the index above it"):
            recording.run(tree_node.read(liar.id))
        for before in (None, root):
            with pytest.raises(Corrupt):
                recording.run(node_diff.diff(before, liar.id))
        for asks in (
            tree_node.read_keys(liar.id, [row.key]),
            tree_node.update(liar.id, {row.key: value(999), key(count): value(1)}, []),
            tree_node.update(liar.id, dict.fromkeys(entries(count)), []),
        ):
            with suppress(Corrupt):
                recording.run(asks)

    @given(st.integers(30, 120), st.data())
    def test_a_run_with_keys_before_its_range_is_corrupt(self, count, data):
        """A lookup of one name would not find them, although a listing has them."""
        recording = RecordingStore()
        root = build_node(recording, entries(count))
        assert root is not None
        top = decode(recording.raws[root])
        assert isinstance(top, Index)
        at = data.draw(st.integers(1, len(top.rows) - 1))
        row = top.rows[at]
        early = data.draw(st.sampled_from([b"\0a", key(0), top.rows[at - 1].key]))
        child = decode(recording.raws[row.id])
        if isinstance(child, Tree):
            made = encode(Tree({early: value(999), **child.entries}))
        else:
            made = encode(Index(child.height, (IndexRow(early, 1, value(999)), *child.rows)))
        lie = row._replace(id=made.id, below=row.below + 1)
        liar = encode(Index(top.height, (*top.rows[:at], lie, *top.rows[at + 1 :])))
        recording.put([made, liar])
        for asks in (
            tree_node.read(liar.id),
            node_diff.diff(None, liar.id),
            node_diff.diff(root, liar.id),
            tree_node.read_keys(liar.id, [row.key]),
        ):
            with pytest.raises(Corrupt, match="does not match the index above it"):
                recording.run(asks)

    @given(st.integers(30, 120), st.data())
    def test_a_shared_run_after_later_keys_is_read_again(self, count, data):
        recording = RecordingStore()
        root = build_node(recording, entries(count))
        assert root is not None
        top = decode(recording.raws[root])
        assert isinstance(top, Index)
        at = data.draw(st.integers(1, len(top.rows) - 1))
        before, shared = top.rows[at - 1 : at + 1]
        kept = decode(recording.raws[shared.id])
        first = next(iter(kept.entries)) if isinstance(kept, Tree) else kept.rows[0].key
        if first == shared.key:
            return  # nothing fits between
        made = encode(Tree({first: value(999)}))
        lie = IndexRow(first, 1, made.id)
        if top.height > 1:
            return  # only runs are known here with their keys
        liar = encode(Index(top.height, (*top.rows[: at - 1], lie, *top.rows[at:])))
        recording.put([made, liar])
        assert before.key < first
        with pytest.raises(Corrupt, match="does not match the index above it"):
            recording.run(node_diff.diff(root, liar.id))


THRESHOLDS = (1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 2_050)


@pytest.mark.parametrize(("start", "end"), [*pairwise(THRESHOLDS), (1, 2_049), (3_000, 2_048)])
def test_growing_and_shrinking_across_the_real_bounds_gives_the_node_built_from_scratch(start, end):
    recording = RecordingStore()
    low, high = build_node(recording, entries(start)), build_node(recording, entries(end))
    up = {key(n): value(n) for n in range(start, end)}
    down: dict[EntryKey, ObjectId | None] = {
        key(n): None for n in range(min(start, end), max(start, end))
    }
    smaller, larger = (low, high) if start < end else (high, low)
    assert update_node(recording, larger, down)[0] == smaller
    if up:
        assert update_node(recording, low, dict(up))[0] == high


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_edits_never_changes_the_id(seed):
    content = entries(2_600)
    recording = RecordingStore()
    expected = build_node(recording, content)
    shuffled = list(content.items())
    random.Random(seed).shuffle(shuffled)
    root: ObjectId | None = None
    for at in range(0, len(shuffled), 650):
        root, _ = update_node(recording, root, dict(shuffled[at : at + 650]))
    assert root == expected
    there_and_back = {key(7): value(8), key(999_999): value(1), key(8): None}
    root, _ = update_node(recording, root, there_and_back)
    assert root != expected
    root, _ = update_node(recording, root, {key(7): value(7), key(999_999): None, key(8): value(8)})
    assert root == expected


def test_removing_everything_leaves_no_node():
    recording = RecordingStore()
    root = build_node(recording, entries(3))
    assert update_node(recording, root, dict.fromkeys(entries(3)))[0] is None
    assert update_node(recording, None, {key(1): None})[0] is None


def test_an_update_that_changes_nothing_writes_nothing():
    recording = RecordingStore()
    root = build_node(recording, entries(2_500))
    out: list[RawObject] = []
    assert recording.run(tree_node.update(root, {key(3): value(3), key(9_999): None}, out)) == root
    assert out == []


def test_one_change_in_a_wide_node_reads_and_writes_a_handful_of_nodes():
    recording = RecordingStore()
    root = build_node(recording, entries(20_000))
    _, new = update_node(recording, root, {key(10_000): value(1)})
    assert recording.fetched_in_all <= 4
    assert len(new) <= 4
    assert sum(len(raw.payload) for raw in new) < 64 * 1024


def test_a_diff_of_wide_nodes_reads_no_equal_parts():
    recording = RecordingStore()
    old = build_node(recording, entries(20_000))
    new, _ = update_node(recording, old, {key(10_000): value(1)})
    assert recording.run(node_diff.diff(old, new)) == [(key(10_000), value(10_000), value(1))]
    assert recording.fetched_in_all <= 8


def test_reading_a_wide_node_needs_one_round_trip_for_each_level():
    recording = RecordingStore()
    root = build_node(recording, entries(20_000))
    assert root is not None
    assert recording.run(tree_node.read(root)) == entries(20_000)
    assert len(recording.fetched) <= 4


def test_a_blob_in_the_place_of_a_tree_is_corrupt():
    recording = RecordingStore()
    raw = encode(Symref("refs/heads/foo.com./main"))
    recording.put([raw])
    for asks in (
        tree_node.read(raw.id),
        tree_node.read_keys(raw.id, [key(1)]),
        node_diff.diff(None, raw.id),
    ):
        with pytest.raises(Corrupt, match="used as a tree"):
            recording.run(asks)  # type: ignore[arg-type]


@given(st.dictionaries(strategies.keys, strategies.ids, min_size=1, max_size=50))
def test_a_node_with_any_labels_is_decoded_as_it_was_encoded(content):
    recording = RecordingStore()
    root = build_node(recording, content)
    assert root is not None
    found = recording.run(tree_node.read(root))
    assert found == content
    assert list(found) == sorted(content)


@pytest.mark.parametrize("changed", [1, node_diff.MAX_KEPT_DIFFERENCES + 1])
def test_only_a_small_difference_is_kept(changed: int) -> None:
    recording = RecordingStore()
    others = {key(number): value(0) for number in range(1, changed + 1)}
    old, new = (build_node(recording, entries(100) | each) for each in ({}, others))
    diffs = node_diff.NodeDiffs()
    first = recording.run(diffs.diff(old, new))
    assert len(first) == changed
    assert recording.run(diffs.diff(old, new)) == first
    assert (recording.fetched_in_all == 0) == (changed == 1)
