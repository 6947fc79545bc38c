"""Figures of a report: medians with their spread, and the tables they stand in."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: ``reach`` is what the project aims for, ``circumstances`` how it was measured."""

    what: str
    reach: str
    measured: str
    circumstances: str = ""


def skipped(what: str, reach: str, why: str) -> Figure:
    """A row that could not be measured here, and says so."""
    return Figure(what, reach, "not measured", why)


def spread(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """``median unit (lowest to highest)``."""
    shown = [
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    ]
    return f"{shown[0]} {unit} ({shown[1]} to {shown[2]})"


def percentile(values: Sequence[float], share: int) -> float:
    """The value that ``share`` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """A Markdown table."""
    lines = ["| what | reach | measured | how |", "|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.reach} | {row.measured} | {row.circumstances} |" for row in figures
    ]
    return "\n".join(lines)
