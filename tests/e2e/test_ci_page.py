"""The scripts and pipelines of docs/ci.md run in a git repository, as the page shows them."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml
from tests.e2e.stack import FOO, Stack
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/ci.md").read_text()
BIN = Path(sys.executable).parent
CHANGED = FOO.replace("192.0.2.80", "192.0.2.81") + 'note TXT "```" "@everyone"\n'


def read_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def read_scripts() -> dict[str, str]:
    """Return the scripts of the page by their path."""
    paths = re.findall(r"^Save this as `([^`]+)`", PAGE, re.MULTILINE)
    return dict(zip(paths, read_blocks("sh"), strict=True))


def read_pipelines() -> tuple[Any, Any]:
    github, gitlab = map(yaml.safe_load, read_blocks("yaml"))
    return github, gitlab


def github_commands() -> list[str]:
    (job,) = read_pipelines()[0]["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


def gitlab_commands() -> list[str]:
    return list(read_pipelines()[1]["zones"]["script"])


def sh(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a pipeline does, in an environment without settings of zonegit."""
    clean = {key: value for key, value in os.environ.items() if "ZONEGIT" not in key}
    own = {"PATH": f"{BIN}:{clean['PATH']}", "TMPDIR": str(folder.parent), "ZONEGIT_TIMEOUT": "120"}
    return subprocess.run(
        ["sh", "-euc", command], env={**clean, **own, **environment}, cwd=folder,
        capture_output=True, text=True, timeout=4 * DEADLINE_S, check=False,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a clone whose main has two zones, and whose checked out branch changes one of them,
    adds one and deletes one."""
    folder = tmp_path / "repository"
    for path, text in read_scripts().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    zones = folder / "zones"
    zones.mkdir()
    for name in ("same.example", "changed.example", "deleted.example"):
        (zones / f"{name}.zone").write_text(FOO)
    identity = "git config user.name a && git config user.email a@example.net"
    commit = "git add -A && git commit -qm a"
    made = sh(folder, f"git init -q -b main && {identity} && {commit}")
    assert made.returncode == 0, made.stderr
    (zones / "changed.example.zone").write_text(CHANGED)
    (zones / "new.example.zone").write_text(FOO)
    (zones / "deleted.example.zone").unlink()
    made = sh(
        folder, f"git update-ref refs/remotes/origin/main main && git switch -qc c && {commit}"
    )
    assert made.returncode == 0, made.stderr
    return folder


def find_command(commands: list[str], script: str) -> str:
    (found,) = [each for each in commands if script in each]
    return found


@pytest.mark.parametrize(
    "commands", [github_commands(), gitlab_commands()], ids=["github", "gitlab"]
)
def test_a_pipeline_checks_the_files(repository: Path, commands: list[str]) -> None:
    command = find_command(commands, "check-zones.sh")
    done = sh(repository, command)
    assert done.returncode == 0, done.stderr
    assert "new.example. serial 1, 5 records, no findings\n" in done.stdout
    for name in ("new", "same"):
        (repository / f"zones/{name}.example.zone").write_text(FOO + "w A 1.2.3\n")
    done = sh(repository, command)
    assert done.returncode == 1
    for name in ("new", "same"):
        assert f"error: zones/{name}.example.zone:7: " in done.stdout


@pytest.mark.parametrize(
    "commands", [github_commands(), gitlab_commands()], ids=["github", "gitlab"]
)
def test_a_pipeline_shows_the_differences(repository: Path, commands: list[str]) -> None:
    environment = {"GITHUB_BASE_REF": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": "main"}
    done = sh(repository, find_command(commands, "diff-zones.sh"), **environment)
    assert done.returncode == 0, done.stderr
    text = (repository / "diff.md").read_text()
    assert text.startswith(
        "**2 changed RRsets of `changed.example.`**: 1 record removed, 2 added\n\n````diff\n"
    )
    assert "\n- api.changed.example. 300 IN A 192.0.2.80\n" in text
    assert '\n+ note.changed.example. 300 IN TXT "```" "@everyone"\n````\n' in text
    assert "**5 changed RRsets of `new.example.`**: 0 records removed, 5 added" in text
    assert text.endswith("**Deleted zone files: 1.**\n")
    assert "same.example" not in text
    assert [each.name for each in repository.parent.iterdir()] == ["repository"]


def test_a_pipeline_says_that_nothing_differs(repository: Path) -> None:
    done = sh(repository, "sh ci/diff-zones.sh HEAD")
    assert (done.returncode, done.stdout) == (0, "**No record differs.**\n"), done.stderr


@contextmanager
def serve_notes() -> Iterator[tuple[str, list[tuple[str, Mapping[str, str], bytes]]]]:
    """Yield the URL of a server that keeps the requests it gets, and these requests."""
    requests: list[tuple[str, Mapping[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            requests.append((self.path, headers, body))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_gitlab_gets_the_comment(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    (folder / "diff.md").write_text("**a**\n\n```diff\n+ a & b\n```\n")
    with serve_notes() as (url, requests):
        done = sh(
            folder, find_command(gitlab_commands(), "curl"), COMMENT_TOKEN="secret",
            CI_API_V4_URL=url, CI_PROJECT_ID="1", CI_MERGE_REQUEST_IID="2", no_proxy="*",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ((path, headers, body),) = requests
    assert path == "/projects/1/merge_requests/2/notes"
    assert headers["private-token"] == "secret"
    assert parse_qs(body.decode())["body"] == [(folder / "diff.md").read_text()]


def test_the_commands_against_a_stack_run(stack: Stack, tmp_path: Path) -> None:
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.ci.example"
    stack.zone(zone)
    file = tmp_path / "changed"
    file.write_text(CHANGED)
    section = PAGE.partition("\n## Against the running stack\n")[2]
    commands = re.findall(r"^    zonegit (.*)$", section, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        words = command.replace("--zone example.com", f"--zone {zone}")
        stack.run(*words.replace("zones/example.com.zone", str(file)).split())
    assert stack.answer(f"api.{zone}", "A") == ["192.0.2.81"]
