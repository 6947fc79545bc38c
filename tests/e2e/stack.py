"""A real stack and the real command, as operators use them."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.commands import run_command
from tests.support.waiting import DEADLINE_S

BIN = Path(sys.executable).parent

FOO = """\
$TTL 300
@     IN SOA ns1 admin 1 7200 3600 1209600 300
      IN NS  ns1
ns1   IN A   192.0.2.1
api   IN A   192.0.2.80
www   IN CNAME api
"""


@dataclass(frozen=True)
class CommandOutput:
    """The output of a command and its exit status."""

    status: int
    out: str
    err: str


@dataclass
class Stack:
    """The data folder of a stack, and the commands that run against it."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(
        self, *words: str, status: int = 0, stdin: str | None = None, env: Mapping[str, str] = {}
    ) -> CommandOutput:
        """Run ``zonegit``, and check its exit status."""
        clean = {key: value for key, value in os.environ.items() if "ZONEGIT" not in key}
        whole = {**clean, **self._own(), **self.environment, **env}
        done = run_command(words, whole, stdin, timeout=2 * DEADLINE_S)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return CommandOutput(done.returncode, done.stdout, done.stderr)

    def _own(self) -> dict[str, str]:
        """Return the location of this stack, of its operators' state, and a timeout for slow
        machines."""
        return {
            "ZONEGIT_DATA": str(self.data),
            "XDG_STATE_HOME": str(self.state),
            "ZONEGIT_TIMEOUT": str(DEADLINE_S),
        }

    @property
    def state(self) -> Path:
        """Return the folder that stands for the state folder of operators' own machines."""
        return self.data.with_name(f"{self.data.name}-state")

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """Return the JSON document of a command."""
        return json.loads(self.run(*words, "--json", stdin=stdin).out)

    def doctor(self) -> list[dict[str, Any]]:
        """Return the results of ``zonegit doctor``, whether a check fails or not."""
        environment = {**os.environ, **self._own(), **self.environment}
        done = run_command(("doctor", "--json"), environment, None, timeout=2 * DEADLINE_S)
        assert done.returncode in (0, 1), done.stderr
        return list(json.loads(done.stdout))

    def up(self, *words: str) -> dict[str, Any]:
        """Start the stack on a free port, and return its JSON document."""
        return dict(self.json("up", "--detach", "--listen", "127.0.0.1:0", *words))

    def down(self) -> None:
        """Stop the stack, if it runs."""
        if (self.data / "stack.json").exists():
            self.run("down")

    def zone(self, zone: str, text: str = FOO) -> None:
        """Register a zone and import it; every resolver serves it afterwards."""
        self.run("init", zone)
        self.run("import", "-", "--zone", zone, "--wait", stdin=text)

    def record(self) -> dict[str, Any]:
        """Return the stack's record."""
        return dict(json.loads((self.data / "stack.json").read_text()))

    def answer(self, *words: str) -> list[str]:
        """Return the RDATA in the answer of the stack's resolver."""
        return self.run("query", *words, "--short").out.splitlines()

    def processes(self) -> dict[int, str]:
        """Return the processes started with this stack's data folder, with their command lines."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1")
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            mine = f"ZONEGIT_DATA={self.data}\0".encode() in environment
            if words and int(entry.name) != os.getpid() and (mine or str(self.data) in words):
                found[int(entry.name)] = words.strip()
        return found

    def pid_of(self, words: str) -> int:
        """Return the id of the only process with ``words`` in its command line."""
        (pid,) = [pid for pid, line in self.processes().items() if words in line]
        return pid


def wait_until(holds: Callable[[], bool], otherwise: str = "waited too long") -> None:
    """Wait until another process makes ``holds`` true.

    Raises:
        AssertionError: it did not; ``otherwise`` is the message.
    """
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
