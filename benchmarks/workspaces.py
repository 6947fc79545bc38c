"""Measure workspace commands on many small zones, as whole processes."""

from pathlib import Path
from typing import Final

from benchmarks import zones
from benchmarks.figures import Figure, format_spread
from benchmarks.stack import Stack, make_folder, run_stack

ZONES: Final = 1_000
HOSTS: Final = 10
"""Hosts per zone. With its apex and name server a zone has 13 RRsets."""
RUNS: Final = 5
STATUS_RUNS: Final = 20


def measure() -> list[Figure]:
    """Measure checkout, status and commit of a thousand zones."""
    with make_folder() as folder, run_stack(folder / "data", core=None) as stack:
        commit = _commit_zones(stack, folder / "written")
        workspace = folder / "checkout-0"
        checkout = [
            stack.run("workspace", "checkout", str(folder / f"checkout-{run}"))
            for run in range(RUNS)
        ]
        status = [
            stack.run("workspace", "status", "-C", str(workspace)) for _ in range(STATUS_RUNS)
        ]
    method = f"{ZONES:,} zones of {HOSTS + 3} RRsets; whole process"
    return [
        Figure(
            f"`zonegit workspace checkout` of {ZONES:,} small zones", "under 8 s",
            format_spread(checkout, "s", 2), f"{method}, {RUNS} runs",
        ),
        Figure(
            f"`zonegit workspace status` of {ZONES:,} unchanged zones", "under 1 s",
            format_spread(status, "s", 2), f"{method}, {STATUS_RUNS} runs",
        ),
        Figure(
            f"`zonegit workspace commit --new` of {ZONES:,} files", "under 30 s",
            f"{commit:.1f} s", f"{method}, a single run; also registers the zones",
        ),
    ]  # fmt: skip


def _commit_zones(stack: Stack, folder: Path) -> float:
    """Write the zones as files and commit them.

    Returns:
        The seconds of the commit, which also registers the zones.
    """
    stack.run("workspace", "checkout", str(folder))
    for number in range(ZONES):
        file = folder / "test" / f"small-{number:04}" / "db.zone"
        file.parent.mkdir(parents=True)
        file.write_text(zones.format_flat_zone(f"small-{number:04}.test.", HOSTS))
    words = ("workspace", "commit", "--new", "-C", str(folder), "--timeout", "60")
    return stack.run(*words)
