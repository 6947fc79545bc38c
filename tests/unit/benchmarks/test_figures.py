"""The numbers of a report."""

from benchmarks.figures import format_spread, percentile


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5.0, 1.0, 4.0, 2.0, 3.0], 50) == 3.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
    assert percentile([7.0], 99) == 7.0


def test_a_spread_shows_median_lowest_and_highest() -> None:
    assert format_spread([3.0, 1.0, 2.0], "ms") == "2.0 ms (1.0 to 3.0)"
