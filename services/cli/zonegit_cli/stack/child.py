"""One process of the stack, which is restarted with back-off when it exits."""

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

from zonegit.back_off import BackOff
from zonegit.process import FILE_STATUS, USAGE_STATUS
from zonegit_cli.stack import die_with_parent

MIN_BACK_OFF_S: Final = 0.1
MAX_BACK_OFF_S: Final = 5.0
STEADY_S: Final = 10.0
"""Running time after which the back-off is reset."""
STOP_TIMEOUT_S: Final = 5.0
"""Time to exit after SIGTERM, before SIGKILL."""

OPEN_S: Final = 3.0
"""Running time after which a service has opened its store."""
RETRY_FILE_S: Final = 60.0
"""Time until a process is started again that cannot use a file, its store or its configuration,
unless the file changes before."""
POLL_INTERVAL_S: Final = 0.5
FAILURE_LINES: Final = 20

Note = Callable[[str], None]
"""Prints a note to the operator."""


class StoreFailure(msgspec.Struct, frozen=True):
    """A line of a service's log about a file of its store that it cannot use."""

    event: str
    error: str
    file: str
    hint: str | None = None

    def describe(self) -> str:
        """Return the error and its hint."""
        return f"{self.error}; {self.hint}" if self.hint else self.error


class Child(msgspec.Struct):
    """A process of the stack. If its store cannot be opened, it is restarted when the store's file
    changed.

    Args:
        name: its name in the stack.
        command: the command line.
        environment: variables in addition to those of the supervisor.
        log: the file for its output.
        is_store: whether it has a store to open.
        config: its configuration file, which may be missing; None if it has none.
        process: the running process; None if it does not run.
        starts: how many times it was started.
        started: the monotonic time of its last start, in seconds.
        broken: the failure to open its store with which it last exited; None if there is none.
        has_bad_config: whether it last exited because of its configuration file.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    is_store: bool = False
    config: Path | None = None
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    started: float = 0.0
    broken: StoreFailure | None = None
    has_bad_config: bool = False

    def find_store_failure(self) -> StoreFailure | None:
        """Return why it cannot open its store; None if it runs or no such failure is known."""
        is_open = self.process is not None and time.monotonic() - self.started > OPEN_S
        return None if is_open else self.broken

    def read_failure(self) -> StoreFailure | None:
        """Return the failure of its store from its log; None if the log has none."""
        for line in reversed(self.read_log_tail(FAILURE_LINES)):
            with suppress(msgspec.MsgspecError, RecursionError):
                found = msgspec.json.decode(line, type=StoreFailure)
                if found.event == "service.failed":
                    return found
        return None

    def read_log_tail(self, lines: int = 5) -> list[str]:
        """Return the last lines of its log."""
        try:
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return []

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        # Not os.kill: the id may be that of another process after it exited.
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signum)


async def keep_running(child: Child, note: Note) -> None:
    """Run a child and restart it when it exits, until cancelled; then stop it and wait for it."""
    back_off = BackOff(MIN_BACK_OFF_S, MAX_BACK_OFF_S)
    while True:
        started = time.monotonic()
        status = await _run(child)
        if time.monotonic() - started > STEADY_S:
            back_off.reset()
        has_failed = child.is_store and status == FILE_STATUS
        child.broken = child.read_failure() if has_failed else None
        if child.broken is not None:
            note(f"{child.name} cannot open its store: {child.broken.describe()}")
            await _wait_for_change(Path(child.broken.file))
            continue
        config = child.config if status == USAGE_STATUS else None
        child.has_bad_config = config is not None
        if config is not None:
            # A restart with the same file would fail again.
            error = "".join(child.read_log_tail(1)).removeprefix("Error: ")
            note(f"{child.name} waits for a valid configuration file: {error}")
            await _wait_for_change(config)
            continue
        note(f"{child.name} exited with status {status}; restarting it in {back_off.pause_s:g} s")
        await asyncio.sleep(back_off.pause_s)
        back_off.grow()


async def _wait_for_change(file: Path) -> None:
    """Wait until a file is replaced or written, or :data:`RETRY_FILE_S` passed."""
    before = _read_version(file)
    deadline = time.monotonic() + RETRY_FILE_S
    while time.monotonic() < deadline and _read_version(file) == before:  # noqa: ASYNC110 # a file
        await asyncio.sleep(POLL_INTERVAL_S)


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
            # Ctrl-C in the terminal must reach the supervisor only; it stops the children in order.
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
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
