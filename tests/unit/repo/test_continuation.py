"""A branch imported by an earlier release, whose commits do not name their source."""

from pathlib import Path

import pytest

from tests.support.git import GitRepository, needs_git
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.change import import_series, import_sources
from zonegit.repo.change.import_series import ImportedVersion
from zonegit.repo.commit.intent import Intent
from zonegit.zonefile import reader
from zonegit_cli.import_export import continuation
from zonegit_cli.import_export.git_history import GitHistory
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.output import Output
from zonegit_cli.session import Session

pytestmark = needs_git
WHO = Identity("Ada", "ada@example.net", 1_600_000_000)
TEXTS = [FOO.replace("192.0.2.80", f"192.0.2.{number}") for number in range(81, 85)]


@pytest.fixture
def master() -> MasterFiles:
    return MasterFiles(Session(Output(as_json=False), 10.0, None), None)


async def take_in(operators: TwoOperators, texts: list[str], source: str | None = None) -> None:
    at = await heads.find_position(operators.repo, ZONE)
    message = import_sources.add_source("import", source) if source else "import"
    versions = [
        ImportedVersion("v", reader.read(each.encode(), ZONE).rrsets, message, WHO, WHO)
        for each in texts
    ]
    await import_series.import_versions(operators.repo, at, versions, Intent("import", "import"))


def repository(path: Path, texts: list[str]) -> GitHistory:
    made = GitRepository(path)
    for number, text in enumerate(texts):
        made.commit(f"{number}", {"z": text})
    return GitHistory(path, "z")


async def test_versions_of_git_continue_at_the_commit_with_equal_records(
    operators, tmp_path, master
):
    await heads.initialise(operators.repo, ZONE)
    await take_in(operators, TEXTS[:2])
    history = repository(tmp_path / "git", TEXTS)
    at = await heads.find_position(operators.repo, ZONE)
    found = await continuation.continue_from_git(
        operators.repo, at, history, "HEAD", history.list_commits("HEAD"), master
    )
    assert (found.known, found.between, len(found.commits)) == (2, 0, 4)


async def test_edits_since_an_import_of_git_are_counted(operators, tmp_path, master):
    await heads.initialise(operators.repo, ZONE)
    await take_in(operators, [*TEXTS[:2], FOO + "mine A 192.0.2.7\n"])
    history = repository(tmp_path / "git", TEXTS)
    at = await heads.find_position(operators.repo, ZONE)
    found = await continuation.continue_from_git(
        operators.repo, at, history, "HEAD", history.list_commits("HEAD"), master
    )
    assert (found.known, found.between) == (2, 1)
    assert [each.rule for each in found.make_findings("main")] == [continuation.REPLACES]


async def test_files_continue_at_the_commit_with_equal_records(operators, tmp_path, master):
    await heads.initialise(operators.repo, ZONE)
    await take_in(operators, TEXTS[:3])
    files = [tmp_path / f"{number}" for number in range(len(TEXTS))]
    for file, text in zip(files, TEXTS, strict=True):
        file.write_text(text)
    at = await heads.find_position(operators.repo, ZONE)
    names = list(map(str, files))
    assert await continuation.count_known_files(operators.repo, at, names, None, master) == 3
    assert await continuation.count_known_files(operators.repo, at, names[:1], None, master) == 0


async def test_a_history_continues_after_a_last_commit_off_the_first_parents(
    operators, tmp_path, master
):
    """The imported file came from a branch that was merged later."""
    await heads.initialise(operators.repo, ZONE)
    made = GitRepository(tmp_path / "git")
    made.commit("0", {"z": TEXTS[0]})
    made.git("checkout", "-q", "-b", "side")
    side = made.commit("side", {"z": TEXTS[1] + "side A 192.0.2.7\n"})
    made.git("checkout", "-q", "main")
    made.commit("1", {"z": "\n\n\n" + TEXTS[1]})
    made.git("merge", "-q", "--no-ff", "-m", "merged", "-X", "ours", "side")
    await take_in(
        operators, [TEXTS[1] + "side A 192.0.2.7\n"], import_sources.make_git_source(side)
    )
    history = GitHistory(tmp_path / "git", "z")
    at = await heads.find_position(operators.repo, ZONE)
    found = await continuation.continue_from_git(
        operators.repo, at, history, "main", history.list_commits("main"), master
    )
    said = [each.commit.message for each in history.read(found.commits, found.known)]
    assert side not in found.commits
    assert said == ["1", "merged"]
