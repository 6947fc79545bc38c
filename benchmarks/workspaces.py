"""Measure workspace commands on many small zones, as whole processes."""

from pathlib import Path
from typing import Final

from benchmarks import stack, zones
from benchmarks.figures import Figure, spread
from benchmarks.stack import Stack

ZONES: Final = 1_000
HOSTS: Final = 10
"""Hosts per zone. With its apex and name server a zone has 13 RRsets."""
RUNS: Final = 5
STATUS_RUNS: Final = 20


def figures() -> list[Figure]:
    """Measure checkout, status and commit of a thousand zones."""
    with stack.folder() as folder, stack.running(folder / "data", core=None) as running:
        commit = _filled(running, folder / "made")
        taken = folder / "taken-0"
        checkout = [
            running.zonegit("workspace", "checkout", str(folder / f"taken-{run}"))
            for run in range(RUNS)
        ]
        status = [
            running.zonegit("workspace", "status", "-C", str(taken)) for _ in range(STATUS_RUNS)
        ]
    each = f"{ZONES:,} zones of {HOSTS + 3} RRsets; whole process"
    return [
        Figure(
            f"`zonegit workspace checkout` of {ZONES:,} small zones", "under 8 s",
            spread(checkout, "s", 2), f"{each}, {RUNS} runs",
        ),
        Figure(
            "`zonegit workspace status` on them, unchanged", "under 1 s",
            spread(status, "s", 2), f"{each}, {STATUS_RUNS} runs",
        ),
        Figure(
            f"`zonegit workspace commit --new` of {ZONES:,} files", "under 30 s",
            f"{commit:.1f} s", f"{each}, once; parsed, registered and committed",
        ),
    ]  # fmt: skip


def _filled(running: Stack, folder: Path) -> float:
    """Write the zones as files and commit them.

    Returns:
        The seconds of the commit, which also registers the zones.
    """
    running.zonegit("workspace", "checkout", str(folder))
    for number in range(ZONES):
        file = folder / "test" / f"small-{number:04}" / "db.zone"
        file.parent.mkdir(parents=True)
        file.write_text(zones.flat_zone(f"small-{number:04}.test.", HOSTS))
    words = ("workspace", "commit", "--new", "-C", str(folder), "--timeout", "60")
    return running.zonegit(*words)
