"""Select the unit tests of changed files, for ``make quick``.

A package of the library and a service each have a folder of unit tests with the same name; a module
at the top of the library has a file. Changed files are those that differ from the branch into which
this one will be merged: commits, the index, and untracked files.
"""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Final

ROOT: Final = Path(__file__).parents[2]
UPSTREAMS: Final = ("origin/main", "main")


def find_tests(changed: Iterable[str], exists: Iterable[str]) -> list[str]:
    """Return the folders and files of unit tests for changed files.

    Args:
        changed: paths below the root of the repository.
        exists: all paths below ``tests/unit``, of files and folders.
    """
    known = set(exists)
    wanted = {each for path in changed for each in _candidates(PurePath(path)) if each in known}
    return sorted(each for each in wanted if not _is_below(each, wanted))


def _candidates(path: PurePath) -> Iterator[str]:
    match path.parts:
        case ("shared", "zonegit", module) if module.endswith(".py"):
            yield f"tests/unit/test_{module}"
        case (
            ("shared", "zonegit", package, *_)
            | ("services", package, *_)
            | ("benchmarks" as package, *_)
        ):
            yield f"tests/unit/{package}"
        case ("tests", "unit", *_) if path.name.startswith("test_"):
            yield str(path)
        case ("tests", "unit", folder, *_):
            yield f"tests/unit/{folder}"
        case ("docs", *_) | ("changelog.d", *_) | (_,):
            yield "tests/unit/docs"


def _is_below(path: str, others: set[str]) -> bool:
    return any(str(parent) in others for parent in PurePath(path).parents)


def list_changed() -> list[str]:
    """Return the files that differ from the branch into which this one will be merged."""
    base = next((each for each in UPSTREAMS if _git("rev-parse", "--verify", "-q", each)), "HEAD")
    start = _git("merge-base", base, "HEAD") or ["HEAD"]
    return _git("diff", "--name-only", start[0]) + _git(
        "ls-files", "--others", "--exclude-standard"
    )


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines() if done.returncode == 0 else []


def main() -> None:
    """Print the paths on one line, as arguments for pytest."""
    below = (ROOT / "tests" / "unit").rglob("*")
    print(*find_tests(list_changed(), (str(each.relative_to(ROOT)) for each in below)))


if __name__ == "__main__":
    main()
