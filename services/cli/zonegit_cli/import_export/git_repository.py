"""Makes a repository of git out of a stream: in a new or empty folder, whole or not at all, or on
top of an earlier export, whose branch then moves on or stays as it is.
"""

import asyncio
import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zonegit.errors import Invalid
from zonegit.repo.inspect.git_export import BRANCH
from zonegit.zone import names
from zonegit_cli.import_export import earlier_export, git_history
from zonegit_cli.import_export.git_history import command, environment, said
from zonegit_cli.workspace.paths import PlacedZone

STAGING: Final = ".zonegit-"

# What git never checks out, or fsck takes for an attack, by a name that Windows or macOS would take
# for .git, .gitmodules and their like; a backslash divides there, too.
_NOT_FOR_GIT: Final = re.compile(r"(?:^|[/\\])(?:\.git|git~\d|gi[0-9a-z]{0,4}~\d)", re.IGNORECASE)


def check_paths(placed: Iterable[PlacedZone]) -> None:
    """Raises:
    Invalid: git would not keep a file of that path.
    """
    for each in placed:
        check_path(each)


def check_path(placed: PlacedZone) -> None:
    """Raises:
    Invalid: git would not keep a file of that path.
    """
    if _NOT_FOR_GIT.search(placed.path):
        raise Invalid(
            f"git keeps no file {placed.path!r}, which {names.text(placed.zone)} would have",
            hint="name the other zones; zonegit export prints this one",
        )


Stream = Callable[[str], AsyncIterator[bytes]]
"""Makes the stream for a branch (``lineages.stream``)."""


def is_earlier_export(folder: Path) -> bool:
    """Return whether the folder is a repository to continue; False: it is new or empty.

    Raises:
        Invalid: it holds something else, it is not a folder, or it has uncommitted changes or
            settings that would run a program.
    """
    try:
        if not any(folder.iterdir()):
            return False
    except FileNotFoundError:
        return False
    except NotADirectoryError as error:
        raise Invalid(f"{folder} is not a folder") from error
    if not (folder / ".git").is_dir():
        hint = "export to a folder that is new or empty, or that holds an earlier export"
        raise Invalid(f"{folder} is not empty", hint=hint)
    earlier_export.check(folder)
    return True


async def write(folder: Path, stream: Stream) -> None:
    """Make a repository of what ``lineages.stream`` gives, with its files checked out, or
    continue the one that is there (:func:`is_earlier_export`).

    Raises:
        Conflict: the branch there has commits that the stream does not have.
        Invalid: git does not take it.
        NotFound: there is no git.
    """
    if is_earlier_export(folder):
        with earlier_export.continue_export(folder):
            await _import(folder, stream(earlier_export.STAGING_REF))
    else:
        with _staged(folder) as repository:
            await _import(repository, stream(BRANCH))


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """An empty repository within ``folder``, which comes to lie there once it is filled: a failure
    leaves nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=STAGING) as staging:
        made = Path(staging) / "repository"
        said(command("init", "--quiet", "--template=", os.fspath(made)))
        _git(made, "symbolic-ref", "HEAD", BRANCH)
        yield made
        _git(made, "-c", "core.autocrlf=false", "reset", "--quiet", "--hard")
        for each in made.iterdir():
            each.rename(folder / each.name)


def _git(repository: Path, *words: str) -> None:
    said(command("-C", os.fspath(repository), *words))


async def _import(repository: Path, stream: AsyncIterator[bytes]) -> None:
    words = ("fast-import", "--quiet", "--done", "--date-format=raw")
    with tempfile.TemporaryFile() as stderr:
        process = await asyncio.create_subprocess_exec(
            *command("-C", os.fspath(repository), *words),
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
        )
        assert process.stdin is not None
        try:
            await _feed(process.stdin, stream)
        except BaseException:
            process.kill()
            raise
        finally:
            await process.wait()
        if process.returncode:
            stderr.seek(0)
            raise git_history.failed(stderr.read(git_history.MAX_LINE))


async def _feed(stdin: asyncio.StreamWriter, stream: AsyncIterator[bytes]) -> None:
    try:
        async for octets in stream:
            stdin.write(octets)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        return  # git has ended; what it says of that is told
