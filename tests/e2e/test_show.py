"""zonegit show of a commit, and of an RRset at a commit."""

from pathlib import Path

import pytest
from tests.e2e.stack import Stack


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


def test_a_commit_is_shown_with_its_header_and_changes(stack: Stack, zone: str) -> None:
    stack.environment |= {"ZONEGIT_AUTHOR_NAME": "Ada", "ZONEGIT_AUTHOR_EMAIL": "ada@example.com"}
    stack.run("set", "api", "A", "60", "192.0.2.81", "-m", "move api\n\nfor good")
    lines = stack.run("show").out.splitlines()
    commit = stack.run("rev-parse", "HEAD").out.strip()
    assert lines[0] == f"commit {commit} (HEAD -> main)"
    assert lines[1] == "Author: Ada <ada@example.com>"
    assert lines[2].startswith("Date:   ")
    assert lines[3:] == [
        "",
        "    move api",
        "    ",
        "    for good",
        "",
        f"- api.{zone} 300 IN A 192.0.2.80",
        f"+ api.{zone} 60 IN A 192.0.2.81",
        "",
    ]
    said = stack.json("show", "HEAD")
    assert (said["commit"], said["serial"], said["zone"]) == (commit, 2, zone)
    assert [(each["name"], each["type"]) for each in said["changes"]] == [(f"api.{zone}", "A")]


def test_the_first_commit_is_shown_with_every_record(stack: Stack, zone: str) -> None:
    patch = [line for line in stack.run("show").out.splitlines() if line.startswith(("+", "-"))]
    assert len(patch) == 5
    assert all(line.startswith("+ ") for line in patch)
    assert patch[0].startswith(f"+ {zone} 300 IN ")


@pytest.mark.usefixtures("zone")
def test_a_merge_is_shown_against_its_first_parent(stack: Stack) -> None:
    stack.run("branch", "canary")
    stack.run("set", "a", "A", "300", "192.0.2.1")
    stack.run("set", "b", "A", "300", "192.0.2.2", "--branch", "canary")
    stack.run("merge", "canary")
    said = stack.run("show").out
    assert "\nMerge:  " in said
    assert [line for line in said.splitlines() if line.startswith(("+", "-"))] == [
        f"+ b.{stack.environment['ZONEGIT_ACTOR']}.example. 300 IN A 192.0.2.2"
    ]


@pytest.mark.usefixtures("zone")
def test_a_signed_commit_is_shown_with_its_signer(stack: Stack, tmp_path: Path) -> None:
    stack.run("keygen", str(tmp_path / "alice"))
    stack.run("sign-commit", "--key", str(tmp_path / "alice"))
    assert "\nTrust:  signed (to verify: zonegit verify)\n" in stack.run("show").out
    stack.environment["ZONEGIT_TRUSTED_KEYS"] = str(tmp_path)
    assert "\nTrust:  signed by alice (" in stack.run("show").out


def test_a_commit_of_another_zone_needs_the_name_of_its_zone(stack: Stack, zone: str) -> None:
    commit = stack.run("rev-parse", "HEAD").out.strip()
    stack.zone(f"other-{zone}")
    assert zone in stack.run("show", commit, status=1).err
    assert stack.json("show", f"{zone}:{commit}")["zone"] == zone


@pytest.mark.usefixtures("zone")
def test_an_rrset_is_shown_at_any_commit(stack: Stack) -> None:
    stack.run("set", "api", "A", "300", "192.0.2.81")
    assert stack.json("show", "api", "A")["rdata"] == ["192.0.2.81"]
    assert stack.json("show", "api", "A", "HEAD~1")["rdata"] == ["192.0.2.80"]
    stack.run("show", "api", status=3)


@pytest.mark.usefixtures("zone")
def test_control_characters_in_a_message_are_escaped(stack: Stack) -> None:
    stack.run("set", "api", "A", "300", "192.0.2.81", "-m", "fine \x1b[2J\x1b]0;owned\x07")
    for words in (["show"], ["log"], ["log", "--oneline"], ["status"], ["cat-object", "HEAD"]):
        out = stack.run(*words).out
        assert "<1b>[2J<1b>]0;owned<07>" in out
        assert "\x1b" not in out
