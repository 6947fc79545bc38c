"""Figures of a report: medians with their spread, and the table that shows them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the report.

    Attributes:
        name: what is measured; reports of two commits are compared by it.
        target: what the project aims for, empty if there is no target.
        measured: the values.
        method: how it was measured.
    """

    name: str
    target: str
    measured: str
    method: str = ""


def skip_figure(name: str, target: str, reason: str) -> Figure:
    """Return the row of a figure that cannot be measured here.

    Args:
        name: the name of the figure.
        target: its target.
        reason: the reason, which the report shows as the method.
    """
    return Figure(name, target, "not measured", reason)


def format_spread(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """Format values as ``median unit (lowest to highest)``."""
    shown = [
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    ]
    return f"{shown[0]} {unit} ({shown[1]} to {shown[2]})"


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that ``share`` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def format_table(figures: Sequence[Figure]) -> str:
    """Format rows as a Markdown table."""
    lines = ["| figure | target | measured | method |", "|---|---|---|---|"]
    lines += [f"| {row.name} | {row.target} | {row.measured} | {row.method} |" for row in figures]
    return "\n".join(lines)
