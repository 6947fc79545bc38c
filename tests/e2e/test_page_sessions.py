"""The commands of README.md and docs/tutorial.md print the output that these pages show.

Every command is run in the order of its page, in a stack of its own. Names and dates of commits are
fixed, so commit ids are the same on every machine. With REWRITE_SNAPSHOTS=1 an output that differs
is written into the page; review the difference before you commit it.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from pathlib import Path

import pytest
from tests.e2e.stack import BIN
from tests.support.console import Command, SavedFile, parse_session, replace_outputs
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/tutorial.md")
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
        self.commands = 0
        self.port = DEFAULT_PORT
        self.home.mkdir()
        self.folder.mkdir()

    def run(self, line: str) -> list[str]:
        """Run a command line in a shell, and return the lines of its output."""
        self.commands += 1
        done = subprocess.run(
            ["/bin/sh", "-c", line.replace(UP, f"{UP} --listen 127.0.0.1:0")],
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
        )
        if found := re.search(r"-p (\d+)", done.stdout):
            self.port = found[1]
        text = re.sub(rf"(127\.0\.0\.1:|-p ){self.port}\b", rf"\g<1>{DEFAULT_PORT}", done.stdout)
        return text.replace(str(self.home), HOME).rstrip().splitlines()

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
            "ZONEGIT_DATE": (FIRST_DATE + timedelta(minutes=self.commands)).isoformat(),
            "ZONEGIT_TIMEOUT": str(DEADLINE_S),
        }

    def stop(self) -> None:
        """Stop the stack, if it still runs."""
        if (self.home / ".local/share/zonegit/stack.json").exists():
            self.run("zonegit down")


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


@pytest.mark.parametrize("name", PAGES)
def test_the_commands_of_a_page_print_what_the_page_shows(name: str, session: Session) -> None:
    path = ROOT / name
    page = path.read_text()
    shown = page.splitlines()
    differing: dict[Command, list[str]] = {}
    for step in parse_session(page):
        if isinstance(step, SavedFile):
            (session.folder / step.name).write_text(step.text)
            continue
        output = session.run(step.line)
        before = shown[step.first : step.end]
        if mask_varying(output) != mask_varying(before):
            differing[step] = keep_shown(output, before)
    assert session.commands > 0
    if differing and os.environ.get(REWRITE):
        path.write_text(replace_outputs(page, differing))
    elif differing:
        report = unified_diff(
            shown, replace_outputs(page, differing).splitlines(), name, "printed", lineterm=""
        )
        text = "\n".join(report)
        pytest.fail(f"{text}\n\nif that is intended, {REWRITE}=1 writes it", pytrace=False)
