"""Commands that look into the history of names, and restore from it."""

import json

import pytest
from tests.e2e.stack import Stack

ZONE = "past.example."
ADA = {"ZONEGIT_AUTHOR_NAME": "Ada", "ZONEGIT_AUTHOR_EMAIL": "ada@example.net"}


@pytest.fixture(scope="module")
def stack(shared_stack: Stack) -> Stack:
    """Return the stack for an operator with a zone in which api had three addresses."""
    stack = Stack(shared_stack.data, {"ZONEGIT_ACTOR": "historian"} | ADA)
    stack.zone(ZONE)
    for number in (81, 82):
        stack.run("set", "api", "A", "300", f"192.0.2.{number}", "-m", f"move api to {number}")
    return stack


def test_restore_makes_one_commit_that_says_what(stack: Stack) -> None:
    source = stack.run("rev-parse", "HEAD~2").out.strip()
    stack.run("branch", "restoring")
    words = ("restore", "api", "a", "--from", "HEAD~2", "--branch", "restoring")
    preview = stack.json(*words, "--dry-run")
    assert (preview["committed"], preview["verdict"]["accepted"]) == (False, True)
    made = stack.json(*words, "--wait")
    assert made["changes"] == preview["changes"]
    assert [each["new"]["rdata"] for each in made["changes"]] == [["192.0.2.80"]]
    (latest, *_) = stack.json("log", "restoring")
    assert latest["message"] == f"restore api A from {source[:12]} (HEAD~2)"
    assert latest["parents"] == [stack.run("rev-parse", "main").out.strip()]
    again = stack.run("restore", "api", "A", "--from", source, "--branch", "restoring")
    assert again.out == f"nothing to restore: api of {ZONE} restoring has these records already\n"


def test_restore_says_that_a_name_did_not_exist(stack: Stack) -> None:
    stack.run("branch", "fresh")
    stack.run("set", "new", "A", "300", "192.0.2.9", "--branch", "fresh")
    done = stack.run("restore", "new", "--from", "fresh~1", "--branch", "fresh")
    assert "new.past.example. did not exist at" in done.err
    assert "- new.past.example. 300 IN A 192.0.2.9" in done.out


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("restore", "nosuch", "--from", "HEAD~1"), 3, "neither now nor at"),
        (("restore", "@", "SOA", "--from", "HEAD~1"), 1, "serial must not decrease"),
        (("restore", "api", "A"), 2, "missing option '--from'"),
    ],
)
def test_restore_refuses(stack: Stack, words: tuple[str, ...], status: int, text: str) -> None:
    done = stack.run(*words, status=status)
    assert not done.out
    assert text in done.err


def test_undo_takes_the_commit_that_log_and_blame_print(stack: Stack) -> None:
    stack.run("branch", "undoing")
    stack.run("set", "www2", "A", "300", "192.0.2.7", "--branch", "undoing")
    stack.run("set", "www3", "A", "300", "192.0.2.8", "--branch", "undoing")
    latest, before = (each["commit"] for each in stack.json("log", "undoing", "-n", "2"))
    refused = stack.run("undo", before[:12], status=4)
    command = next(part for part in refused.err.split(";") if "undo the latest one first" in part)
    stack.run(*command.partition("zonegit ")[2].split())
    undone = stack.json("undo", before[:12])
    assert [each["ref"] for each in undone["refs"]] == ["refs/heads/past.example./undoing"]
    assert latest != before
    assert not stack.run("diff", "main", "undoing").out.count("192.0.2")


def test_log_takes_a_name_a_type_and_both_with_a_refish(stack: Stack) -> None:
    whole = [each["message"] for each in json.loads(stack.run("log", "--json", "--", "api").out)]
    assert whole[:2] == ["move api to 82", "move api to 81"]
    for words in (
        ("api",),
        ("api", "A"),
        ("main", "api"),
        ("main", "api", "a"),
        ("api.past.example.",),
    ):
        assert [each["message"] for each in stack.json("log", *words)] == whole
    assert stack.json("log", "api", "AAAA") == []
    assert [each["message"] for each in stack.json("log", "HEAD~1", "api")] == whole[1:]
    assert len(stack.json("log", "main")) == 3
    assert stack.json("log", "@")[0]["parents"] == []


def test_log_limits_the_patch_to_the_name(stack: Stack) -> None:
    first = stack.json("log", "-p", "api")[-1]
    assert {each["name"] for each in first["changes"]} == {"api.past.example."}


def test_log_takes_times(stack: Stack) -> None:
    assert len(stack.json("log", "--since", "1.hour.ago")) == 3
    assert stack.json("log", "--until", "1.hour.ago") == []
    assert stack.json("log", "--since", "2100-01-01") == []
    assert "is not a time" in stack.run("log", "--since", "3", status=1).err


def test_log_refuses_a_word_that_is_nothing(stack: Stack) -> None:
    assert "is not a branch, tag or commit" in stack.run("log", "nosuch", status=3).err
    assert "is not a branch" in stack.run("log", "nosuch~1", status=3).err
    assert "--graph cannot" in stack.run("log", "--graph", "api", status=2).err
    assert "--graph cannot" in stack.run("log", "--graph", "--since", "yesterday", status=2).err


def test_op_log_says_what_was_done_and_since_when(stack: Stack) -> None:
    stack.run("branch", "proposed")
    bob = {"ZONEGIT_AUTHOR_NAME": "Bob", "ZONEGIT_AUTHOR_EMAIL": "bob@example.net"}
    words = ("set", "lb", "A", "300", "192.0.2.30", "-m", "third lb", "--branch", "proposed")
    stack.run(*words, env=bob)
    (made,) = stack.json("op", "log", "-n", "1", "--zone", ZONE)
    assert (made["reason"], made["message"], made["author"]) == ("set", "third lb", "Bob")
    assert (made["zone"], made["actor"]) == (ZONE, "historian")
    shown = stack.run("op", "log", "-n", "1", "--zone", ZONE).out
    assert "\n    set lb A: third lb (author Bob)\n" in shown
    assert made["summary"] == "set lb A: third lb"
    assert len(stack.json("op", "log", "--zone", ZONE, "--since", "1.hour.ago")) > 3
    assert stack.json("op", "log", "--zone", ZONE, "--since", "2100-01-01") == []


def test_history_lists_values_with_from_to_author_and_commit(stack: Stack) -> None:
    values = stack.json("history", "api", "A")
    assert [each["rdata"] for each in values] == [[f"192.0.2.{n}"] for n in (82, 81, 80)]
    assert [each["to"] for each in values] == [None, values[0]["from"], values[1]["from"]]
    commits = [stack.run("rev-parse", f"HEAD~{back}").out.strip() for back in range(3)]
    assert [each["commit"] for each in values] == commits
    assert values[0]["author"]["name"] == "Ada"
    header, latest, *_ = stack.run("history", "api", "A").out.splitlines()
    assert header.split() == ["FROM", "TO", "COMMIT", "AUTHOR", "VALUE"]
    assert "now" in latest
    assert latest.endswith(f"{commits[0][:12]}  Ada     300 192.0.2.82")
    assert len(stack.json("history", "api", "A", "-n", "1")) == 1
    assert len(stack.json("history", "api", "A", "--since", "2100-01-01")) == 1
    assert "no commit has" in stack.run("history", "api", "MX", status=3).err
