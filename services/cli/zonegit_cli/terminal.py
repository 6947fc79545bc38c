"""The HEAD that this terminal session used last.

An operator has one HEAD, so a command in another terminal redirects the commands of this one. To
detect that, the HEAD that the commands of a session used is stored in a small file below the
operator's state folder, one for each session, with an entry for each installation.

A session is identified by its id and the start time of its leader, because ids are reused, and by
the boot id, because both are reused after a boot. They are read from /proc; without it, and without
a terminal, nothing is stored. No command needs the file. It is read up to a bound, never through a
link, and only from a folder that no other user may write to; a damaged file counts as missing.
"""

import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

FOLDER: Final = "terminals"
MAX_OCTETS: Final = 16 * 1024
"""Octets of a file."""
MAX_PLACES: Final = 32
"""Installations in a file; the entry that was written longest ago is dropped first."""
MAX_LISTED: Final = 1_000
"""Files that are examined for removal when one is added."""
MAX_AGE_S: Final = 7 * 86_400
"""Age at which a file is removed if it is unknown whether its session still exists."""

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD: Final = 19
"""Index in /proc/PID/stat after the command's name (proc(5): field 22, starttime)."""

TerminalKey = tuple[str, str]
"""A zone and a branch, as text."""


class Terminal(msgspec.Struct, frozen=True):
    """A terminal session; ``start`` is the start time of its leader, in ticks since the boot."""

    boot: str
    session: int
    start: int

    @property
    def name(self) -> str:
        """Return the name of the session's file."""
        return f"{self.boot}-{self.session}-{self.start}"


def find_terminal() -> Terminal | None:
    """Return the terminal session of this process; None if there is none or it is not known."""
    if not (os.isatty(0) or os.isatty(2)):
        return None
    session = os.getsid(0)
    start = find_start(session)
    boot = find_boot()
    return Terminal(boot, session, start) if boot is not None and start is not None else None


def find_boot() -> str | None:
    """Return the id of this boot; None if it is not known."""
    try:
        return _BOOT.read_text().replace("-", "").strip()
    except OSError:
        return None


def find_start(process: int) -> int | None:
    """Return the start time of a process, in ticks since the boot; None if there is no process."""
    try:
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[_START_FIELD])
    except (OSError, ValueError, IndexError):
        return None


def read(state_folder: Path, terminal: Terminal, installation: str) -> TerminalKey | None:
    """Return the HEAD that a session used last in an installation; None if it is not known."""
    try:
        folder = _open_folder(state_folder, make=False)
    except OSError:
        return None
    try:
        return _read(folder, terminal.name).get(installation)
    finally:
        os.close(folder)


def write(
    state_folder: Path, terminal: Terminal, installation: str, place: TerminalKey | None
) -> None:
    """Store the HEAD that a session used; None removes it. Errors are ignored."""
    with suppress(OSError):
        folder = _open_folder(state_folder, make=True)
        try:
            known = _read(folder, terminal.name)
            if not known:
                _clean(folder, terminal)
            known.pop(installation, None)
            kept = dict(list(known.items())[-(MAX_PLACES - 1) :])
            added = {installation: place} if place is not None else {}
            _replace(folder, terminal.name, msgspec.json.encode({**kept, **added}))
        finally:
            os.close(folder)


def _open_folder(state_folder: Path, *, make: bool) -> int:
    """Open the folder and return its descriptor.

    Raises:
        OSError: it does not exist, or other users may write to it.
    """
    path = state_folder / FOLDER
    if make:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, _FOLDER)
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        os.close(descriptor)
        raise PermissionError(f"other users may write to {path}")
    return descriptor


def _read(folder: int, name: str) -> dict[str, TerminalKey]:
    try:
        with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                return {}
            return msgspec.json.decode(file.read(MAX_OCTETS), type=dict[str, TerminalKey])
    except (OSError, msgspec.DecodeError, RecursionError):
        return {}


def _replace(folder: int, name: str, octets: bytes) -> None:
    """Replace a file atomically."""
    temporary = f".{secrets.token_hex(8)}"
    descriptor = os.open(temporary, _NEW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _clean(folder: int, terminal: Terminal) -> None:
    """Delete the files of sessions that ended, and old files if that is not known."""
    oldest = time.time() - MAX_AGE_S
    for name in os.listdir(folder)[:MAX_LISTED]:
        boot, _, rest = name.partition("-")
        session, _, start = rest.partition("-")
        if boot == terminal.boot and session.isdecimal():
            ended = str(find_start(int(session))) != start
        else:
            ended = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < oldest
        if ended:
            os.unlink(name, dir_fd=folder)
