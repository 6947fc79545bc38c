"""Measure, and print one Markdown report on standard output (``make bench``).

``python -m benchmarks.report [FAMILY...]`` measures only the named families.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from benchmarks import (
    bulk,
    changes,
    commands,
    exchange,
    fairness,
    history,
    isolation,
    machine,
    secondaries,
    streams,
    throughput,
    tips,
    workspaces,
)
from benchmarks.figures import Figure, format_table

FAMILIES: Final[dict[str, Callable[[], list[Figure]]]] = {
    "bulk": bulk.measure,
    "changes": changes.measure,
    "commands": commands.measure,
    "exchange": exchange.measure,
    "fairness": fairness.measure,
    "history": history.measure,
    "isolation": isolation.measure,
    "million": throughput.measure_million,
    "secondaries": secondaries.measure,
    "streams": streams.measure,
    "throughput": throughput.measure_small,
    "tips": tips.measure,
    "workspaces": workspaces.measure,
}


def main(families: Sequence[str]) -> int:
    """Measure families of figures and print the report.

    Args:
        families: the names of the families; all families if empty.

    Returns:
        The exit status.
    """
    unknown = [name for name in families if name not in FAMILIES]
    if unknown:
        print(f"no such family: {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
        return 2
    print(f"# Benchmarks, {time.strftime('%Y-%m-%d')}\n")
    print(f"{machine.describe_machine()}\n", flush=True)
    print("Values are medians (lowest to highest), unless a row says otherwise.\n")
    figures: list[Figure] = []
    minutes = []
    for name in families or FAMILIES:
        print(f"measuring {name} ...", file=sys.stderr)
        started = time.monotonic()
        figures += FAMILIES[name]()
        minutes.append(f"{name} {(time.monotonic() - started) / 60:.1f}")
    print(f"{format_table(figures)}\n\nMinutes per family: {', '.join(minutes)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
