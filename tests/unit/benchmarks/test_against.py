"""The comparison of the reports of two checkouts, row by row."""

import pytest
from benchmarks.against import Quantity, compare, read_report, render

REPORT = """# Benchmarks, 2026-11-30

- 2 cores

| figure | target | measured | method |
|---|---|---|---|
| `zonegit set` | under 200 ms | 141 ms (120 to 160) | whole process, 20 runs |
| start | under 2 s | 1.25 s (1.10 to 1.40) | 5 runs |
| answer, 10 names |  | p50 0.52 ms, p99 1.20 ms | 200 changes |
| mix, EDNS |  | 61,250/s (60,000 to 63,000), 0.61 of NSD | 7 rounds |
| root zone | under 4 s | not measured | its archive is missing |
"""


def test_a_report_gives_the_first_number_of_each_measured_row() -> None:
    rows = read_report(REPORT)
    assert list(rows) == ["`zonegit set`", "start", "answer, 10 names", "mix, EDNS"]
    assert rows["`zonegit set`"].value == pytest.approx(0.141)
    assert rows["answer, 10 names"].value == pytest.approx(0.000_52)
    assert rows["start"] == Quantity(1.25, "s")
    assert rows["mix, EDNS"] == Quantity(61_250, "/s")


def test_a_time_that_changes_its_unit_is_compared_in_seconds() -> None:
    (row,) = compare([{"start": Quantity(1.1, "s")}], [read_report("| start | | 990 ms | |")])
    assert row.ratios == pytest.approx([1.1 / 0.99])


def test_ratios_are_of_the_same_round() -> None:
    here = [{"set": Quantity(1.0, "s")}, {"set": Quantity(4.0, "s")}, {"set": Quantity(3.0, "s")}]
    there = [{"set": Quantity(1.0, "s")}, {"set": Quantity(2.0, "s")}, {"set": Quantity(1.0, "s")}]
    (row,) = compare(here, there)
    assert row.ratios == [1.0, 2.0, 3.0]
    assert "| set | 3 s | 1 s | 2.00 (1.00 to 3.00) |" in render([row], "abc1234")


def test_a_row_that_one_side_lacks_is_left_out() -> None:
    one, other = Quantity(1.0, "s"), Quantity(2.0, "s")
    rows = compare([{"set": one, "new": one}], [{"set": other, "old": other}])
    assert [row.name for row in rows] == ["set"]
