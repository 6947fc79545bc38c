"""Measure this checkout and another commit in turns, and print ratios (``make bench AGAINST=...``).

``python -m benchmarks.against COMMIT [--rounds N] FAMILY...`` does the same. A machine's speed
changes from hour to hour, so figures of different hours cannot be compared. Each round runs the
report of both checkouts, one after the other; the order alternates between rounds. A ratio compares
two figures of the same round.

Each is measured by its own benchmarks, in a clone below ``.venv`` with an environment of its own.
The environment of this checkout is not used: it may have tools of development, and a service that
finds ``rich`` there starts slower. Changes that are not committed are measured too; new files that
git does not know are not. Rows are matched by their name.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks import machine
from benchmarks.report import FAMILIES

HERE: Final = Path(__file__).parents[1]
CLONES: Final = HERE / ".venv" / "against"
ROUNDS: Final = 5

_QUANTITY: Final = re.compile(r"(?:p50 )?(-?[\d,]+(?:\.\d+)?) ?([^\s(;,]*)")
_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


class Quantity(NamedTuple):
    """The first number of a row and its unit; times are converted to seconds."""

    value: float
    unit: str


Rows = dict[str, Quantity]
"""The quantity of each row, by the row's name."""


class RowComparison(NamedTuple):
    """A row of both checkouts: the ratio of each round, and the median quantity of each side."""

    name: str
    here: Quantity
    there: Quantity
    ratios: Sequence[float]


def read_report(report: str) -> Rows:
    """Return the rows of a Markdown report whose measurement begins with a number.

    Rows that were not measured, and other lines, are left out.
    """
    rows: Rows = {}
    for line in report.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|") or len(cells) < 3:
            continue
        found = _QUANTITY.match(cells[2])
        if found is not None:
            value, unit = float(found[1].replace(",", "")), found[2]
            factor = _SECONDS.get(unit)
            rows[cells[0]] = (
                Quantity(value, unit) if factor is None else Quantity(value * factor, "s")
            )
    return rows


def compare(here: Sequence[Rows], there: Sequence[Rows]) -> list[RowComparison]:
    """Compare the rounds of two checkouts, row by row, in the order of the first report.

    Args:
        here: the rows of this checkout, one item per round.
        there: the rows of the other commit, in the same order.
    """
    names = [name for name in here[0] if all(name in rows for rows in (*here, *there))]
    return [
        RowComparison(
            name,
            _median([rows[name] for rows in here]),
            _median([rows[name] for rows in there]),
            [
                ours[name].value / theirs[name].value
                for ours, theirs in zip(here, there, strict=True)
            ],
        )
        for name in names
        if all(rows[name].value for rows in there)
    ]


def render(comparisons: Sequence[RowComparison], commit: str) -> str:
    """Return a Markdown table; a ratio above 1 means that this checkout has the larger figure."""
    lines = [f"| row | here | {commit} | ratio (lowest to highest) |", "|---|---|---|---|"]
    lines += [
        f"| {row.name} | {_format_quantity(row.here)} | {_format_quantity(row.there)} |"
        f" {median(row.ratios):.2f} ({min(row.ratios):.2f} to {max(row.ratios):.2f}) |"
        for row in comparisons
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure both checkouts in turns and print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.against", description=__doc__)
    parser.add_argument("commit", help="the commit to compare this checkout with")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument("families", nargs="+", choices=sorted(FAMILIES), metavar="FAMILY")
    chosen = parser.parse_args(arguments)
    commit = _run("git", "rev-parse", "--short", f"{chosen.commit}^{{commit}}")
    clones = _prepare_clone("here", _find_own_commit()), _prepare_clone("there", commit)
    here: list[Rows] = []
    there: list[Rows] = []
    for number in range(chosen.rounds):
        print(f"round {number + 1} of {chosen.rounds} ...", file=sys.stderr)
        turns = list(zip(clones, (here, there), strict=True))
        for checkout, rounds in turns if number % 2 else reversed(turns):
            rounds.append(read_report(_measure(checkout, chosen.families)))
    print(f"{machine.describe_machine()}\n- {chosen.rounds} rounds in turns\n")
    print(render(compare(here, there), commit))
    return 0


def _find_own_commit() -> str:
    """Return a commit of the present files; git makes one if there are changes."""
    return _run("git", "stash", "create") or _run("git", "rev-parse", "HEAD")


def _prepare_clone(name: str, commit: str) -> Path:
    """Check a commit out into a clone and install it.

    Returns:
        The folder of the clone.

    Raises:
        CalledProcessError: there is no such commit, or the installation fails; the failed program
            has printed the reason.
    """
    clone = CLONES / name / "zonegit"
    if not clone.exists():
        clone.parent.mkdir(parents=True, exist_ok=True)
        _run("git", "clone", "--quiet", "--shared", "--no-checkout", str(HERE), str(clone))
        (clone.parent / "shared").symlink_to(HERE.parent / "shared")
    _run("git", "-C", str(clone), "checkout", "--quiet", "--force", "--detach", commit)
    _run("make", "-C", str(clone), "setup")
    return clone


def _run(*command: str) -> str:
    result = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, text=True, check=True)
    return result.stdout.strip()


def _measure(checkout: Path, families: Sequence[str]) -> str:
    """Return the report of a checkout, made by its own environment.

    Raises:
        CalledProcessError: the measurement failed; it has printed the reason.
    """
    command = [str(checkout / ".venv" / "bin" / "python"), "-m", "benchmarks.report", *families]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZONEGIT_")}
    result = subprocess.run(
        command, cwd=checkout, env=env, stdout=subprocess.PIPE, text=True, check=True
    )
    return result.stdout


def _median(quantities: Sequence[Quantity]) -> Quantity:
    return Quantity(median(each.value for each in quantities), quantities[0].unit)


def _format_quantity(quantity: Quantity) -> str:
    if quantity.unit != "s":
        return f"{quantity.value:,.4g} {quantity.unit}".rstrip()
    if quantity.value < 1:
        return f"{quantity.value * 1e3:,.3g} ms"
    return f"{quantity.value:,.3g} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
