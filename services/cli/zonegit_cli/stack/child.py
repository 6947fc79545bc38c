"""One process of the stack: started on a leash, started again with back-off when it dies."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from zonegit.process import FILE_STATUS
from zonegit_cli.stack import die_with_parent

FIRST_BACK_OFF_S: Final = 0.1
LONGEST_BACK_OFF_S: Final = 5.0
STEADY_S: Final = 10.0
"""A process that ran this long is started again at once."""
STOP_S: Final = 5.0

OPEN_S: Final = 3.0
"""A service that ran this long has opened its store."""
RETRY_STORE_S: Final = 60.0
"""Until a store that cannot be opened is tried again, unless its file changes before."""
LOOK_S: Final = 0.5
FAILURE_LINES: Final = 20

Say = Callable[[str], None]


class StoreFailure(msgspec.Struct, frozen=True):
    """A line of a service's log that says which file of its own it cannot use."""

    event: str
    error: str
    file: str
    hint: str | None = None

    def describe(self) -> str:
        """Return what is wrong, and what to do."""
        return f"{self.error}; {self.hint}" if self.hint else self.error


class Child(msgspec.Struct):
    """A process to run: its command, its additional environment and its log. While a store
    cannot be opened, it is started again when its file has changed."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    is_store: bool = False
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    started: float = 0.0
    broken: StoreFailure | None = None

    def store_failure(self) -> StoreFailure | None:
        """Return why it cannot open its store; None: it runs, or has not said so."""
        is_open = self.process is not None and time.monotonic() - self.started > OPEN_S
        return None if is_open else self.broken

    def read_failure(self) -> StoreFailure | None:
        """Return the failure with which it ended, by its log; None: that has none with a file."""
        for line in reversed(self.last_words(FAILURE_LINES)):
            with suppress(msgspec.MsgspecError, RecursionError):
                found = msgspec.json.decode(line, type=StoreFailure)
                if found.event == "service.failed":
                    return found
        return None

    def last_words(self, lines: int = 5) -> list[str]:
        """The end of its log."""
        try:
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return []

    def send(self, signum: signal.Signals) -> None:
        """Sends it a signal, if it runs."""
        # The process and not its id, which is another's once that has ended.
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signum)


async def keep_running(child: Child, say: Say) -> None:
    """Runs a child for ever, until cancelled; then stops it and waits for its end."""
    back_off = FIRST_BACK_OFF_S
    while True:
        started = time.monotonic()
        status = await _run(child)
        if time.monotonic() - started > STEADY_S:
            back_off = FIRST_BACK_OFF_S
        has_failed = child.is_store and status == FILE_STATUS
        child.broken = child.read_failure() if has_failed else None
        if child.broken is not None:
            say(f"{child.name} cannot open its store: {child.broken.describe()}")
            await _wait_for_change(Path(child.broken.file))
            continue
        say(f"{child.name} ended with status {status}; starting it again in {back_off:g} s")
        await asyncio.sleep(back_off)
        back_off = min(back_off * 2, LONGEST_BACK_OFF_S)


async def _wait_for_change(file: Path) -> None:
    """Wait until a file is replaced or written, at most :data:`RETRY_STORE_S`."""
    before = _read_version(file)
    deadline = time.monotonic() + RETRY_STORE_S
    while time.monotonic() < deadline and _read_version(file) == before:  # noqa: ASYNC110 # a file
        await asyncio.sleep(LOOK_S)


def _read_version(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


async def _run(child: Child) -> int:
    with child.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            die_with_parent.__file__,
            str(os.getpid()),
            *child.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **child.environment},
            # A Ctrl-C in the terminal reaches the supervisor alone; it stops them in order.
            start_new_session=True,
        )
    child.process = process
    child.starts += 1
    child.started = time.monotonic()
    try:
        return await process.wait()
    finally:
        child.process = None
        if process.returncode is None:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
