"""Run services as real processes, which tests can kill with SIGKILL."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import DEADLINE_S


class ServiceProcess:
    """``python -m zonegit_<name>``, which can be restarted with the same data."""

    def __init__(self, name: str, url: str, data: Path, arguments: Sequence[str] = ()) -> None:
        self.name = name
        self._arguments = arguments
        self.log = data / f"{name}.log"
        self._env = {**os.environ, "ZONEGIT_NATS_URL": url, "ZONEGIT_DATA": str(data)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it may not answer yet."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"zonegit_{self.name}", *self._arguments],
                env=self._env,
                stderr=log,
            )

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """Stop the process with SIGTERM, and return its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=DEADLINE_S)

    def wait(self) -> int:
        """Wait until the process exits, and return its exit status."""
        assert self._process is not None
        return self._process.wait(timeout=DEADLINE_S)


@contextmanager
def run_service(
    name: str, url: str, data: Path, arguments: Sequence[str] = ()
) -> Iterator[ServiceProcess]:
    """Run a service from entry to exit."""
    process = ServiceProcess(name, url, data, arguments)
    process.start()
    try:
        yield process
    finally:
        process.kill()
