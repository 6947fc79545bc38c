"""Branches, tags and reflogs on the command line."""

import pytest
from tests.e2e.stack import Stack


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


@pytest.mark.usefixtures("zone")
def test_a_branch_is_renamed_and_head_follows(stack: Stack) -> None:
    stack.run("checkout", "-b", "canary")
    stack.run("set", "api", "A", "60", "192.0.2.81", "-m", "move api")
    assert "is now trial" in stack.run("branch", "-m", "canary", "trial").out
    listed = stack.json("branch")
    assert listed["current"] == "trial"
    assert {name: each["subject"] for name, each in listed["branches"].items()} == {
        "main": "import stdin",
        "trial": "move api",
    }
    assert stack.run("branch", "-m", "main", "trial", "--force", status=4).err
    assert "served from main" in stack.run("branch", "-m", "main", "live", status=7).err
    assert stack.run("branch", "-m", "canary", "x", status=3).err
    assert stack.run("branch", "-m", "canary", status=2).err
    assert stack.run("branch", "x", "-m", "trial", "y", status=2).err


@pytest.mark.usefixtures("zone")
def test_a_renamed_branch_that_becomes_main_is_served(stack: Stack) -> None:
    zone = stack.json("status")["zone"]
    stack.run("branch", "next")
    stack.run("set", "api", "A", "60", "192.0.2.81", "--branch", "next")
    stack.run("branch", "-m", "main", "before", "--force")
    stack.run("branch", "-m", "next", "main", "--wait")
    assert stack.answer(f"api.{zone}") == ["192.0.2.81"]


@pytest.mark.usefixtures("zone")
def test_a_tag_keeps_its_commit(stack: Stack) -> None:
    assert "no tag yet" in stack.run("tag").out
    first = stack.json("log")[0]["commit"]
    stack.run("set", "api", "A", "60", "192.0.2.81")
    stack.run("tag", "v1", "HEAD~1", "-m", "as agreed\n\nwith everybody")
    found = stack.json("tag")["tags"]["v1"]
    assert (found["commit"], found["subject"]) == (first, "as agreed")
    assert found["message"] == "as agreed\n\nwith everybody"
    assert found["tagger"]["name"]
    assert not found["signed"]
    (line,) = stack.run("tag").out.splitlines()
    assert line.startswith(f"v1  {first[:12]}  {found['tagger']['name']}")
    assert line.endswith("as agreed")
    assert stack.json("show", "api", "A", "v1")["rdata"] == ["192.0.2.80"]
    assert "--force" in stack.run("tag", "v1", "-m", "again", status=4).err
    assert stack.json("tag", "v1", "-m", "again", "--force")["commit"] != first
    stack.run("tag", "-d", "v1")
    assert stack.json("tag")["tags"] == {}
    assert stack.run("tag", "-d", "v1", status=3).err


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["tag", "v1"], 2, "-m TEXT"),
        (["tag", "v1", "-m", " "], 2, "-m TEXT"),
        (["tag", "-d"], 2, "NAME"),
        (["tag", "v1", "mian", "-m", "x"], 3, "mian"),
        (["tag", "v1.", "-m", "x"], 1, "v1."),
        (["reflog", "nope"], 3, "nope"),
        (["reflog", "-n", "0"], 2, "0"),
    ],
)
def test_an_error_about_a_tag_or_reflog_has_the_reason(
    stack: Stack, words: list[str], status: int, said: str
) -> None:
    failed = stack.run(*words, status=status)
    assert said in failed.err
    assert "Traceback" not in failed.err
    assert stack.json("tag")["tags"] == {}


def test_a_signed_tag_is_verified(stack: Stack, zone: str) -> None:
    key = stack.data.parent / f"key-{zone}"
    stack.run("keygen", str(key))
    stack.run("tag", "v1", "-m", "signed", "--sign", str(key))
    assert stack.json("tag")["tags"]["v1"]["signed"] is True
    assert stack.run("verify", "v1", "--key", f"{key}.pub").out


def test_a_reflog_shows_who_moved_a_branch_with_which_command(stack: Stack, zone: str) -> None:
    actor = stack.environment["ZONEGIT_ACTOR"]
    stack.run("set", "api", "A", "60", "192.0.2.81", "-m", "move api\n\nto the new rack")
    moves = stack.json("reflog")
    assert [(each["reason"], each["subject"]) for each in moves] == [
        ("set", "move api"),
        ("import", "import stdin"),
    ]
    assert {(each["zone"], each["branch"], each["actor"]) for each in moves} == {
        (zone, "main", actor)
    }
    assert (moves[0]["old"], moves[1]["old"]) == (moves[1]["new"], None)
    head, first, _ = stack.run("reflog", "main").out.splitlines()
    assert head.split() == ["REFISH", "#", "TIME", "ACTOR", "COMMAND", "FROM", "TO", "SUBJECT"]
    words = first.split()
    assert words[:2] == ["main@{0}", str(moves[0]["sequence"])]
    assert words[5:] == [actor, "set", moves[0]["old"][:12], moves[0]["new"][:12], "move", "api"]
    assert len(stack.json("reflog", "-n", "1")) == 1


@pytest.mark.usefixtures("zone")
def test_a_deleted_branch_is_restored_from_its_reflog(stack: Stack) -> None:
    stack.run("branch", "canary")
    stack.run("set", "api", "A", "60", "192.0.2.81", "--branch", "canary")
    stack.run("branch", "-d", "canary")
    was = stack.json("reflog", "canary")[0]["old"]
    stack.run("branch", "canary", was)
    assert stack.json("show", "api", "A", "canary")["rdata"] == ["192.0.2.81"]
    assert stack.json("show", "api", "A", "canary@{2}")["rdata"] == ["192.0.2.81"]
