"""Measure the import and export of histories as whole processes.

The versions of the root zone are imported as a series, exported to a git repository and imported
from it again; ``fsck`` then checks the stored objects.
"""

import tarfile
from pathlib import Path
from typing import Final

from benchmarks import stack
from benchmarks.commands import ROOT_ZONES
from benchmarks.figures import Figure, skipped, spread
from benchmarks.stack import Stack

RUNS: Final = 3
PATIENCE: Final = ("--timeout", "120")
_SERIES: Final = "import of 97 versions of the root zone, a commit each"


def figures() -> list[Figure]:
    """Measure the import of a series, the export to git, the import from git, and ``fsck``."""
    if not ROOT_ZONES.exists():
        return [skipped(_SERIES, "under 40 s", f"{ROOT_ZONES.name} is not here")]
    taken: dict[str, list[float]] = {}
    with stack.folder() as folder:
        versions = _unpacked(folder)
        for number in range(RUNS):
            with stack.running(folder / f"data-{number}", core=None) as running:
                for what, seconds in _measured(running, folder / f"git-{number}", versions).items():
                    taken.setdefault(what, []).append(seconds)
    reach = {_SERIES: "under 40 s"}
    how = f"whole process, {RUNS} runs"
    return [
        Figure(what, reach.get(what, ""), spread(seconds, "s"), how)
        for what, seconds in taken.items()
    ]


def _unpacked(folder: Path) -> list[str]:
    """Unpack all versions and return their files, the oldest first."""
    with tarfile.open(ROOT_ZONES) as archive:
        archive.extractall(folder / "versions", filter="data")
    return sorted(str(path) for path in (folder / "versions").rglob("*.zone"))


def _measured(running: Stack, repository: Path, versions: list[str]) -> dict[str, float]:
    running.zonegit("init", ".")
    series = running.zonegit("import", "--series", "--dates", "serial", *PATIENCE, *versions)
    export = running.zonegit("export", "--git", str(repository), ".", *PATIENCE)
    fsck = running.zonegit("fsck", *PATIENCE)
    running.zonegit("zone", "remove", ".", "--force")
    running.zonegit("init", ".")
    again = running.zonegit(
        "import", "--from-git", str(repository), "--file", "db.zone", "--force", *PATIENCE
    )
    return {
        _SERIES: series,
        "the same 97 versions from a repository of git": again,
        "export of the same 97 commits to a repository of git": export,
        "`zonegit fsck` of what they made (26,000 objects)": fsck,
    }
