"""The record of a running stack in its data folder, by which other commands find it.

``stack.json`` has the addresses and the passwords of the local bus, and is readable by its owner
only. ``stack.lock`` is locked while the stack runs: a pid alone does not show that, as it is
reused.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from zonegit import config
from zonegit.errors import Conflict, Invalid
from zonegit.files import replace_file
from zonegit_cli.stack import folder

LOCK_FILE: Final = "stack.lock"
VERSION: Final = 1


class StackRecord(msgspec.Struct, frozen=True):
    """A running stack.

    Args:
        pid: the process id of the supervisor.
        bus: the URL of the bus, and the password of each user.
        dns: the addresses of the resolvers.
        metrics: the address of the metrics; None if they are not served.
        resolvers: the number of resolvers.
        ready: whether all services answer, except the degraded ones.
        degraded: the services that cannot open their stores, with the error.
        version: the version of this format.
        start: the start time of the supervisor; None if it is not known.
    """

    pid: int
    bus: dict[str, Any]
    dns: list[str]
    metrics: str | None
    resolvers: int
    ready: bool = False
    degraded: dict[str, str] = {}
    version: int = VERSION
    start: int | None = None


def list_resolver_names(number: int) -> list[str]:
    """Return the names of the resolvers of a stack."""
    return [f"resolver-{each + 1}" for each in range(number)]


def write(data: Path, record: StackRecord) -> None:
    """Replace the record atomically."""
    text = json.dumps(msgspec.structs.asdict(record), indent=2)
    replace_file(data / config.STACK_FILE, text.encode())


def remove(data: Path) -> None:
    """Remove the record."""
    (data / config.STACK_FILE).unlink(missing_ok=True)


@contextmanager
def lock(data: Path) -> Iterator[None]:
    """Hold the lock of a data folder, which is created if it does not exist.

    Raises:
        Conflict: a stack runs there already.
        Invalid: the folder cannot be used, or belongs to another program; says why.
    """
    try:
        folder.claim(data)
        file = (data / LOCK_FILE).open("a")
    except OSError as error:
        raise Invalid(
            f"cannot keep data in {data}: {error.strerror}",
            hint="use another folder: --data, or ZONEGIT_DATA",
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"a stack runs from {data} already",
                hint="stop it with zonegit down, or start another stack with --data",
            ) from error
        yield


def is_running(data: Path) -> bool:
    """Return whether a supervisor holds the lock of the folder."""
    try:
        with (data / LOCK_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such folder, or not a data folder
        return False
    return False
