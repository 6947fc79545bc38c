"""A real stack and the real command, as an operator has them."""

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
class Said:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


@dataclass
class Stack:
    """A stack's data folder and the commands run against it."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(
        self, *words: str, status: int = 0, stdin: str | None = None, env: Mapping[str, str] = {}
    ) -> Said:
        """Runs ``zonegit``; its exit status must be as expected."""
        clean = {key: value for key, value in os.environ.items() if "ZONEGIT" not in key}
        whole = {**clean, **self._own(), **self.environment, **env}
        done = run_command(words, whole, stdin, timeout=2 * DEADLINE_S)
        assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
        return Said(done.returncode, done.stdout, done.stderr)

    def _own(self) -> dict[str, str]:
        """Where this stack is, what its operators left unfinished, and time for slow machines."""
        return {
            "ZONEGIT_DATA": str(self.data),
            "XDG_STATE_HOME": str(self.state),
            "ZONEGIT_TIMEOUT": str(DEADLINE_S),
        }

    @property
    def state(self) -> Path:
        """What operators' own machines keep."""
        return self.data.with_name(f"{self.data.name}-state")

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """What a command says with ``--json``."""
        return json.loads(self.run(*words, "--json", stdin=stdin).out)

    def up(self, *words: str) -> dict[str, Any]:
        """Starts the stack on a free port and returns what it says of itself."""
        return dict(self.json("up", "--detach", "--listen", "127.0.0.1:0", *words))

    def down(self) -> None:
        """Stops it, if it runs."""
        if (self.data / "stack.json").exists():
            self.run("down")

    def zone(self, zone: str, text: str = FOO) -> None:
        """Registers a zone and imports it; every resolver serves it afterwards."""
        self.run("init", zone)
        self.run("import", "-", "--zone", zone, "--wait", stdin=text)

    def record(self) -> dict[str, Any]:
        """The stack's record."""
        return dict(json.loads((self.data / "stack.json").read_text()))

    def answer(self, *words: str) -> list[str]:
        """The RDATA that the stack's resolver answers with."""
        return self.run("query", *words, "--short").out.splitlines()

    def processes(self) -> dict[int, str]:
        """Every process started with this stack's data folder, with its command line."""
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
        """The one process whose command line holds ``words``."""
        (pid,) = [pid for pid, line in self.processes().items() if words in line]
        return pid


def until(holds: Callable[[], bool], otherwise: str = "waited too long") -> None:
    """Waits for something that another process does; ``otherwise`` is said when it does not.

    Raises:
        AssertionError: it did not.
    """
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
