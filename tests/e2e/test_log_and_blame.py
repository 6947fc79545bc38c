"""zonegit log and blame: whole outputs, filters, and invalid arguments."""

import json
from textwrap import dedent

import pytest
from tests.e2e.stack import Stack

DATE = "2026-11-21 08:30:00 +0100"


ZONE = "told.example."
ADA = {"ZONEGIT_AUTHOR_NAME": "Ada", "ZONEGIT_AUTHOR_EMAIL": "ada@example.net"}
BOB = {"ZONEGIT_AUTHOR_NAME": "Bob", "ZONEGIT_AUTHOR_EMAIL": "bob@example.net"}


@pytest.fixture(scope="module")
def stack(shared_stack: Stack) -> Stack:
    """Return the stack for an operator with a zone whose two branches two people changed and
    merged."""
    then = {"ZONEGIT_ACTOR": "teller", "ZONEGIT_DATE": "2026-11-21T08:30:00+01:00"}
    stack = Stack(shared_stack.data, then | ADA)
    stack.zone(ZONE)
    stack.run("branch", "canary")
    stack.run("add", "api", "A", "300", "192.0.2.81", "-m", "second api", "--branch", "canary")
    stack.run("set", "ftp", "A", "300", "192.0.2.21", "-m", "an ftp server", env=BOB)
    stack.run("merge", "canary")
    return stack


def ids(stack: Stack, *refish: str) -> list[str]:
    return [stack.run("rev-parse", each).out.strip() for each in refish]


def test_the_log_with_one_line_per_commit_shows_refs(stack: Stack) -> None:
    merge, ftp, api, first = (each[:12] for each in ids(stack, "main", "main^", "canary", "main~2"))
    assert stack.run("log", "--oneline", "--graph").out in [
        dedent(picture)
        for picture in (
            f"""\
            *   {merge} (HEAD -> main) merge canary into main
            |\\
            * | {ftp} an ftp server
            | * {api} (canary) second api
            |/
            * {first} import stdin
            """,
            f"""\
            *   {merge} (HEAD -> main) merge canary into main
            |\\
            | * {api} (canary) second api
            * | {ftp} an ftp server
            |/
            * {first} import stdin
            """,
        )
    ]


def test_a_commit_is_shown_with_its_patch(stack: Stack) -> None:
    (api,) = ids(stack, "canary")
    assert stack.run("log", "-p", "-n", "1", "canary").out == dedent(
        f"""\
        commit {api} (canary)
        Author: Ada <ada@example.net>
        Date:   {DATE}

            second api

        + api.{ZONE} 300 IN A 192.0.2.81

        """
    )


def test_json_holds_names_and_changes(stack: Stack) -> None:
    merge, *_ = stack.json("log", "-p")
    assert (merge["branches"], merge["tags"]) == (["main"], [])
    assert [change["name"] for change in merge["changes"]] == [f"api.{ZONE}"]
    assert "changes" not in stack.json("log")[0]


def test_a_log_is_filtered(stack: Stack) -> None:
    merge = "merge canary into main"
    for words, wanted in (
        (["--author", "^Bob"], ["an ftp server"]),
        (["--grep", "ftp|api"], ["an ftp server", "second api"]),
        (["--grep", "API"], []),
        (["--", "api"], ["import stdin", "second api"]),
        (["--", "ftp", "api"], ["an ftp server", "import stdin", merge, "second api"]),
        (["canary", "--", "ftp"], []),
        (["-n", "1", "--", "@"], ["import stdin"]),
    ):
        found = json.loads(stack.run("log", "--json", *words).out)
        assert sorted(each["message"] for each in found) == wanted, words


def test_invalid_arguments_have_an_explanation(stack: Stack) -> None:
    for words, status, said in (
        (["log", "--grep", "("], 1, "not a regular expression"),
        (["log", "--graph", "--author", "Ada"], 2, "cannot be combined"),
        (["log", "--", "www.elsewhere."], 1, "not within"),
        (["log", "main^{tree}"], 1, "expected a commit"),
        (["log", "main", "www", "A", "x"], 2, "expected [REFISH]"),
        (["blame", "nothing"], 3, "there is no nothing"),
        (["blame", "api", "AAAA"], 3, "AAAA"),
        (["blame", "api", "NOPE"], 1, "NOPE"),
        (["blame", "api", "--at", "main~9"], 3, "history ends"),
    ):
        assert said in stack.run(*words, status=status).err


def test_blame_names_the_commit_of_each_record_through_a_merge(stack: Stack) -> None:
    api, first = (each[:12] for each in ids(stack, "canary", "main~2"))
    assert stack.run("blame", "api").out == dedent(
        f"""\
        {api}  Ada  {DATE}  api.{ZONE} 300 IN A (2 records)
        {first}  Ada  {DATE}  api.{ZONE} 300 IN A 192.0.2.80
        {api}  Ada  {DATE}  api.{ZONE} 300 IN A 192.0.2.81
        """
    )
    assert stack.run("blame", "api", "A", "--at", "main^").out == (
        f"{first}  Ada  {DATE}  api.{ZONE} 300 IN A 192.0.2.80\n"
    )
    (found,) = stack.json("blame", "ftp", "A")
    assert (found["ttl"], found["author"]["name"]) == (300, "Bob")
    assert [each["rdata"] for each in found["records"]] == ["192.0.2.21"]
