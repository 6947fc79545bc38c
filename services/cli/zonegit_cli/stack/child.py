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

from zonegit_cli.stack import leash

FIRST_BACK_OFF_S: Final = 0.1
LONGEST_BACK_OFF_S: Final = 5.0
STEADY_S: Final = 10.0
"""A process that ran this long is started again at once."""
STOP_S: Final = 5.0
LOG_OCTETS: Final = 10_000_000
"""A log longer than this is set aside as ``.1`` when the stack starts."""

Say = Callable[[str], None]


class Child(msgspec.Struct):
    """What to run, with what environment beside ours, and where its output goes."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    pid: int | None = None
    starts: int = 0

    def last_words(self, lines: int = 5) -> list[str]:
        """The end of its log."""
        try:
            return self.log.read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return []

    def send(self, signum: signal.Signals) -> None:
        """Sends it a signal, if it runs."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)

    def set_log_aside(self) -> None:
        """Keeps the log of earlier runs within bounds."""
        if self.log.exists() and self.log.stat().st_size > LOG_OCTETS:
            self.log.replace(self.log.with_suffix(".log.1"))


async def keep_running(child: Child, say: Say) -> None:
    """Runs a child for ever, until cancelled; then stops it and waits for its end."""
    back_off = FIRST_BACK_OFF_S
    while True:
        started = time.monotonic()
        status = await _run(child)
        if time.monotonic() - started > STEADY_S:
            back_off = FIRST_BACK_OFF_S
        say(f"{child.name} ended with status {status}; starting it again in {back_off:g} s")
        await asyncio.sleep(back_off)
        back_off = min(back_off * 2, LONGEST_BACK_OFF_S)


async def _run(child: Child) -> int:
    with child.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            leash.__file__,
            str(os.getpid()),
            *child.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **child.environment},
            # A Ctrl-C in the terminal reaches the supervisor alone; it stops them in order.
            start_new_session=True,
        )
    child.pid = process.pid
    child.starts += 1
    try:
        return await process.wait()
    finally:
        child.pid = None
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
