"""Services as real processes, to be killed as the kernel kills them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import DEADLINE_S


class ServiceProcess:
    """``python -m zonegit_<name>``, started again over the same data as often as wanted."""

    def __init__(self, name: str, url: str, data: Path, arguments: Sequence[str] = ()) -> None:
        self.name = name
        self._arguments = arguments
        self.log = data / f"{name}.log"
        self._env = {**os.environ, "ZONEGIT_NATS_URL": url, "ZONEGIT_DATA": str(data)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it may not answer yet."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"zonegit_{self.name}", *self._arguments],
                env=self._env,
                stderr=log,
            )

    def kill(self) -> None:
        """SIGKILL: it runs no instruction more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=DEADLINE_S)

    def wait(self) -> int:
        """The exit status, once it ends by itself."""
        assert self._process is not None
        return self._process.wait(timeout=DEADLINE_S)


@contextmanager
def service_process(
    name: str, url: str, data: Path, arguments: Sequence[str] = ()
) -> Iterator[ServiceProcess]:
    """A service that runs meanwhile."""
    process = ServiceProcess(name, url, data, arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
