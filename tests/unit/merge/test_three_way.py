"""The rule for a three-way merge of one value."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit.merge.records import DISAGREEMENT, merge_values

values = st.integers(0, 3) | st.none()


@given(values, values)
def test_a_change_of_one_side_is_taken(base, changed):
    assert merge_values(base, base, changed) == changed
    assert merge_values(base, changed, base) == changed


@given(values, values)
def test_the_same_change_of_both_sides_is_taken(base, changed):
    assert merge_values(base, changed, changed) == changed


@given(values, values, values)
def test_the_result_is_the_same_with_sides_swapped(base, ours, theirs):
    assert merge_values(base, ours, theirs) == merge_values(base, theirs, ours)


@given(values, values, values)
def test_only_three_different_values_conflict(base, ours, theirs):
    different = len({base, ours, theirs}) == 3
    assert (merge_values(base, ours, theirs) is DISAGREEMENT) == different
