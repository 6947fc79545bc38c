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
    workspaces,
)
from benchmarks.figures import Figure, table

FAMILIES: Final[dict[str, Callable[[], list[Figure]]]] = {
    "bulk": bulk.figures,
    "changes": changes.figures,
    "commands": commands.figures,
    "exchange": exchange.figures,
    "fairness": fairness.figures,
    "history": history.figures,
    "isolation": isolation.figures,
    "million": throughput.million,
    "secondaries": secondaries.figures,
    "streams": streams.figures,
    "throughput": throughput.small,
    "workspaces": workspaces.figures,
}


def main(wanted: Sequence[str]) -> int:
    """Measure families of figures and print the report.

    Args:
        wanted: the names of the families; all families if empty.

    Returns:
        The exit status.
    """
    unknown = [name for name in wanted if name not in FAMILIES]
    if unknown:
        print(f"no such family: {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
        return 2
    print(f"# Figures of {time.strftime('%Y-%m-%d')}\n\n{machine.described()}\n", flush=True)
    print("Medians with the lowest and the highest, unless a row says otherwise.\n")
    found: list[Figure] = []
    taken = []
    for name in wanted or FAMILIES:
        print(f"measuring {name} ...", file=sys.stderr)
        started = time.monotonic()
        found += FAMILIES[name]()
        taken.append(f"{name} {(time.monotonic() - started) / 60:.1f}")
    print(f"{table(found)}\n\nMinutes that each family took: {', '.join(taken)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
