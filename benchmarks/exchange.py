"""Measure the import and export of histories as whole processes.

The versions of the root zone are imported as a series, exported to a git repository and imported
from it again; ``fsck`` then checks the stored objects.
"""

import tarfile
from pathlib import Path
from typing import Final

from benchmarks.commands import ROOT_ZONES
from benchmarks.figures import Figure, format_spread, skip_figure
from benchmarks.stack import Stack, make_folder, run_stack

RUNS: Final = 3
TIMEOUT: Final = ("--timeout", "120")
_SERIES: Final = "import of 97 versions of the root zone, a commit each"
_TARGETS: Final = {_SERIES: "under 40 s"}


def measure() -> list[Figure]:
    """Measure the import of a series, the export to git, the import from git, and ``fsck``."""
    if not ROOT_ZONES.exists():
        return [skip_figure(_SERIES, _TARGETS[_SERIES], f"{ROOT_ZONES.name} is missing")]
    runs: dict[str, list[float]] = {}
    with make_folder() as folder:
        versions = _unpack_versions(folder)
        for number in range(RUNS):
            with run_stack(folder / f"data-{number}", core=None) as stack:
                times = _measure_once(stack, folder / f"git-{number}", versions)
            for name, seconds in times.items():
                runs.setdefault(name, []).append(seconds)
    method = f"whole process, {RUNS} runs"
    return [
        Figure(name, _TARGETS.get(name, ""), format_spread(seconds, "s"), method)
        for name, seconds in runs.items()
    ]


def _unpack_versions(folder: Path) -> list[str]:
    """Unpack all versions and return their files, the oldest first."""
    with tarfile.open(ROOT_ZONES) as archive:
        archive.extractall(folder / "versions", filter="data")
    return sorted(str(path) for path in (folder / "versions").rglob("*.zone"))


def _measure_once(stack: Stack, repository: Path, versions: list[str]) -> dict[str, float]:
    """Return the seconds of each command, by the name of its figure."""
    stack.run("init", ".")
    series = stack.run("import", "--series", "--dates", "serial", *TIMEOUT, *versions)
    export = stack.run("export", "--git", str(repository), ".", *TIMEOUT)
    fsck = stack.run("fsck", *TIMEOUT)
    stack.run("zone", "remove", ".", "--force", "--reason", "benchmark")
    stack.run("init", ".")
    from_git = stack.run(
        "import", "--from-git", str(repository), "--file", "db.zone", "--force", *TIMEOUT
    )
    return {
        _SERIES: series,
        "import of 97 versions from a git repository": from_git,
        "export of 97 commits to a git repository": export,
        "`zonegit fsck` of 26,000 objects": fsck,
    }
