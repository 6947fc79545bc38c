"""What a stack records of itself below its data folder, so that every other command finds it.

``stack.json`` holds addresses and the local bus's passwords and is readable by its owner only;
``stack.lock`` is held for as long as the stack runs, which a pid alone could not tell.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from zonegit import config
from zonegit.errors import Conflict, Invalid
from zonegit.files import replace_file
from zonegit_cli.stack import folder

LOCK_FILE = "stack.lock"
VERSION = 1


class StackRecord(msgspec.Struct, frozen=True):
    """A running stack: its supervisor's pid and when that started (None: not known), its bus with
    a password for each role, where it answers DNS, where it serves metrics (None: nowhere).
    ``ready`` once everything answers but what is ``degraded``: the services that cannot open their
    stores, with the reason."""

    pid: int
    bus: dict[str, Any]
    dns: list[str]
    metrics: str | None
    resolvers: int
    ready: bool = False
    degraded: dict[str, str] = {}
    version: int = VERSION
    start: int | None = None


def resolver_names(number: int) -> list[str]:
    """What the resolvers of a stack call themselves."""
    return [f"resolver-{each + 1}" for each in range(number)]


def write(data: Path, record: StackRecord) -> None:
    """Replaces the record as a whole: a reader sees the old or the new one."""
    text = json.dumps(msgspec.structs.asdict(record), indent=2)
    replace_file(data / config.STACK_FILE, text.encode())


def remove(data: Path) -> None:
    """Forgets the stack."""
    (data / config.STACK_FILE).unlink(missing_ok=True)


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Holds the lock of a data folder, which is made if need be.

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
            hint="name a folder of your own: --data, or ZONEGIT_DATA",
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(
                f"a stack runs from {data} already",
                hint="zonegit down stops it; --data starts another one beside it",
            ) from error
        yield


def is_running(data: Path) -> bool:
    """Whether a supervisor holds the folder's lock."""
    try:
        with (data / LOCK_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such folder, or none of ours
        return False
    return False
