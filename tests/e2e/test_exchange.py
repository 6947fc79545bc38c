"""Histories imported from files or from git, and exported to git, with the command itself."""

import os
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack
from tests.support.git import GitRepository, needs_git

pytestmark = needs_git

HEAD = "$TTL 300\n@ SOA ns1 admin {} 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"


def zone(serial: int, *lines: str) -> str:
    return HEAD.format(serial) + "".join(f"{line}\n" for line in lines)


def trees(stack: Stack, *where: str) -> list[str]:
    """Return the tree of each commit, the oldest first."""
    return [each["tree"] for each in reversed(stack.json("log", *where))]


def ids(log: list[dict[str, Any]]) -> list[str]:
    """Return the commits of a log."""
    return [each["commit"] for each in log]


def subjects(stack: Stack, zone: str) -> list[str]:
    """Return the first line of each commit's message, the latest first."""
    return [each["message"].partition("\n")[0] for each in stack.json("log", "--zone", zone)]


def test_a_zone_exported_to_git_and_imported_again_has_the_same_trees(
    stack: Stack, tmp_path: Path
) -> None:
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


def test_imported_commits_of_git_keep_author_date_and_message(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "git.past.example")
    repository = GitRepository(tmp_path / "git")
    repository.commit("One\n\nBecause.", {"z": zone(1)})
    bob = {"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_DATE": "1500000000 -0300"}
    repository.commit("Two", {"z": zone(2, "b A 192.0.2.3")}, **bob)
    stack.run("import", "--from-git", str(repository.path), "--file", "z")
    two, one = stack.json("log", "--zone", "git.past.example")
    first, second = repository.git("rev-list", "HEAD").split()[::-1]
    assert one["message"] == f"One\n\nBecause.\n\nZonegit-Source: git:{first}"
    assert two["message"] == f"Two\n\nZonegit-Source: git:{second}"
    assert (two["author"]["name"], two["committer"]["name"]) == ("Bob", "Ada")
    assert (two["author"]["time"], two["author"]["zone"]) == (1_500_000_000, "-0300")
    entries = stack.json("reflog", "--zone", "git.past.example")
    assert [(each["old"], each["new"]) for each in entries] == [(None, two["commit"])]


def test_an_invalid_version_is_named_by_commit_file_and_line_or_skipped(
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
    assert f"skipped: {worse[:12]}:zones/z:5: a quoted string does not end" in said.err
    assert "was deleted by this commit; the zone is not changed" in said.err
    assert subjects(stack, "bad.past.example") == ["back", "bad", "good"]


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


def test_the_date_of_an_imported_file_is_its_modification_time(
    stack: Stack, tmp_path: Path
) -> None:
    stack.run("init", "dated.past.example")
    files = [tmp_path / "one", tmp_path / "two"]
    for number, file in enumerate(files):
        file.write_text(zone(number + 1, f"x A 192.0.2.{number}"))
        os.utime(file, (0, 1_500_000_000 + 86_400 * number))
    words = ("import", "--series", "--dates", "mtime", *map(str, files))
    said = stack.run(*words, "--zone", "dated.past.example", "--wait")
    assert "\nserved by resolver-1\n" in said.out
    two, one = stack.json("log", "--zone", "dated.past.example")
    assert [each["committer"]["time"] for each in (one, two)] == [1_500_000_000, 1_500_086_400]
    said = stack.run("show", "x", "A", "@{2017-07-14T12:00Z}", "--zone", "dated.past.example")
    assert "192.0.2.0" in said.out


def test_a_repeated_import_of_a_git_history_adds_only_new_versions(
    stack: Stack, tmp_path: Path
) -> None:
    stack.run("init", "again.past.example")
    repository = GitRepository(tmp_path / "git")
    repository.commit("one", {"z": zone(1)})
    words = ("import", "--from-git", os.fspath(repository.path), "--file", "z")
    words = (*words, "--zone", "again.past.example")
    stack.run(*words)
    assert "1 version imported before" in stack.run(*words).out
    assert subjects(stack, "again.past.example") == ["one"]
    repository.commit("two", {"z": zone(2, "b A 192.0.2.3")})
    repository.commit("elsewhere", {"other": "x"})
    repository.commit("three", {"z": zone(3, "c A 192.0.2.4")})
    said = stack.json(*words)
    assert (said["known"], len(said["versions"])) == (1, 2)
    assert subjects(stack, "again.past.example") == ["three", "two", "one"]
    stack.run("set", "mine", "A", "300", "192.0.2.9", "--zone", "again.past.example")
    assert "imported before" in stack.run(*words).out
    repository.commit("four", {"z": zone(4, "d A 192.0.2.5")})
    assert "1 commit that is not in the imported history" in stack.run(*words).err


def test_a_rewritten_history_and_a_shallow_clone_are_refused(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "rewritten.past.example")
    repository = GitRepository(tmp_path / "git")
    repository.commit("one", {"z": zone(1)})
    repository.commit("two", {"z": zone(2)})
    words = ("import", "--file", "z", "--zone", "rewritten.past.example", "--from-git")
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.path}", str(shallow))
    assert "git fetch --unshallow" in stack.run(*words, str(shallow), status=1).err
    stack.run(*words, os.fspath(repository.path))
    before = subjects(stack, "rewritten.past.example")
    repository.git("commit", "-q", "--amend", "-m", "other")
    said = stack.run(*words, os.fspath(repository.path), status=1).err
    assert "the history was rewritten" in said
    assert "--force" in said
    assert subjects(stack, "rewritten.past.example") == before
    assert "--dates requires --series" in stack.run(
        *words, os.fspath(repository.path), "--dates", "serial", status=2
    ).err  # fmt: skip


def test_an_import_of_an_export_with_one_more_commit_adds_that_commit(
    stack: Stack, tmp_path: Path
) -> None:
    stack.run("init", "back.past.example")
    stack.run("import", "-", "--zone", "back.past.example", stdin=zone(1, "a A 192.0.2.2"))
    stack.run("set", "b", "A", "300", "192.0.2.3", "--zone", "back.past.example")
    before = stack.json("log", "--zone", "back.past.example")
    out = tmp_path / "out"
    stack.run("export", "--git", str(out), "back.past.example")
    file = out / "example/past/back/db.zone"
    words = ("import", "--from-git", str(out), "--file", "example/past/back/db.zone")
    assert stack.json(*words, "--zone", "back.past.example")["known"] == 2
    assert stack.json("log", "--zone", "back.past.example") == before

    file.write_text(file.read_text() + "c 300 IN A 192.0.2.4\n")
    who = {"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_EMAIL": "b@example.net",
           "GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "b@example.net"}  # fmt: skip
    subprocess.run(
        ["git", "-C", str(out), "commit", "-qam", "on top"], env={**os.environ, **who}, check=True
    )
    assert stack.json(*words, "--zone", "back.past.example")["known"] == 2
    assert subjects(stack, "back.past.example")[0] == "on top"
    log = stack.json("log", "--zone", "back.past.example")
    assert ids(log)[1:] == ids(before)

    stack.run("branch", "other", "HEAD~2", "--zone", "back.past.example")
    said = stack.json(*words, "--zone", "back.past.example", "--branch", "other")
    assert said["known"] == 2
    other = stack.json("log", "other", "--zone", "back.past.example")
    assert ids(other)[1:] == ids(before), "the branch moved to the commits that were exported"


def test_an_import_of_an_exported_import_adds_nothing(stack: Stack, tmp_path: Path) -> None:
    """The commits of the export have other ids than the imported ones."""
    stack.run("init", "around.past.example")
    repository = GitRepository(tmp_path / "git")
    repository.commit("one", {"z": zone(1)})
    words = ("import", "--zone", "around.past.example", "--from-git")
    stack.run(*words, os.fspath(repository.path), "--file", "z")
    early, late = tmp_path / "early", tmp_path / "late"
    stack.run("export", "--git", str(early), "around.past.example")
    stack.run("set", "b", "A", "300", "192.0.2.3", "--zone", "around.past.example")
    stack.run("export", "--git", str(late), "around.past.example")
    before = stack.json("log", "--zone", "around.past.example")
    file = ("--file", "example/past/around/db.zone")
    assert stack.json(*words, str(late), *file)["known"] == 2
    assert stack.json(*words, str(early), *file)["known"] == 1
    assert stack.json("log", "--zone", "around.past.example") == before
    repository.commit("two", {"z": zone(2, "c A 192.0.2.4")})
    stack.run(*words, os.fspath(repository.path), "--file", "z")
    assert "the history was rewritten" in stack.run(*words, str(early), *file, status=1).err


def test_an_amended_export_is_not_taken_for_the_original_commit(
    stack: Stack, tmp_path: Path
) -> None:
    stack.run("init", "amended.past.example")
    stack.run("import", "-", "--zone", "amended.past.example", stdin=zone(1, "a A 192.0.2.2"))
    out = tmp_path / "out"
    stack.run("export", "--git", str(out), "amended.past.example")
    file = out / "example/past/amended/db.zone"
    file.write_text(file.read_text() + "c 300 IN A 192.0.2.4\n")
    who = {"GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "b@example.net"}
    subprocess.run(
        ["git", "-C", str(out), "commit", "-qa", "--amend", "--no-edit"],
        env={**os.environ, **who}, check=True,
    )  # fmt: skip
    stack.run(
        "import", "--from-git", str(out), "--file", "example/past/amended/db.zone",
        "--zone", "amended.past.example",
    )  # fmt: skip
    assert stack.json("show", "c", "A", "--zone", "amended.past.example")["rdata"] == ["192.0.2.4"]


def test_a_repeated_import_of_a_series_adds_only_new_versions(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "series.past.example")
    files = []
    for number in range(3):
        files.append(str(tmp_path / f"{number}"))
        Path(files[-1]).write_text(zone(number + 1, f"x A 192.0.2.{number}"))
    words = ("import", "--zone", "series.past.example", "--series")
    stack.run(*words, *files[:2])
    assert "2 versions imported before" in stack.run(*words, *files[:2]).out
    said = stack.json(*words, *files)
    assert (said["known"], [each["source"] for each in said["versions"]]) == (2, [files[2]])
    assert len(trees(stack, "--zone", "series.past.example")) == 3
    stack.run(*words, files[0])
    assert len(trees(stack, "--zone", "series.past.example")) == 4, "it was meant to return"


def test_a_new_file_is_not_taken_for_an_imported_one(stack: Stack, tmp_path: Path) -> None:
    stack.run("init", "gap.past.example")
    files = []
    for number in range(4):
        files.append(str(tmp_path / f"{number}"))
        Path(files[-1]).write_text(zone(number + 1, f"x A 192.0.2.{number}"))
    same = tmp_path / "same"
    same.write_text("; a comment\n" + Path(files[0]).read_text())
    words = ("import", "--zone", "gap.past.example", "--series")
    stack.run(*words, files[0], str(same), files[1], files[3])
    again = stack.json(*words, files[0], str(same), files[1], files[3])
    assert (again["known"], again["versions"]) == (4, [])
    assert stack.json(*words, str(same), files[1], files[3])["known"] == 3, "as the one before"
    before = subjects(stack, "gap.past.example")
    for given in ([files[2], files[3]], [files[0], files[1], files[2], files[3]]):
        said = stack.run(*words, *given, status=1).err
        assert f"without {files[2]}" in said
    assert subjects(stack, "gap.past.example") == before
    stack.run(*words, files[2], files[3], "--force")
    assert subjects(stack, "gap.past.example") == ["import 3", "import 2", *before]
