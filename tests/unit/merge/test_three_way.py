"""The rule for a three-way merge of one value."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit.merge.records import DISAGREEMENT, merge_values

values = st.integers(0, 3) | st.none()


@given(values, values)
def test_what_only_one_side_changed_is_taken(base, changed):
    assert merge_values(base, base, changed) == changed
    assert merge_values(base, changed, base) == changed


@given(values, values)
def test_what_both_changed_to_the_same_stands(base, changed):
    assert merge_values(base, changed, changed) == changed


@given(values, values, values)
def test_which_side_is_called_ours_never_matters(base, ours, theirs):
    assert merge_values(base, ours, theirs) == merge_values(base, theirs, ours)


@given(values, values, values)
def test_three_different_values_are_a_disagreement_and_nothing_else_is(base, ours, theirs):
    different = len({base, ours, theirs}) == 3
    assert (merge_values(base, ours, theirs) is DISAGREEMENT) == different
