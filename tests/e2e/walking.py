"""A walk through a running stack: commands as an operator types them, each result checked.

Prints each command and its output as an operator would see them, and says after each step what was
checked. Whatever it started is stopped in any case.
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


class Failed(Exception):
    """A check failed: the walkthrough goes no further."""


class Walkthrough:
    """Runs commands against one stack and keeps the score."""

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
        """Says what comes next."""
        print(f"\n== {title} ==", flush=True)

    def run(
        self, words: str, *, shown: int = SHOWN_LINES, fails_with: int = 0, echoed: bool = True
    ) -> str:
        """Runs a command line, prints it (where it is to be ``echoed``) and what it says; its
        status must be as expected."""
        if echoed:
            print(f"$ {words}", flush=True)
        done = self._carried_out(shlex.split(words))
        lines = (done.stdout + done.stderr).splitlines()
        for line in lines[:shown]:
            print(f"  {line}")
        if len(lines) > shown:
            print(f"  ... {len(lines) - shown} more lines")
        if done.returncode != fails_with:
            raise Failed(f"{words!r} exited with {done.returncode}, not {fails_with}")
        return done.stdout

    def ask(self, words: str) -> Any:
        """The JSON answer of a command that is not shown: for checks and for waiting."""
        done = self._carried_out(["zonegit", *shlex.split(words), "--json"])
        if done.returncode:
            raise Failed(f"zonegit {words}: {done.stderr.strip()}")
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
        """Shows a query and returns the RDATA of its answer."""
        return self.run(f"zonegit query {words} --short").split("\n")[:-1]

    def check(self, what: str, holds: bool) -> None:
        """Counts a check, or ends the walkthrough."""
        print(f"  {'ok' if holds else 'FAILED'}: {what}", flush=True)
        if not holds:
            raise Failed(what)
        self.checks += 1

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """Waits for something that another process does; a check."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.check(what, holds())

    def serial(self) -> int:
        """The serial that is served for foo.com."""
        return int(self.records(f"foo.com SOA @{self.dns}")[0].split()[2])

    def resolver(self, name: str, words: str) -> tuple[subprocess.Popen[bytes], str]:
        """Starts a resolver of our own beside the stack's, and returns it with its address."""
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
        self.until(f"{name} answers on {address}", lambda: answers(address))
        return process, address

    def stop(self) -> None:
        """Stops whatever runs."""
        for process in self.started:
            end(process)
        if (self.folder / "data" / "stack.json").exists():
            self.run("zonegit down")


def remember_addresses(walk: Walkthrough) -> None:
    stack = json.loads((walk.folder / "data" / "stack.json").read_text())
    walk.dns, walk.metrics = stack["dns"][0], stack["metrics"]


def blamed(walk: Walkthrough, words: str) -> set[str]:
    """The commits that ``zonegit blame`` names for records."""
    rrsets = walk.ask(f"blame {words}")
    return {record["commit"] for rrset in rrsets for record in rrset["records"]}


def answers(address: str) -> bool:
    """Whether something answers a DNS query there, whatever it says."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        try:
            sock.connect((host, int(port)))
            sock.send(b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x03foo\x03com\0\0\x06\0\x01")
            return sock.recv(512)[:2] == b"\x12\x34"
        except OSError:
            return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Stops one process that was started here."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def walkthrough() -> Iterator[Walkthrough]:
    with tempfile.TemporaryDirectory(prefix="zonegit-demo-") as folder:
        walk = Walkthrough(Path(folder))
        try:
            yield walk
        finally:
            walk.step("Stop")
            walk.stop()
