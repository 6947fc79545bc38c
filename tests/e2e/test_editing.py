"""zonegit edit with a scripted editor."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from tests.e2e.stack import Stack


@pytest.fixture
def zone(stack: Stack, tmp_path: Path) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    stack.environment["TMPDIR"] = str(tmp_path)
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


def make_editor(old: str, new: str, *, first: str = "pass") -> dict[str, str]:
    """Return an editor that runs the command ``first`` and then replaces ``old`` by ``new``."""
    program = (
        "import pathlib, subprocess, sys; path = pathlib.Path(sys.argv[-1]);"
        f"{first};"
        f"path.write_text(path.read_text().replace({old!r}, {new!r}))"
    )
    return {"VISUAL": shlex.join([sys.executable, "-c", program])}


def run_before(*words: str) -> str:
    """Return the code with which the editor runs another command first."""
    command = [str(Path(sys.executable).parent / "zonegit"), *words]
    return f"subprocess.run({command!r}, check=True, capture_output=True)"


def test_a_saved_text_is_one_commit_and_is_served(stack: Stack, zone: str) -> None:
    said = stack.run("edit", "--wait", env=make_editor("192.0.2.80", "192.0.2.81"))
    assert "(1 -> 2)" in said.out
    assert stack.answer(f"api.{zone}") == ["192.0.2.81"]
    assert stack.json("log")[0]["message"] == "edit"


@pytest.mark.usefixtures("zone")
def test_an_unchanged_text_commits_nothing(stack: Stack) -> None:
    assert "nothing to commit" in stack.run("edit", env={"VISUAL": "true"}).out
    assert "nothing to commit" in stack.run("edit", env={"EDITOR": "truncate -s 0"}).out


@pytest.mark.usefixtures("zone")
def test_an_invalid_text_is_kept_and_commits_nothing(stack: Stack) -> None:
    before = stack.run("rev-parse", "HEAD").out
    said = stack.run("edit", env=make_editor("192.0.2.80\n", "192.0.2.800\n"), status=1)
    assert "192.0.2.800" in said.err
    kept = re.search(r"kept in (\S+)", said.err)
    assert kept is not None
    assert "192.0.2.800" in Path(kept[1]).read_text()
    assert stack.run("rev-parse", "HEAD").out == before


def test_concurrent_commits_of_others_are_kept(stack: Stack, zone: str) -> None:
    first = run_before("set", "new", "A", "300", "192.0.2.5")
    stack.run("edit", env=make_editor("192.0.2.80", "192.0.2.81", first=first))
    assert stack.json("show", "new", "A")["rdata"] == ["192.0.2.5"]
    assert stack.json("show", "api", "A")["rdata"] == ["192.0.2.81"]
    assert stack.json("log")[1]["message"] == "set new A"
    assert stack.json("status")["zone"] == zone


@pytest.mark.usefixtures("zone")
def test_an_rrset_changed_concurrently_is_a_conflict_and_the_text_is_kept(stack: Stack) -> None:
    first = run_before("set", "api", "A", "300", "192.0.2.5")
    said = stack.run("edit", env=make_editor("192.0.2.80", "192.0.2.81", first=first), status=4)
    assert "1 conflict" in said.out
    assert "kept in" in said.err
    assert stack.json("show", "api", "A")["rdata"] == ["192.0.2.5"]


@pytest.mark.usefixtures("zone")
def test_a_dry_run_of_edit_shows_the_diff_and_keeps_the_text(stack: Stack) -> None:
    said = stack.run("edit", "--dry-run", env=make_editor("192.0.2.80", "192.0.2.81"))
    assert "192.0.2.81" in said.out
    assert "kept in" in said.err
    assert stack.json("show", "api", "A")["rdata"] == ["192.0.2.80"]


def test_the_text_is_committed_to_the_branch_that_was_opened(stack: Stack, zone: str) -> None:
    stack.run("branch", "canary")
    first = run_before("checkout", "canary")
    stack.run("edit", env=make_editor("192.0.2.80", "192.0.2.81", first=first))
    assert stack.json("show", "api", "A", "main")["rdata"] == ["192.0.2.81"]
    assert stack.json("show", "api", "A", "canary")["rdata"] == ["192.0.2.80"]
    assert stack.json("status")["zone"] == zone
