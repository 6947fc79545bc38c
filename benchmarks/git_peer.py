"""Measure git on master files of the same size, for comparison."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import peers

from benchmarks import zones

SMALL: Final = "long.zone"
LARGE: Final = "large.zone"
COMMITS: Final = 1_000
CHANGES_PER_SIDE: Final = 100
_COMMITTER: Final = b"bench <bench@example.net> %d +0000"


@dataclass(frozen=True, slots=True)
class Git:
    """A git repository.

    Branch ``long`` has a small file with a long history, branch ``large`` a large file. Branches
    ``ours`` and ``theirs`` start at ``large`` and have one commit each.
    """

    program: str
    folder: Path

    def time_runs(self, runs: int, *words: str) -> list[float]:
        """Run a git command several times and return the seconds of each process."""
        return [self._time_once(words) for _ in range(runs)]

    def _time_once(self, words: tuple[str, ...]) -> float:
        started = time.perf_counter()
        self.run(*words)
        return time.perf_counter() - started

    def run(self, *words: str, stdin: bytes = b"") -> None:
        """Run git in the repository and discard its output.

        Raises:
            CalledProcessError: git failed.
        """
        subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_PAGER": "cat"},
            input=stdin,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def prepare_repository(folder: Path) -> Git | None:
    """Make a repository with the histories of the measurement; return None without git."""
    program = peers.find_program("git")
    if program is None:
        return None
    folder.mkdir()
    git = Git(program, folder)
    git.run("init", "--quiet")
    git.run("fast-import", "--quiet", stdin=b"".join(_generate_histories()))
    git.run("gc", "--quiet")
    return git


def _generate_histories() -> Iterator[bytes]:
    small = zones.format_flat_zone("long.test.", 100).splitlines()
    yield _commit("long", 0, SMALL, small)
    for number in range(COMMITS):
        small[6 + number % 90] = f"h{2 + number % 90} A 172.16.{number >> 8}.{number & 255}"
        yield _commit("long", 1 + number, SMALL, small)
    large = zones.format_flat_zone("large.test.", 100_000).splitlines()
    yield _commit("large", 0, LARGE, large)
    large[6] = "h1 A 172.16.0.1"
    yield _commit("large", 1, LARGE, large)
    for branch, first in (("ours", 1_000), ("theirs", 50_000)):
        changed = list(large)
        for number in range(first, first + 37 * CHANGES_PER_SIDE, 37):
            changed[5 + number] = f"h{number} A 172.16.1.1"
        yield b"reset refs/heads/%s\nfrom refs/heads/large\n\n" % branch.encode()
        yield _commit(branch, 2, LARGE, changed)


def _commit(branch: str, number: int, file: str, lines: list[str]) -> bytes:
    """Return one commit in the format of ``git fast-import``."""
    content = ("\n".join(lines) + "\n").encode()
    committer = _COMMITTER % (1_750_000_000 + number)
    return b"commit refs/heads/%s\ncommitter %s\ndata 6\nchange\nM 644 inline %s\ndata %d\n%s\n" % (
        branch.encode(), committer, file.encode(), len(content), content,
    )  # fmt: skip
