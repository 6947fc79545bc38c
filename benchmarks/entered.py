"""Count the files and functions of zonegit that commands enter, in all processes.

``python -m benchmarks.entered [--program ZONEGIT] [--functions]`` measures ``set --wait``, ``undo``
and a ``merge`` that makes a commit. The processes are the command, the two stores and the resolver.
``--program`` names the ``zonegit`` of another environment, such as that of another commit, so that
two commits can be measured in turns. ``--functions`` lists the functions.

A function counts if each of :data:`RUNS` runs of the command enters it, so work that happens now
and then is left out. In the services, functions that the idle stack enters are left out too. Calls
are the entries into these functions, the median of the runs; a coroutine is entered again each time
it continues. No times are measured: counting makes every call several times slower.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import zones
from benchmarks.stack import ZONEGIT, make_environment

RUNS: Final = 5
SERVICES: Final = ("zonegit_objectstore", "zonegit_refs", "zonegit_resolver")
HOOK: Final = Path(__file__).with_name("entry_hook")
ZONE: Final = "small.test."
IDLE_S: Final = 5.0
"""The time in which the idle stack is observed: several heartbeats of each service."""
SETTLE_S: Final = 1.0
"""The time that the services have to finish after a command."""
REQUEST_TIMEOUT_S: Final = 10.0

Entries = Mapping[str, int]
"""Entries by function; a function is its module, name and line, separated by colons."""


@dataclass
class MeasuredCommand:
    """The entries of one command: for each run, those of each process."""

    name: str
    runs: list[dict[str, Entries]] = field(default_factory=list)
    modules: int = 0

    def find_functions(self, process: str) -> set[str]:
        """Return the functions that every run enters in a process."""
        return set.intersection(*(set(run.get(process, {})) for run in self.runs))

    def count_calls(self, process: str) -> int:
        """Return the entries into these functions, the median of the runs."""
        found = self.find_functions(process)
        return round(median(sum(run[process][each] for each in found) for run in self.runs))


class CountedStack:
    """A stack whose processes count the functions that they enter.

    Args:
        folder: holds the stack's data and the counts.
        program: the ``zonegit`` to run.
    """

    def __init__(self, folder: Path, program: str) -> None:
        self._program = program
        self._counts = folder / "counts"
        self._counts.mkdir()
        self._idle: dict[str, set[str]] = {}
        self._environment = {
            **make_environment(folder / "data"),
            "PYTHONPATH": str(HOOK),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ZONEGIT_ENTRIES": str(self._counts),
        }

    def run(self, *words: str) -> dict[str, Any]:
        """Run a command, and return its own counts.

        Raises:
            RuntimeError: it failed; the message has its standard error.
        """
        process = subprocess.Popen(
            [self._program, *words], env=self._environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _, errors = process.communicate()
        if process.returncode:
            raise RuntimeError(f"zonegit {' '.join(words)}: {errors.strip()}")
        counts = self._counts / f"{process.pid}.json"
        return dict(json.loads(counts.read_bytes()))

    def observe_idle(self) -> None:
        """Find the functions that the services enter without a command."""
        self._ask(b"reset")
        time.sleep(IDLE_S)
        self._idle = {name: set(entries) for name, entries in self._read_services().items()}

    def measure(self, command: MeasuredCommand, *words: str) -> None:
        """Run a command, and add the entries of all processes to ``command``."""
        self._ask(b"reset")
        counts = self.run(*words)
        time.sleep(SETTLE_S)
        found: dict[str, Entries] = {
            name: {each: n for each, n in entries.items() if each not in self._idle[name]}
            for name, entries in self._read_services().items()
        }
        command.runs.append({"command": counts["entries"], **found})
        command.modules = counts["modules"]

    def _read_services(self) -> dict[str, Entries]:
        found = map(json.loads, self._ask(b"read"))
        packages = [(Path(each["command"][0]).parent.name, each["entries"]) for each in found]
        return {name: entries for name, entries in packages if name in SERVICES}

    def _ask(self, request: bytes) -> list[bytes]:
        """Send a request to every process that runs, and return the answers."""
        answers = []
        for path in self._counts.glob("*.socket"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(REQUEST_TIMEOUT_S)
                try:
                    connection.connect(str(path))
                except ConnectionRefusedError:  # the process has ended
                    path.unlink()
                    continue
                connection.sendall(request)
                with connection.makefile("rb") as reader:
                    answers.append(reader.read())
        return answers


def measure(program: str) -> list[MeasuredCommand]:
    """Return the entries of ``set --wait``, ``undo`` and ``merge``."""
    setting, undoing, merging = (
        MeasuredCommand(name) for name in ("`set --wait`", "`undo`", "`merge`")
    )
    with tempfile.TemporaryDirectory(prefix="zonegit-entered-") as folder:
        zonefile = Path(folder, "small.zone")
        zonefile.write_text(zones.format_flat_zone(ZONE, 10))
        stack = CountedStack(Path(folder), program)
        stack.run("up", "--detach", "--listen", "127.0.0.1:0", "--log-level", "warning")
        try:
            stack.run("init", ZONE)
            stack.run("import", str(zonefile), "--wait")
            stack.run("branch", "canary")
            stack.observe_idle()
            for run in range(1, RUNS + 1):
                stack.measure(setting, "set", "h1", "A", "300", f"192.0.2.{run}", "--wait")
                stack.measure(undoing, "undo")
                stack.run("set", "h2", "A", "300", f"192.0.2.{run}", "--branch", "canary")
                stack.run("set", "h3", "A", "300", f"192.0.2.{run}")
                stack.measure(merging, "merge", "canary")
        finally:
            stack.run("down")
    return [setting, undoing, merging]


def format_table(commands: Sequence[MeasuredCommand]) -> str:
    """Return a Markdown table with a row for each command and process."""
    lines = ["| command | process | files | functions | calls |", "|---|---|---|---|---|"]
    for command in commands:
        functions: dict[str, set[str]] = {}
        calls: dict[str, int] = {}
        for process in command.runs[0]:
            functions[process] = command.find_functions(process)
            calls[process] = command.count_calls(process)
        functions["all"] = {each for found in functions.values() for each in found}
        calls["all"] = sum(calls.values())
        for process, found in functions.items():
            files = {each.partition(":")[0] for each in found}
            lines.append(
                f"| {command.name} | {process} | {len(files)} | {len(found)} | {calls[process]} |"
            )
        lines.append(f"| {command.name} | modules loaded by the command | {command.modules} | | |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure and print the table; return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.entered", description=__doc__)
    parser.add_argument("--program", default=ZONEGIT, help="the zonegit to run")
    parser.add_argument("--functions", action="store_true", help="list the functions")
    chosen = parser.parse_args(arguments)
    commands = measure(chosen.program)
    if chosen.functions:
        for command in commands:
            for process in command.runs[0]:
                for each in sorted(command.find_functions(process)):
                    print(f"{command.name}\t{process}\t{each}\t{command.runs[0][process][each]}")
    print(format_table(commands))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
