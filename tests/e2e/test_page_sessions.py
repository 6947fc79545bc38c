"""The commands of README.md, docs/tutorial.md and docs/how-to print the output that the pages show.

Every command is run in the order of its page, in a folder and stack of its own; exported variables
stay. Addresses with a port in a page become free ports of the loopback address, so several hosts
are processes of this machine. A page with the comment ``<!-- continues PAGE -->`` begins where the
session of the other page ends. Blocks that are not ``console`` are not run: the page says so where
a step needs another program or root. Names and dates of commits are fixed, so commit ids are the
same on every machine. With REWRITE_SNAPSHOTS=1 an output that differs
is written into the page; review the difference before you commit it.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from pathlib import Path

import pytest
from tests.e2e.stack import BIN
from tests.support.console import Command, SavedFile, parse_session, replace_outputs
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/tutorial.md",
    *sorted(
        str(path.relative_to(ROOT))
        for path in (ROOT / "docs/how-to").glob("*.md")
        if "```console" in path.read_text()
    ),
)
CONTINUES = re.compile(r"<!-- continues ([\w-]+\.md) -->")
ADDRESS = re.compile(r"\b((?:192\.0\.2|127\.0\.0)\.\d+)([:@])(\d{2,5})\b")
REWRITE = "REWRITE_SNAPSHOTS"
FIRST_DATE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOME = "/home/alice"
"""The home folder that pages show."""

UP = "zonegit up --detach"
"""Pages start the stack on the default port; a test adds --listen for a free one."""
DEFAULT_PORT = "5300"

VARYING = (
    (re.compile(r"nats://127\.0\.0\.1:\d+"), "nats://127.0.0.1:PORT"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"(resolver-\d+|ns\d) +"), r"\1 "),
    (re.compile(r"  +"), "  "),
    (re.compile(r"\bid \d+\b"), "id N"),
    (re.compile(r"\b[0-9.]+ (ms|s|GiB)\b"), r"N \1"),
    (re.compile(r"\b\d+ \w+ ago\b"), "N ago"),
    (re.compile(r"\bversion [0-9][\w.+-]*"), "version N"),
    (re.compile(r"\b(operation|undo|redo) [0-9a-f]{12}\b"), r"\1 ID"),
    (re.compile(r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"), "DATE"),
    (re.compile(r"(N s) +"), r"\1 "),
)
"""Text that differs from run to run, and its replacement."""


class Session:
    """A stack, and a folder for the commands of one page."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder / "zones"
        self.exported = folder / "exported"
        self.commands = 0
        self.port = DEFAULT_PORT
        self.ports: dict[tuple[str, str], int] = {}
        self.groups: list[int] = []
        self.home.mkdir()
        self.folder.mkdir()
        self.exported.touch()

    def run(self, line: str) -> list[str]:
        """Run a command line in a shell, and return the lines of its output."""
        self.commands += 1
        line = self.map_addresses(line)
        if UP in line and "--listen" not in line:
            line = line.replace(UP, f"{UP} --listen 127.0.0.1:0")
        date = (FIRST_DATE + timedelta(minutes=self.commands)).isoformat()
        script = (
            f". {self.exported}\nexport ZONEGIT_DATE={date}\n{line}\nexport -p > {self.exported}"
        )
        with subprocess.Popen(
            ["/bin/sh", "-c", script],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as shell:
            self.groups.append(shell.pid)
            try:
                printed, _ = shell.communicate(timeout=2 * DEADLINE_S)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGKILL)
                raise
        if found := re.search(r"-p (\d+)", printed):
            self.port = found[1]
        text = re.sub(rf"(127\.0\.0\.1:|-p ){self.port}\b", rf"\g<1>{DEFAULT_PORT}", printed)
        text = self._show_addresses(text)
        return text.replace(str(self.home), HOME).rstrip().splitlines()

    def map_addresses(self, text: str) -> str:
        """Replace the addresses of a page by free ports of the loopback address."""

        def choose(found: re.Match[str]) -> str:
            key = (found[1], found[3])
            if key == ("127.0.0.1", DEFAULT_PORT):
                return f"{found[1]}{found[2]}{self.port}"
            port = self.ports.setdefault(key, 0) or free_port()
            self.ports[key] = port
            return f"127.0.0.1{found[2]}{port}"

        return ADDRESS.sub(choose, text)

    def _show_addresses(self, text: str) -> str:
        for (address, port), chosen in self.ports.items():
            text = text.replace(f"127.0.0.1:{chosen}", f"{address}:{port}")
        return text

    def _environment(self) -> dict[str, str]:
        """Return the environment of an operator whose commits are a minute apart."""
        return {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "LOGNAME": "alice",
            "USER": "alice",
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "ZONEGIT_AUTHOR_EMAIL": "alice@example.net",
            "ZONEGIT_TIMEOUT": str(DEADLINE_S),
        }

    def stop(self) -> None:
        """Stop the stack, if it still runs, and the processes that commands left."""
        if (self.home / ".local/share/zonegit/stack.json").exists():
            self.run("zonegit down")
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session(tmp_path)
    yield session
    session.stop()


def mask_varying(lines: list[str]) -> list[str]:
    """Replace the parts of lines that differ from run to run."""
    text = "\n".join(lines)
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text.split("\n") if lines else []


def keep_shown(printed: list[str], shown: list[str]) -> list[str]:
    """Return the printed lines, except that a shown line stays if only its varying parts differ.

    A rewritten page thus keeps its ids, dates and ports.
    """
    waiting: dict[str, list[str]] = {}
    for line, key in zip(shown, mask_varying(shown), strict=True):
        waiting.setdefault(key, []).append(line)
    keys = mask_varying(printed)
    return [
        waiting[key].pop(0) if waiting.get(key) else line
        for line, key in zip(printed, keys, strict=True)
    ]


def run_page(path: Path, session: Session) -> dict[Command, list[str]]:
    """Run the session of a page, and return the outputs that differ from those it shows."""
    page = path.read_text()
    shown = page.splitlines()
    differing: dict[Command, list[str]] = {}
    if found := CONTINUES.search(page):
        run_page(path.parent / found[1], session)
    for step in parse_session(page):
        if isinstance(step, SavedFile):
            (session.folder / step.name).write_text(session.map_addresses(step.text))
            continue
        output = session.run(step.line)
        before = shown[step.first : step.end]
        if mask_varying(output) != mask_varying(before):
            differing[step] = keep_shown(output, before)
    return differing


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_a_page_print_what_the_page_shows(name: str, session: Session) -> None:
    path = ROOT / name
    differing = run_page(path, session)
    page = path.read_text()
    shown = page.splitlines()
    assert session.commands > 0
    if differing and os.environ.get(REWRITE):
        path.write_text(replace_outputs(page, differing))
    elif differing:
        report = unified_diff(
            shown, replace_outputs(page, differing).splitlines(), name, "printed", lineterm=""
        )
        text = "\n".join(report)
        pytest.fail(f"{text}\n\nif that is intended, {REWRITE}=1 writes it", pytrace=False)
