"""A walk through a running stack: commands as an operator types them, with checked results.

It prints each command with its output, and after each step the checks. All processes that it
started are stopped in any case.
"""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S

BIN = Path(sys.executable).parent
SHOWN_LINES = 30


class CheckFailed(Exception):
    """A check failed, and the walkthrough ends."""


class Walkthrough:
    """Run commands against one stack, and count the checks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checks = 0
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ZONEGIT_")},
            "ZONEGIT_DATA": str(folder / "data"),
            "XDG_STATE_HOME": str(folder / "state"),
            "ZONEGIT_ACTOR": "alice",
            "ZONEGIT_TIMEOUT": str(DEADLINE_S),
            "ZONEGIT_AUTHOR_EMAIL": "alice@example.net",
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        }
        self.dns = ""
        self.metrics = ""
        self.started: list[subprocess.Popen[bytes]] = []

    def step(self, title: str) -> None:
        """Print the title of the next step."""
        print(f"\n== {title} ==", flush=True)

    def run(
        self, words: str, *, shown: int = SHOWN_LINES, fails_with: int = 0, echoed: bool = True
    ) -> str:
        """Run a command line, and print it (if ``echoed``) and its output.

        Raises:
            Failed: its exit status is not ``fails_with``.
        """
        if echoed:
            print(f"$ {words}", flush=True)
        done = self._carried_out(shlex.split(words))
        lines = (done.stdout + done.stderr).splitlines()
        for line in lines[:shown]:
            print(f"  {line}")
        if len(lines) > shown:
            print(f"  ... {len(lines) - shown} more lines")
        if done.returncode != fails_with:
            raise CheckFailed(f"{words!r} exited with {done.returncode}, not {fails_with}")
        return done.stdout

    def ask(self, words: str) -> Any:
        """Return the JSON document of a command that is not printed, for checks and for waiting."""
        done = self._carried_out(["zonegit", *shlex.split(words), "--json"])
        if done.returncode:
            raise CheckFailed(f"zonegit {words}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _carried_out(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        program, *arguments = words
        return subprocess.run(
            [str(BIN / program), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def records(self, words: str) -> list[str]:
        """Print a query, and return the RDATA of its answer."""
        return self.run(f"zonegit query {words} --short").split("\n")[:-1]

    def check(self, what: str, holds: bool) -> None:
        """Count a check that holds, or end the walkthrough."""
        print(f"  {'ok' if holds else 'FAILED'}: {what}", flush=True)
        if not holds:
            raise CheckFailed(what)
        self.checks += 1

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Wait for a change made by another process; this counts as a check."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.check(what, holds())

    def serial(self) -> int:
        """Return the served serial of foo.com."""
        return int(self.records(f"foo.com SOA @{self.dns}")[0].split()[2])

    def resolver(self, name: str, words: str) -> tuple[subprocess.Popen[bytes], str]:
        """Start a resolver next to the stack's, and return it with its address."""
        address = f"127.0.0.1:{free_port()}"
        command = f"zonegit-resolver --name {name} --listen {address} {words}".strip()
        print(f"$ {command} &", flush=True)
        arguments = shlex.split(command)
        arguments[0] = str(BIN / arguments[0])
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                arguments, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        self.started.append(process)
        self.until(f"{name} answers on {address}", lambda: is_answering(address))
        return process, address

    def stop(self) -> None:
        """Stop all processes that still run."""
        for process in self.started:
            stop_process(process)
        if (self.folder / "data" / "stack.json").exists():
            self.run("zonegit down")


def remember_addresses(walk: Walkthrough) -> None:
    stack = json.loads((walk.folder / "data" / "stack.json").read_text())
    walk.dns, walk.metrics = stack["dns"][0], stack["metrics"]


def list_blamed(walk: Walkthrough, words: str) -> set[str]:
    """Return the commits that ``zonegit blame`` names for records."""
    rrsets = walk.ask(f"blame {words}")
    return {record["commit"] for rrset in rrsets for record in rrset["records"]}


def is_answering(address: str) -> bool:
    """Return whether a DNS query to this address gets any answer."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        try:
            sock.connect((host, int(port)))
            sock.send(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03foo\x03com\0\0\x06\0\x01")
            return sock.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Stop one process that the walkthrough started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def open_walkthrough() -> Iterator[Walkthrough]:
    with tempfile.TemporaryDirectory(prefix="zonegit-demo-") as folder:
        walk = Walkthrough(Path(folder))
        try:
            yield walk
        finally:
            walk.step("Stop")
            walk.stop()
