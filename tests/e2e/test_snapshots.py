"""Whole outputs and exit statuses of the commands, compared with snapshots/*.txt.

Names, dates and keys are fixed, so ids are the same on every machine. Varying parts (ports, times
of the refs log, temporary files) are replaced by a word. With REWRITE_SNAPSHOTS=1 the files are
rewritten from the commands in them; review the difference before you commit it.
"""

import base64
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from difflib import unified_diff
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack
from tests.support import transcripts
from tests.support.commands import run_command
from tests.support.waiting import DEADLINE_S

from zonegit.objects import commit_signatures

SNAPSHOTS = sorted((Path(__file__).parent / "snapshots").glob("*.txt"))
REWRITE = "REWRITE_SNAPSHOTS"
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)

VARYING = (
    (re.compile(r"\b(operation|undo|redo) (?!f{12})[0-9a-f]{12}\b"), r"\1 ID"),
    (re.compile(r"127\.0\.0\.1:\d{2,}"), "127.0.0.1:PORT"),
    (re.compile(r"\b[0-9.]+ (ms|s)\b"), r"N \1"),
    (re.compile(r"\b\d+ days ago"), "N days ago"),
    (re.compile(r"\bid \d+\b"), "id N"),
    (re.compile(r'("(?:elapsed_ms|age_s|sequence)"): [0-9.]+'), r"\1: N"),
    (re.compile(r'("time"): \d+\.\d+'), r"\1: NOW"),
    (re.compile(r'("(?:epoch|operation|undone|redone|version)"): "[0-9a-f.]+"'), r'\1: "..."'),
    (re.compile(r"\d+  20(?!20)\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"), "N  NOW"),
    (re.compile(r"20(?!20)\d\d-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"), "NOW"),
    (re.compile(r"/\S*/zonegit-\w+/"), "TEMPORARY/"),
)
"""What differs from run to run, and what stands for it."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the current text of every transcript; all run in one stack, in order."""
    folder = tmp_path_factory.mktemp("snapshots")
    (folder / "foo.zone").write_text(FOO)
    key = commit_signatures.parse_signing_key(base64.b64encode(bytes(range(32))))
    (folder / "alice").touch(0o600)
    (folder / "alice").write_bytes(key.text())
    (folder / "alice.pub").write_bytes(commit_signatures.format_public_key(key.public))
    stack = Stack(folder / "data")
    stack.up()
    try:
        yield {path.name: replay(stack, folder, path) for path in SNAPSHOTS}
    finally:
        stack.down()


def replay(stack: Stack, folder: Path, path: Path) -> str:
    """Return a transcript with the current output of its commands."""
    names = {"bus": stack.record()["bus"]["url"].rpartition("@")[2].removeprefix("nats://")}
    day = BEGINNING + timedelta(days=int(path.name.partition("-")[0]))
    found = []
    for number, step in enumerate(transcripts.steps(path.read_text())):
        environment, (program, *words) = step.command(names)
        assert program in ("zonegit", "sed")
        fixed = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "TZ": "UTC", "LC_ALL": "C.UTF-8",
            "TMPDIR": str(folder), "COLUMNS": "100", "ZONEGIT_DATA": str(stack.data),
            "ZONEGIT_TIMEOUT": str(DEADLINE_S),
            "ZONEGIT_ACTOR": "alice", "ZONEGIT_AUTHOR_NAME": "Alice",
            "ZONEGIT_AUTHOR_EMAIL": "alice@example.net",
            "ZONEGIT_DATE": (day + timedelta(minutes=number)).isoformat(),
        }  # fmt: skip
        whole = {**fixed, **environment}
        if program == "zonegit":
            done = run_command(words, whole, step.stdin, DEADLINE_S, folder)
        else:
            done = subprocess.run(
                [program, *words], env=whole, cwd=folder,
                input=step.stdin, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
            )  # fmt: skip
        out, err = (mask_varying(text, folder) for text in (done.stdout, done.stderr))
        found.append(transcripts.text(step, out, err, done.returncode))
    return "\n".join(found)


def mask_varying(text: str, folder: Path) -> str:
    """Replace the parts of an output that differ from run to run."""
    for pattern, word in VARYING:
        text = pattern.sub(word, text)
    return text.replace(str(folder), "FOLDER")


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_outputs_match_the_snapshots(path: Path, said: dict[str, str]) -> None:
    now = said[path.name]
    if os.environ.get(REWRITE):
        path.write_text(now)
    was = path.read_text()
    if now != was:
        lines = unified_diff(was.splitlines(), now.splitlines(), str(path), "now", lineterm="")
        told = "\n".join(lines)
        pytest.fail(f"{told}\n\nis that meant? {REWRITE}=1 writes it", pytrace=False)
