"""Run an interactive program on a pseudo-terminal, with keys typed by the test."""

import os
import pty
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import DEADLINE_S

READ_SIZE = 65_536


class Terminal:
    """The controlling end of a pseudo-terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.seen = ""
        """Everything that was printed."""

    def type(self, text: str) -> None:
        """Press these keys."""
        os.write(self._descriptor, text.encode())

    def wait_for(self, text: str, after: int = 0) -> int:
        """Wait until a text is printed.

        Returns:
            The position of its end in ``seen``.

        Raises:
            AssertionError: it is not printed.
        """
        deadline = time.monotonic() + DEADLINE_S
        while (at := self.seen.find(text, after)) < 0:
            ready, _, _ = select.select([self._descriptor], [], [], deadline - time.monotonic())
            assert ready, f"{text!r} was not printed, but {self.seen[after:]!r}"
            try:
                self.seen += os.read(self._descriptor, READ_SIZE).decode("utf-8", "replace")
            except OSError as ended:
                raise AssertionError(f"it ended: {self.seen!r}") from ended
        return at + len(text)


@contextmanager
def on_a_terminal(
    command: Sequence[str], env: Mapping[str, str], folder: Path
) -> Iterator[Terminal]:
    """Run a program on its own controlling terminal; it is killed at exit."""
    pid, descriptor = pty.fork()
    if pid == pty.CHILD:
        try:
            os.chdir(folder)
            os.execvpe(command[0], command, env)
        finally:
            os._exit(127)
    try:
        yield Terminal(descriptor)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)
