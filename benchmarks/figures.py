"""Figures of a report: medians with their spread, and the table that shows them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the report.

    Attributes:
        what: the name; reports of two commits are compared by it.
        reach: the target of the project, empty if there is none.
        measured: the value.
        circumstances: how it was measured.
    """

    what: str
    reach: str
    measured: str
    circumstances: str = ""


def skipped(what: str, reach: str, why: str) -> Figure:
    """Return the row of a figure that cannot be measured here.

    Args:
        what: the name of the figure.
        reach: its target.
        why: the reason, shown in place of the method.
    """
    return Figure(what, reach, "not measured", why)


def spread(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """Format values as ``median unit (lowest to highest)``."""
    shown = [
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    ]
    return f"{shown[0]} {unit} ({shown[1]} to {shown[2]})"


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that ``share`` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """Format rows as a Markdown table."""
    lines = ["| what | reach | measured | how |", "|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.reach} | {row.measured} | {row.circumstances} |" for row in figures
    ]
    return "\n".join(lines)
