"""Histories that come in as files or from git, and go out to git, by the command itself."""

import os
from pathlib import Path

from tests.e2e.stack import Stack
from tests.support.git import GitRepository, needs_git

pytestmark = needs_git

HEAD = "$TTL 300\n@ SOA ns1 admin {} 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"


def zone(serial: int, *lines: str) -> str:
    return HEAD.format(serial) + "".join(f"{line}\n" for line in lines)


def trees(stack: Stack, *where: str) -> list[str]:
    """The tree of each commit, the oldest first."""
    return [each["tree"] for each in reversed(stack.json("log", *where))]


def test_a_zone_that_went_to_git_and_back_has_the_same_trees(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "round.past.example")
    stack.run("import", "-", "--zone", "round.past.example", stdin=zone(1, "a A 192.0.2.2"))
    stack.run("branch", "again")
    for words in (["set", "b", "A", "300", "192.0.2.3"], ["delete", "a", "A"]):
        stack.run(*words)
    stack.run("set", "txt", "TXT", "300", 'a "quoted; \\" string" \\200')
    stack.run("export", "--git", str(tmp_path / "out"), "round.past.example")
    stack.run(
        "import", "--from-git", str(tmp_path / "out"), "--file", "example/past/round/db.zone",
        "--branch", "again",
    )  # fmt: skip
    assert trees(stack, "again") == trees(stack, "main")
    assert len(trees(stack, "again")) == 4


def test_commits_of_git_keep_who_when_and_what_was_said(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "git.past.example")
    repository = GitRepository(tmp_path / "git")
    repository.commit("One\n\nBecause.", {"z": zone(1)})
    bob = {"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_DATE": "1500000000 -0300"}
    repository.commit("Two", {"z": zone(2, "b A 192.0.2.3")}, **bob)
    stack.run("import", "--from-git", str(repository.path), "--file", "z")
    two, one = stack.json("log", "--zone", "git.past.example")
    assert (one["message"], two["message"]) == ("One\n\nBecause.", "Two")
    assert (two["author"]["name"], two["committer"]["name"]) == ("Bob", "Ada")
    assert (two["author"]["time"], two["author"]["zone"]) == (1_500_000_000, "-0300")
    entries = stack.json("reflog", "--zone", "git.past.example")
    assert [(each["old"], each["new"]) for each in entries] == [(None, two["commit"])]


def test_a_bad_version_is_named_by_commit_file_and_line_or_left_out(
    stack: Stack, tmp_path: Path
) -> None:
    stack.run("init", "bad.past.example")
    repository = GitRepository(tmp_path / "git")
    repository.commit("good", {"zones/z": zone(1)})
    bad = repository.commit("bad", {"zones/z": zone(2, "x A nonsense")})
    worse = repository.commit("worse", {"zones/z": zone(3, 'y TXT "open')})
    repository.commit("gone", {"zones/z": None})
    repository.commit("back", {"zones/z": zone(4)})
    words = ("import", "--from-git", os.fspath(repository.path), "--file", "zones/z")
    said = stack.run(*words, "--zone", "bad.past.example", status=1)
    assert f"{bad[:12]}:zones/z:5: x.bad.past.example. A: 'nonsense' is not RDATA" in said.err
    assert "no commit" in stack.run("log", "--zone", "bad.past.example", status=3).err

    said = stack.run(*words, "--zone", "bad.past.example", "--lenient")
    assert f"{bad[:12]}:zones/z:5: skipped:" in said.err
    assert f"left out: {worse[:12]}:zones/z:5: a quoted string does not end" in said.err
    assert "is deleted there; the zone stays" in said.err
    messages = [each["message"] for each in stack.json("log", "--zone", "bad.past.example")]
    assert messages == ["back", "bad", "good"]


def test_a_version_of_git_includes_no_file_of_this_machine(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "sly.past.example")
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    repository = GitRepository(tmp_path / "git")
    repository.commit("sly", {"z": zone(1, f"$INCLUDE {secret}")})
    said = stack.run(
        "import", "--from-git", str(repository.path), "--file", "z", "--zone", "sly.past.example",
        status=1,
    )  # fmt: skip
    assert "$INCLUDE is not allowed here" in said.err
    assert "hunter2" not in said.err


def test_a_file_dates_its_commit_by_when_it_was_written(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "dated.past.example")
    files = [tmp_path / "one", tmp_path / "two"]
    for number, file in enumerate(files):
        file.write_text(zone(number + 1, f"x A 192.0.2.{number}"))
        os.utime(file, (0, 1_500_000_000 + 86_400 * number))
    words = ("import", "--series", "--dates", "mtime", *map(str, files))
    said = stack.run(*words, "--zone", "dated.past.example", "--wait")
    assert said.out.endswith("served by resolver-1\n")
    two, one = stack.json("log", "--zone", "dated.past.example")
    assert [each["committer"]["time"] for each in (one, two)] == [1_500_000_000, 1_500_086_400]
    said = stack.run("show", "x", "A", "@{2017-07-14T12:00Z}", "--zone", "dated.past.example")
    assert "192.0.2.0" in said.out
