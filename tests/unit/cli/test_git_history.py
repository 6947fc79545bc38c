"""The history of one file is read from a git repository, and no program of it is run."""

import os
from pathlib import Path

import pytest
from tests.support.git import GitRepository, needs_git

from zonegit.errors import Invalid
from zonegit_cli.import_export import git_history
from zonegit_cli.import_export.git_history import GitHistory

pytestmark = needs_git


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repository")


def read(repository: GitRepository, file: str = "z", rev: str = "HEAD") -> list[tuple[str, object]]:
    """Return the message and the content of each commit."""
    history = GitHistory(repository.path, file)
    return [(each.commit.message, each.content) for each in history.read(history.list_commits(rev))]


def test_the_commits_that_touch_a_file_are_sorted_oldest_first(repository):
    repository.commit("one", {"z": "1", "other": "1"})
    repository.commit("elsewhere", {"other": "2"})
    repository.commit("two", {"z": "2"})
    assert read(repository) == [("one", b"1"), ("two", b"2")]


def test_a_deleted_file_has_no_content_and_may_be_added_again(repository):
    repository.commit("one", {"z": "1"})
    repository.commit("gone", {"z": None})
    repository.commit("back", {"z": "1"})
    assert read(repository) == [("one", b"1"), ("gone", None), ("back", b"1")]


def test_a_merge_that_took_the_file_from_one_side_follows_that_side(repository):
    repository.commit("one", {"z": "1", "other": "1"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("two", {"z": "2"})
    repository.commit("three", {"z": "3"})
    repository.git("checkout", "-q", "main")
    repository.commit("elsewhere", {"other": "2"})
    repository.git("merge", "-q", "--no-ff", "-m", "merged", "side")
    assert read(repository) == [("one", b"1"), ("two", b"2"), ("three", b"3")]


def test_a_merge_of_both_sides_follows_its_first_parent(repository):
    repository.commit("one", {"z": "a\n\n\n\n\nb\n"})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit("theirs", {"z": "a\n\n\n\n\nB\n"})
    repository.git("checkout", "-q", "main")
    repository.commit("ours", {"z": "A\n\n\n\n\nb\n"})
    repository.git("merge", "-q", "--no-ff", "-m", "merged", "side")
    assert [message for message, _ in read(repository)] == ["one", "ours", "merged"]


def test_a_change_of_mode_is_not_a_version(repository):
    repository.commit("one", {"z": "1"})
    (repository.path / "z").chmod(0o755)
    repository.commit("executable", {})
    assert read(repository) == [("one", b"1")]


def test_a_repository_is_found_from_a_folder_in_it_and_paths_are_relative_to_its_top(repository):
    repository.commit("one", {"zones/z": "1"})
    history = GitHistory(repository.path / "zones", "./zones/z")
    assert len(history.list_commits("HEAD")) == 1


def test_a_name_is_not_a_pattern_nor_an_option(repository):
    repository.commit("one", {"z": "1", "*": "star", "--all": "option", ":!z": "magic"})
    repository.commit("two", {"z": "2"})
    assert read(repository, "*") == [("one", b"star")]
    assert read(repository, "--all") == [("one", b"option")]
    assert read(repository, ":!z") == [("one", b"magic")]


@pytest.mark.parametrize("rev", ["--all", "-h", "--output=x", "nowhere", "a\nb", "", "x" * 5000])
def test_an_unknown_revision_is_refused_and_is_never_an_option(repository, rev):
    repository.commit("one", {"z": "1"})
    with pytest.raises(Invalid, match=r"(not a commit of the repository|invalid git revision)"):
        GitHistory(repository.path, "z").list_commits(rev)


@pytest.mark.parametrize("file", ["", "/etc/passwd", "../z", ".", "a\0b", "a\nb"])
def test_a_path_outside_of_the_repository_is_refused(repository, file):
    with pytest.raises(Invalid):
        GitHistory(repository.path, file)


def test_a_folder_that_is_not_a_repository_is_refused(tmp_path):
    with pytest.raises(Invalid, match="git: not a git repository"):
        GitHistory(tmp_path, "z")


def test_a_folder_in_place_of_the_file_is_refused(repository):
    repository.commit("one", {"z/inner": "1"})
    with pytest.raises(Invalid, match="is a git tree, not a blob"):
        read(repository)


def test_a_file_beyond_the_bound_is_refused_before_it_is_read(repository, monkeypatch):
    repository.commit("one", {"z": "12345"})
    monkeypatch.setattr(git_history, "MAX_OCTETS", 4)
    with pytest.raises(Invalid, match="more than 4 octets"):
        read(repository)


def test_a_history_beyond_the_bound_is_refused(repository, monkeypatch):
    repository.commit("one", {"z": "1"})
    repository.commit("two", {"z": "2"})
    monkeypatch.setattr(git_history, "MAX_COMMITS", 1)
    with pytest.raises(Invalid, match="more than 1 commits"):
        read(repository)


def test_a_missing_object_is_an_error_and_is_not_fetched(repository, tmp_path):
    """A partial clone fetches missing objects automatically, with any command it configures."""
    repository.commit("one", {"z": "1"})
    blob = repository.git("rev-parse", "HEAD:z").strip()
    (repository.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    witness = tmp_path / "ran"
    for key, value in {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::touch {witness}", "remote.origin.promisor": "true",
        "protocol.ext.allow": "always", "protocol.allow": "always",
    }.items():  # fmt: skip
        repository.git("config", key, value)
    history = GitHistory(repository.path, "z")
    with pytest.raises(Invalid, match="the repository lacks z of"):
        list(history.read(history.list_commits("HEAD")))
    assert not witness.exists()


def test_programs_that_a_repository_configures_are_not_run(repository, tmp_path):
    repository.commit("one", {"z": "1", ".gitattributes": "* filter=f diff=d\n"})
    witness = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {witness}\n")
    script.chmod(0o755)
    for key in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "filter.f.smudge",
        "filter.f.clean", "diff.d.textconv", "diff.external", "gpg.program", "pager.rev-list",
    ):  # fmt: skip
        repository.git("config", key, str(script))
    repository.git("config", "core.hooksPath", str(tmp_path))
    repository.git("config", "core.worktree", str(tmp_path))
    assert read(repository) == [("one", b"1")]
    assert not witness.exists()


def test_replacement_objects_are_ignored(repository):
    one = repository.commit("one", {"z": "1"})
    two = repository.commit("two", {"z": "2"})
    repository.git("replace", one, two)
    assert read(repository) == [("one", b"1"), ("two", b"2")]


def test_grafts_are_ignored(repository):
    repository.commit("one", {"z": "1"})
    two = repository.commit("two", {"z": "2"})
    (repository.path / ".git" / "info" / "grafts").write_text(f"{two}\n")
    assert read(repository) == [("one", b"1"), ("two", b"2")]


def test_the_environment_does_not_select_another_repository(repository, tmp_path, monkeypatch):
    repository.commit("one", {"z": "1"})
    other = GitRepository(tmp_path / "other")
    other.commit("other", {"z": "other"})
    monkeypatch.setenv("GIT_DIR", os.fspath(other.path / ".git"))
    assert read(repository) == [("one", b"1")]
