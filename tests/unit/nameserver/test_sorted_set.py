"""The persistent sorted set, compared with a plain set and ``sorted``."""

from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.nameserver.zone import sorted_set
from zonegit.nameserver.zone.sorted_set import SortedSet

LABELS = st.binary(min_size=1, max_size=3)
PATHS = st.lists(LABELS, max_size=3).map(tuple)
EDITS = st.lists(st.tuples(st.booleans(), PATHS), max_size=60)


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Make blocks small, so that a few keys fill many."""
    most = sorted_set.MAX_ROW
    sorted_set.MAX_ROW = 3
    yield
    sorted_set.MAX_ROW = most


@given(EDITS, PATHS)
def test_it_finds_the_same_as_a_sorted_list(edits, asked) -> None:
    made, plain = SortedSet(), set()
    for puts, path in edits:
        made = made.with_added(path) if puts else made.without(path)
        plain = plain | {path} if puts else plain - {path}
    expected = sorted(plain)
    assert list(made) == expected
    assert len(made) == len(expected)
    assert bool(made) == bool(expected)
    assert (asked in made) == (asked in plain)
    at = bisect_right(expected, asked)
    assert made.at_or_before(asked) == (expected[at - 1] if at else None)
    if expected:
        assert made.last() == expected[-1]


@given(st.sets(PATHS), PATHS)
def test_an_earlier_version_is_not_changed(keys, path) -> None:
    before = SortedSet()
    for key in keys:
        before = before.with_added(key)
    after = before.with_added(path)
    after.without(path)
    assert list(before) == sorted(keys)
    assert list(after) == sorted({*keys, path})


def test_paths_are_in_canonical_order() -> None:
    r"""RFC 4034 section 6.1, with its own example; ``\000`` sorts before every other octet."""
    canonical = [
        (),
        (b"a",),
        (b"a", b"yljkjljk"),
        (b"a", b"z"),
        (b"a", b"zabc"),
        (b"z",),
        (b"z", b"\000"),
        (b"z", b"\001"),
        (b"z", b"*"),
        (b"z", b"\200"),
    ]
    made: SortedSet[tuple[bytes, ...]] = SortedSet()
    for path in reversed(canonical):
        made = made.with_added(path)
    assert list(made) == canonical
    assert made.at_or_before((b"z", b"\000\000")) == (b"z", b"\000")
