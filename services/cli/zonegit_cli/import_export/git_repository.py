"""Create a git repository from a fast-import stream, or continue an earlier export.

A new repository is created in a temporary folder and moved into place when it is complete. In an
earlier export the branch moves when the stream is complete; after an error it does not move.
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
from zonegit_cli.import_export.git_history import make_command, make_environment, run_git
from zonegit_cli.workspace.paths import PlacedZone

STAGING: Final = ".zonegit-"

# Names that git never checks out, or that git fsck reports as an attack, because Windows or macOS
# would resolve them to .git, .gitmodules and the like; a backslash is a separator there.
_NOT_FOR_GIT: Final = re.compile(r"(?:^|[/\\])(?:\.git|git~\d|gi[0-9a-z]{0,4}~\d)", re.IGNORECASE)


def check_paths(placed: Iterable[PlacedZone]) -> None:
    """Check that git can store the files of all zones.

    Raises:
        Invalid: see :func:`check_path`.
    """
    for each in placed:
        check_path(each)


def check_path(placed: PlacedZone) -> None:
    """Check that git can store the file of a zone.

    Raises:
        Invalid: git refuses such a path.
    """
    if _NOT_FOR_GIT.search(placed.path):
        raise Invalid(
            f"git cannot store the path {placed.path!r} of {names.text(placed.zone)}",
            hint="name the other zones to export; zonegit export prints this one",
        )


Stream = Callable[[str], AsyncIterator[bytes]]
"""Returns the stream for a git branch (``git_export.iter_stream``)."""


def is_earlier_export(folder: Path) -> bool:
    """Return whether the folder holds an earlier export; False if it does not exist or is empty.

    Raises:
        Invalid: it has other files, is not a folder, or has uncommitted changes or settings that
            would run a program.
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
    """Create a repository from a stream and check out its files, or continue an earlier export.

    Raises:
        Conflict: the branch has commits that are not in the stream.
        Invalid: git refuses the stream.
        NotFound: git is not installed.
    """
    if is_earlier_export(folder):
        with earlier_export.continue_export(folder):
            await _import(folder, stream(earlier_export.STAGING_REF))
    else:
        with _stage(folder) as repository:
            await _import(repository, stream(BRANCH))


@contextmanager
def _stage(folder: Path) -> Iterator[Path]:
    """Yield an empty repository in a temporary folder; check out its files and move it to
    ``folder`` at the end. After an error it is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=STAGING) as staging:
        repository = Path(staging) / "repository"
        run_git(make_command("init", "--quiet", "--template=", os.fspath(repository)))
        _run_git(repository, "symbolic-ref", "HEAD", BRANCH)
        yield repository
        _run_git(repository, "-c", "core.autocrlf=false", "reset", "--quiet", "--hard")
        for each in repository.iterdir():
            each.rename(folder / each.name)


def _run_git(repository: Path, *words: str) -> None:
    run_git(make_command("-C", os.fspath(repository), *words))


async def _import(repository: Path, stream: AsyncIterator[bytes]) -> None:
    words = ("fast-import", "--quiet", "--done", "--date-format=raw")
    with tempfile.TemporaryFile() as stderr:
        process = await asyncio.create_subprocess_exec(
            *make_command("-C", os.fspath(repository), *words),
            env=make_environment(),
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
            raise git_history.git_error(stderr.read(git_history.MAX_LINE))


async def _feed(stdin: asyncio.StreamWriter, stream: AsyncIterator[bytes]) -> None:
    try:
        async for octets in stream:
            stdin.write(octets)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        return  # git exited; its message is reported by the caller
