"""zonegit status: the state of a zone at a glance."""

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


def test_status_shows_the_tip_its_author_and_its_resolvers(stack: Stack, zone: str) -> None:
    stack.environment |= {"ZONEGIT_AUTHOR_NAME": "Ada", "ZONEGIT_AUTHOR_EMAIL": "ada@example.com"}
    stack.run("set", "api", "A", "300", "192.0.2.81", "--wait")
    lines = stack.run("status").out.splitlines()
    assert lines[0] == f"{stack.environment['ZONEGIT_ACTOR']} on main of {zone}"
    assert lines[1].endswith(" serial 2  set api A")
    assert lines[2].startswith("by Ada <ada@example.com>, ")
    assert lines[3:] == ["resolver-1 serves this commit"]


@pytest.mark.usefixtures("zone")
def test_status_shows_the_distance_of_a_branch_from_main(stack: Stack) -> None:
    stack.run("checkout", "-b", "canary")
    assert "at the same commit as main" in stack.run("status").out
    stack.run("set", "a", "A", "300", "192.0.2.1")
    assert "1 commit ahead of main" in stack.run("status").out
    stack.run("set", "b", "A", "300", "192.0.2.1", "--branch", "main")
    stack.run("set", "c", "A", "300", "192.0.2.1", "--branch", "main")
    assert "1 commit ahead of main, 2 behind" in stack.run("status").out
    said = stack.json("status")
    assert (said["ahead_of_main"], said["behind_main"]) == (1, 2)
    assert "resolver-1 serves" in stack.run("status").out


@pytest.mark.usefixtures("zone")
def test_status_shows_whether_the_tip_is_signed(stack: Stack, tmp_path: Path) -> None:
    assert stack.json("status")["signature"] is None
    stack.run("keygen", str(tmp_path / "alice"))
    stack.run("sign-commit", "--key", str(tmp_path / "alice"))
    assert "\nsigned (to verify: zonegit verify)" in stack.run("status").out
    stack.environment["ZONEGIT_TRUSTED_KEYS"] = str(tmp_path)
    assert "\nsigned by alice (" in stack.run("status").out
    stack.run("set", "a", "A", "300", "192.0.2.1")
    assert "\nnot signed\n" in stack.run("status").out


def test_status_of_a_zone_without_a_commit_names_the_next_step(stack: Stack) -> None:
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.run("init", zone)
    assert (
        "no commit yet, so the zone is not served: zonegit import FILE" in stack.run("status").out
    )
    assert stack.json("status")["commit"] is None


@pytest.mark.usefixtures("zone")
def test_status_on_a_branch_that_another_operator_deleted_names_those_that_exist(
    stack: Stack,
) -> None:
    stack.run("checkout", "-b", "canary")
    other = {"ZONEGIT_ACTOR": f"{stack.environment['ZONEGIT_ACTOR']}-2"}
    zone = stack.json("status")["zone"]
    delete = ("branch", "-d", "canary", "--zone", zone, "--force", "--reason", "test")
    stack.run(*delete, env=other)
    said = stack.run("status").out
    assert "no branch canary exists; the zone has main: zonegit checkout BRANCH" in said
    assert "no commit yet" not in said
    assert stack.json("status")["commit"] is None
