"""Completion in a shell on Tab: it offers existing names, is quick, and never fails."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.e2e.stack import BIN, Stack
from tests.support.waiting import DEADLINE_S


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with the branches main and canary and the tag v1."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    stack.run("branch", "canary")
    stack.run("tag", "v1", "-m", "first")
    return f"{zone}."


def complete(stack: Stack, line: str) -> list[str]:
    """Return the completions of the last word of ``line``; standard error must be empty."""
    words = line.split(" ")
    env = {
        "_ZONEGIT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
    }
    if "ZONEGIT_NATS_URL" not in stack.environment:  # there is a bus to wait for
        env["ZONEGIT_COMPLETION_TIMEOUT"] = str(DEADLINE_S)
    said = stack.run(env=env)
    assert said.err == ""
    return [item.partition(",")[2] for item in said.out.splitlines() if item]


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("zonegit ex", ["export"]),
        ("zonegit checkout ", ["canary", "main"]),
        ("zonegit log ma", ["main"]),
        ("zonegit export ", ["HEAD", "canary", "main", "v1"]),
        ("zonegit diff main...c", ["main...canary"]),
        ("zonegit set www A 60 192.0.2.1 --branch c", ["canary"]),
        ("zonegit set www aa", ["AAAA"]),
        ("zonegit tag ", ["v1"]),
        ("zonegit merge --no", ["--no-sign"]),
        ("zonegit zone ", ["add", "list", "remove", "switch"]),
        ("zonegit import ex", ["ex"]),  # a file: the shell completes it
    ],
)
def test_existing_names_are_completed(stack: Stack, line: str, words: list[str]) -> None:
    assert complete(stack, line) == words


def test_zones_are_completed_with_their_branches(stack: Stack, zone: str) -> None:
    assert complete(stack, f"zonegit status --zone {zone[:-4].upper()}") == [zone]
    other = Stack(stack.data, {"ZONEGIT_ACTOR": "somebody-else"})
    assert complete(other, f"zonegit log --zone {zone} can") == ["canary"]


def test_without_a_stack_completion_is_empty_and_silent(tmp_path: Path) -> None:
    nowhere = Stack(tmp_path, {"ZONEGIT_NATS_URL": "nats://127.0.0.1:1"})
    assert complete(nowhere, "zonegit checkout ") == []
    assert complete(nowhere, "zonegit export H") == ["HEAD"]
    (tmp_path / "stack.json").write_text("{")
    assert complete(Stack(tmp_path), "zonegit checkout ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(stack: Stack, shell: str) -> None:
    script = stack.run("completion", shell).out
    assert f"_ZONEGIT_COMPLETE={shell}_complete" in script
    assert stack.json("completion", shell)["script"].strip() == script.strip()


def test_bash_completes_with_the_script(stack: Stack, zone: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    said = subprocess.run(
        [bash, "--norc", "-c", 'eval "$(zonegit completion bash)"; COMP_WORDS=(zonegit checkout c)'
         ' COMP_CWORD=2; _zonegit_completion zonegit c checkout; echo "${COMPREPLY[@]}"'],
        env={"PATH": f"{BIN}:/usr/bin:/bin", "ZONEGIT_DATA": str(stack.data),
             "ZONEGIT_COMPLETION_TIMEOUT": str(DEADLINE_S), **stack.environment},
        capture_output=True, text=True, timeout=DEADLINE_S, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["canary"]
    assert zone
