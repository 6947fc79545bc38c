"""The histories of zones as a git repository, for git's own commands."""

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec
import pytest

from tests.support.git import needs_git
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from zonegit.errors import Conflict, Corrupt, Invalid
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Identity
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches
from zonegit.repo.commit import commit_loop, edits
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.inspect import git_export, log
from zonegit.repo.inspect.git_export import Lineage
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.rrset import rrset
from zonegit.zone.rrtypes import A
from zonegit.zonefile import reader, writer, zone_paths
from zonegit_cli.import_export import git_repository
from zonegit_cli.import_export.git_history import GitHistory
from zonegit_cli.workspace.paths import PlacedZone

pytestmark = needs_git
BAR = names.parse("bar.org.")


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout.strip()


def address(name: str, last: int) -> edits.Set:
    owner = names.parse(name, ZONE)
    return edits.Set(rrset(owner, A, 300, [bytes((192, 0, 2, last))]))


async def lineage(
    operators: TwoOperators, zone: names.Name = ZONE, path: str = "com/foo/db.zone"
) -> Lineage:
    return Lineage(zone, path, (await heads.find_position(operators.repo, zone)).commit())


async def export(operators: TwoOperators, folder: Path, *wanted: Lineage) -> Path:
    """Export these to a repository that passes git fsck."""
    await git_repository.write(folder, _stream_of(operators, *wanted))
    assert git(folder, "fsck", "--strict", "--no-dangling") == ""
    assert git(folder, "status", "--porcelain") == ""
    return folder


async def text_of(operators: TwoOperators, commit: CommitId) -> str:
    reader = Reader(operators.repo.objects)
    tree = (await read_zone.read_commit(reader, commit)).tree
    return "".join(writer.write(await read_zone.read_whole_zone(reader, tree), ZONE)).strip()


async def history(operators: TwoOperators) -> list[CommitId]:
    start = (await heads.find_position(operators.repo, ZONE)).commit()
    found = await log.read_latest(operators.repo, Reader(operators.repo.objects), start, ZONE, 100)
    return [each.id for each in found]


async def test_each_commit_becomes_a_commit_of_git_with_the_zone(foo, tmp_path):
    await foo.edit([address("new", 9)])
    await foo.edit([edits.Delete(names.parse("new", ZONE))])
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    ids = git(folder, "rev-list", "HEAD", "--", "com/foo/db.zone").split()
    assert len(ids) == 3
    for ours, theirs in zip(await history(foo), ids, strict=True):
        assert git(folder, "show", f"{theirs}:com/foo/db.zone") == await text_of(foo, ours)
        assert git(folder, "show", "-s", "--format=%b", theirs) == f"Zonegit-Commit: {ours.hex()}"


async def test_one_changed_record_changes_one_line_and_the_serial(foo, tmp_path):
    await foo.edit([address("api", 81)])
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    assert git(folder, "show", "--numstat", "--format=") == "2\t2\tcom/foo/db.zone"


async def test_git_blame_names_the_commit_of_a_line(foo, tmp_path):
    made = await foo.edit([address("api", 81)])
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    blamed = git(folder, "blame", "-s", "-l", "com/foo/db.zone").splitlines()
    (line,) = [line for line in blamed if "192.0.2.81" in line]
    assert made.commit.hex() in git(folder, "show", "-s", "--format=%b", line.split()[0])


async def test_author_and_date_are_kept(foo, tmp_path):
    who = Identity("Ünï", "u@example.net", 1_600_000_000, "+0545")
    position = await heads.find_position(foo.repo, ZONE)

    async def plan(_reader: Reader, _tip: CommitBase) -> PlannedChange:
        return PlannedChange({(names.parse("x", ZONE), A): address("x", 1).rrset})

    intent = Intent("Say\n\nwhy", "set", author=who)
    await commit_loop.commit(foo.repo, position, plan, intent)
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    shown = git(folder, "show", "-s", "--format=%an|%ae|%ad|%cn|%s", "--date=raw")
    assert shown == "Ünï|u@example.net|1600000000 +0545|alice|Say"


@pytest.mark.parametrize("who", [Identity("", "", 0), Identity("\0a\r", "\x7f", 10**17, "-9999")])
async def test_an_identity_that_git_refuses_is_converted(foo, tmp_path, who):
    repo = msgspec.structs.replace(foo.repo, now=lambda: who)
    odd = TwoOperators(repo, foo.other)
    await odd.edit([address("x", 1)])
    await export(odd, tmp_path / "out", await lineage(odd))


async def test_a_merge_stays_a_merge(foo, tmp_path):
    base = (await heads.find_position(foo.repo, ZONE)).commit()
    await branches.create(foo.repo, ZONE, "side", base)
    theirs = await foo.edit([address("theirs", 1)], "side")
    ours = await foo.edit([address("ours", 2)])

    async def plan(_reader: Reader, _tip: CommitBase) -> PlannedChange:
        both = address("theirs", 1).rrset
        return PlannedChange({(both.owner, A): both}, parents=(ours.commit, theirs.commit))

    made = await commit_loop.commit(
        foo.repo, await heads.find_position(foo.repo, ZONE), plan, Intent("merge side", "merge")
    )
    assert isinstance(made, Committed)
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    trailers = [
        git(folder, "show", "-s", "--format=%b", parent).removeprefix("Zonegit-Commit: ")
        for parent in git(folder, "show", "-s", "--format=%P").split()
    ]
    assert trailers == [ours.commit.hex(), theirs.commit.hex()]
    assert git(folder, "show", "HEAD:com/foo/db.zone") == await text_of(foo, made.commit)


@pytest.fixture
async def two(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. and bar.org. with two commits each."""
    await foo.edit([address("new", 9)])
    await heads.initialise(foo.repo, BAR)
    await foo.import_file(FOO, BAR)
    await foo.import_file(FOO.replace(" 7 ", " 8 ") + "x A 192.0.2.1\n", BAR)
    return foo


async def test_several_zones_are_histories_joined_by_one_merge(two, tmp_path):
    bar = await lineage(two, BAR, "org/bar/db.zone")
    folder = await export(two, tmp_path / "out", await lineage(two), bar)
    assert git(folder, "ls-files").split() == ["com/foo/db.zone", "org/bar/db.zone"]
    assert git(folder, "log", "--format=%s", "--", "org/bar/db.zone") == "import\nimport"
    assert git(folder, "ls-tree", "-r", "--name-only", "HEAD^2") == "org/bar/db.zone"
    assert git(folder, "ls-tree", "-r", "--name-only", "HEAD^1") == "com/foo/db.zone"
    assert git(folder, "rev-list", "--count", "HEAD") == "5"


async def test_an_exported_zone_can_be_imported_again(two, tmp_path):
    bar = await lineage(two, BAR, "org/bar/db.zone")
    folder = await export(two, tmp_path / "out", await lineage(two), bar)
    past = GitHistory(folder, "com/foo/db.zone")
    again = [
        reader.read(each.content or b"", ZONE).rrsets
        for each in past.read(past.list_commits("HEAD"))
    ]
    objects = Reader(two.repo.objects)
    ours = []
    for commit in reversed(await history(two)):
        found = await read_zone.read_whole_zone(
            objects, (await read_zone.read_commit(objects, commit)).tree
        )
        ours.append({(each.owner, each.rdtype): each for each in found})
    assert again == ours


class FetchCounter(MemoryObjects):
    """A store that counts every fetch of every object."""

    fetched = 0

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        self.fetched += len(ids)
        return await super().get(ids)


async def test_the_cost_of_a_version_follows_its_changes(foo, tmp_path):
    lines = "".join(f"h{number} A 192.0.2.1\n" for number in range(300))
    await foo.import_file(FOO.replace(" 7 ", " 8 ") + lines)
    for number in range(20):
        await foo.edit([address("api", number)])
    weighed = FetchCounter()
    vars(weighed).update(vars(foo.repo.objects))
    repo = msgspec.structs.replace(foo.repo, objects=weighed)
    async for _ in git_export.iter_stream(repo, [await lineage(foo)]):
        pass
    assert weighed.fetched < 2_000  # the zone twice, and a few objects for each of 20 changes


async def test_a_failed_export_leaves_nothing(foo, tmp_path):
    folder = tmp_path / "out"

    async def broken(_branch):
        yield b"blob\nmark :1\ndata 1\nx\n"
        raise Corrupt("rotten")

    with pytest.raises(Corrupt):
        await git_repository.write(folder, broken)
    assert list(folder.iterdir()) == []
    assert not git_repository.is_earlier_export(folder)


async def test_an_error_of_git_is_reported(tmp_path):
    async def nonsense(_branch):
        yield b"nonsense\n" * 100_000

    with pytest.raises(Invalid, match=r"git: .*nonsense"):
        await git_repository.write(tmp_path / "out", nonsense)


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="not empty"):
        git_repository.is_earlier_export(tmp_path)
    with pytest.raises(Invalid, match="not a folder"):
        git_repository.is_earlier_export(tmp_path / "file")
    assert not git_repository.is_earlier_export(tmp_path / "new")


@pytest.mark.parametrize(
    "zone", [r"\.git.", r"foo.\.GIT.", "git~1.", r"\.gitmodules.", r"a/\.git."]
)
def test_a_zone_with_a_path_that_git_refuses_is_refused(zone):
    name = names.parse(zone)
    path = zone_paths.zone_path(name, "golang")
    with pytest.raises(Invalid, match="git cannot store the path"):
        git_repository.check_paths([PlacedZone(name, "main", path)])


async def test_odd_names_of_zones_are_valid_files_for_git(two, tmp_path):
    odd = names.parse(r"a\"b\\c\032\.\200.org.")
    await heads.initialise(two.repo, odd)
    await two.import_file(FOO, odd)
    path = zone_paths.zone_path(odd, "golang")
    folder = await export(two, tmp_path / "out", await lineage(two, odd, path))
    assert (folder / path).read_text().startswith("$ORIGIN ")


def tip(folder: Path) -> str:
    return git(folder, "rev-parse", "refs/heads/main")


async def test_an_export_has_the_same_ids_each_time(two, tmp_path):
    wanted = [await lineage(two), await lineage(two, BAR, "org/bar/db.zone")]
    one = await export(two, tmp_path / "one", *wanted)
    later = msgspec.structs.replace(two.repo, now=lambda: Identity("Late", "l@example.net", 2**31))
    await git_repository.write(
        tmp_path / "two", lambda at: git_export.iter_stream(later, wanted, branch=at)
    )
    assert tip(one) == tip(tmp_path / "two")


async def test_an_earlier_export_is_continued_and_its_commits_keep_their_ids(foo, tmp_path):
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    before = tip(folder)
    await foo.edit([address("new", 9)])
    (folder / "README").write_text("mine")
    await git_repository.write(folder, _stream_of(foo, await lineage(foo)))
    assert git(folder, "rev-parse", "HEAD^") == before
    assert git(folder, "status", "--porcelain") == "?? README"
    assert "192.0.2.9" in (folder / "com/foo/db.zone").read_text()
    assert git(folder, "for-each-ref", "--format=%(refname)") == "refs/heads/main"
    fresh = await export(foo, tmp_path / "fresh", await lineage(foo))
    assert tip(fresh) == tip(folder)


async def test_an_export_of_several_zones_is_continued_with_one_more(two, tmp_path):
    foo_only = await export(two, tmp_path / "out", await lineage(two))
    both = [await lineage(two), await lineage(two, BAR, "org/bar/db.zone")]
    await export(two, foo_only, *both)
    await two.edit([address("new", 9)])
    both[0] = await lineage(two)
    folder = await export(two, foo_only, *both)
    assert git(folder, "ls-files").split() == ["com/foo/db.zone", "org/bar/db.zone"]
    assert "192.0.2.9" in (folder / "com/foo/db.zone").read_text()
    assert tip(await export(two, tmp_path / "fresh", *both)) == tip(folder)


async def test_an_export_never_drops_a_foreign_commit(two, tmp_path):
    folder = await export(two, tmp_path / "out", await lineage(two))
    (folder / "com/foo/db.zone").write_text("mine")
    who = ("-c", "user.name=Bob", "-c", "user.email=b@example.net")
    with pytest.raises(Invalid, match="uncommitted changes"):
        await export(two, folder, await lineage(two))
    git(folder, *who, "commit", "-q", "-a", "-m", "mine")
    mine = tip(folder)
    await two.edit([address("new", 9)])
    with pytest.raises(Conflict, match="has commits that are not in this export"):
        await export(two, folder, await lineage(two))
    assert tip(folder) == mine
    assert (folder / "com/foo/db.zone").read_text() == "mine"


async def test_a_zone_that_is_not_named_again_is_not_removed_from_an_export(two, tmp_path):
    both = [await lineage(two), await lineage(two, BAR, "org/bar/db.zone")]
    folder = await export(two, tmp_path / "out", *both)
    with pytest.raises(Conflict):
        await export(two, folder, both[0])
    assert git(folder, "ls-files").split() == ["com/foo/db.zone", "org/bar/db.zone"]


async def test_an_earlier_export_whose_settings_run_programs_is_not_continued(foo, tmp_path):
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    git(folder, "config", "filter.evil.smudge", f"touch {tmp_path}/ran")
    (folder / ".git" / "info").mkdir(exist_ok=True)
    (folder / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    await foo.edit([address("new", 9)])
    with pytest.raises(Invalid, match="filters"):
        await export(foo, folder, await lineage(foo))
    assert not (tmp_path / "ran").exists()


async def test_hooks_of_an_earlier_export_do_not_run(foo, tmp_path):
    folder = await export(foo, tmp_path / "out", await lineage(foo))
    hooks = folder / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    await foo.edit([address("new", 9)])
    await git_repository.write(folder, _stream_of(foo, await lineage(foo)))
    assert "192.0.2.9" in (folder / "com/foo/db.zone").read_text()
    assert not (tmp_path / "ran").exists()


def _stream_of(operators: TwoOperators, *wanted: Lineage):
    return lambda branch: git_export.iter_stream(operators.repo, wanted, branch=branch)
