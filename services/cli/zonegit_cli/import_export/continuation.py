"""Find the point where the import of a history continues, to skip versions that the branch has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.history import commit_graph
from zonegit.history.commit_graph import LoggedCommit
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.repo import read_zone
from zonegit.repo.change import import_sources
from zonegit.repo.commit import drafts, spelling_changes
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import git_format
from zonegit.repo.inspect.log import read_history
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.zone import rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, with_serial
from zonegit.zonefile.reader import MAX_OCTETS
from zonegit_cli.import_export.git_history import ID_DIGITS, GitHistory
from zonegit_cli.import_export.master_files import MasterFiles
from zonegit_cli.parse import files

MAX_VERIFIED: Final = 16
"""Git commits whose claim to be an export of a stored commit is verified, the latest first; each
verification reads a whole zone."""

REPLACES: Final = "import-replaces-commits"


class Continuation(msgspec.Struct, frozen=True):
    """The point where an import continues.

    Args:
        commits: all git commits to consider, the oldest first.
        known: the number of them that the branch has.
        base: the stored commit that the last known one is an export of, to which the branch moves
            first; None if the branch stays at its tip.
        between: the number of commits of the branch since the last known one, whose changes the new
            versions replace.
    """

    commits: Sequence[str]
    known: int
    base: CommitId | None = None
    between: int = 0

    def make_findings(self, branch: str) -> tuple[Finding, ...]:
        """Return the warning about commits whose changes are replaced, if there are any."""
        if not self.between:
            return ()
        commits = "1 commit that is" if self.between == 1 else f"{self.between} commits that are"
        return (
            Finding(
                REPLACES,
                "warning",
                f"{branch} has {commits} not in the imported history; the imported"
                " versions are whole zones and replace their changes",
            ),
        )


async def continue_from_git(
    repo: Repo,
    at: BranchPosition,
    history: GitHistory,
    rev: str,
    chain: list[str],
    master: MasterFiles,
    *,
    force: bool = False,
) -> Continuation:
    """Find the git commits that a branch does not have yet.

    Args:
        repo: the stores.
        at: the branch.
        history: the git repository.
        rev: the git revision.
        chain: all commits of ``rev`` that touch the file (``GitHistory.commits``).
        master: reads master files.
        force: accept a history that does not contain the commits that the branch was imported from.

    Raises:
        Invalid: the git history was rewritten since, or the clone is shallow.
    """
    history.refuse_shallow()
    if at.tip is None:
        return await _find_exported(repo, at, history, chain, [], master) or Continuation(chain, 0)
    log = await read_history(repo, at.commit())
    recorded = import_sources.list_sources(log, import_sources.GIT)
    found = None
    if recorded and not force:
        found = _read_recorded(history, rev, chain, log, recorded[0])
        chain = list(found.commits) if found is not None else chain
    exported = await _find_exported(repo, at, history, chain, log, master)
    # An export made after the last import contains the imported commits under other ids.
    is_covered = recorded and exported and exported.between <= _count_since(log, recorded[0])
    if recorded and not force and found is None and not is_covered:
        raise _rewritten_error(rev, recorded[0], at.branch)
    known = [each for each in (found, exported) if each is not None]
    if known:
        return max(known, key=lambda each: each.known)
    return await _find_equal(repo, at.zone, history, chain, log, master)


def _read_recorded(
    history: GitHistory, rev: str, chain: list[str], log: Sequence[LoggedCommit], source: str
) -> Continuation | None:
    """Find the git commits after the last one that was imported; None if the history does not
    contain that one."""
    last = source.removeprefix(import_sources.GIT)
    place = _count_since(log, source)
    if last in chain:
        return Continuation(chain, chain.index(last) + 1, None, place)
    if history.contains(rev, last):
        return Continuation(history.list_commits(rev, last), 0, None, place)
    return None


def _count_since(log: Sequence[LoggedCommit], source: str) -> int:
    """Return the number of commits of a branch since the one that was imported from ``source``."""
    return [import_sources.read_source(each.commit.message) for each in log].index(source)


def _rewritten_error(rev: str, source: str, branch: str) -> Invalid:
    last = source.removeprefix(import_sources.GIT)
    return Invalid(
        f"{branch} was imported up to git commit {last[:ID_DIGITS]}, which {rev} does not contain:"
        " the history was rewritten, or is another one",
        hint="import it on a new branch and merge that, or import all of it with --force",
    )


async def count_known_files(
    repo: Repo,
    at: BranchPosition,
    named: Sequence[str],
    stdin: bytes | None,
    master: MasterFiles,
    *,
    force: bool = False,
) -> int:
    """Return the number of files, the oldest first, that a branch has already.

    Args:
        repo: the stores.
        at: the branch.
        named: the files.
        stdin: the content of standard input; None if it is not among the files.
        master: reads master files.
        force: import all files if a file that the branch does not have comes before one that it
            has.

    Raises:
        NotFound: a file cannot be read.
        Invalid: a file that the branch does not have comes before one that it has.
    """
    if at.tip is None:
        return 0
    log = await read_history(repo, at.commit())
    recorded = import_sources.list_sources(log, import_sources.FILE)[::-1]
    if recorded:
        given = [import_sources.make_file_source(_read_octets(file, stdin)) for file in named]
        known = import_sources.find_continuation(recorded, given)
        new = await _find_new(repo, at.zone, named[:known], given, log, stdin, master)
        if new is not None and not force:
            raise Invalid(
                f"{at.branch} was imported up to {files.format_name(named[known - 1])} without"
                f" {files.format_name(new)}, which now comes before it",
                hint="give only the files that come after, or import all of them with --force",
            )
        return known if new is None else 0
    contents = await import_sources.read_content_ids(repo, log, at.zone)
    rrsets = (master.read_to_compare(_read_octets(file, stdin), at.zone) for file in named)
    return import_sources.find_continuation(contents[::-1], _list_contents(rrsets, at.zone))


async def _find_new(
    repo: Repo,
    zone: Name,
    named: Sequence[str],
    given: Sequence[str],
    log: Sequence[LoggedCommit],
    stdin: bytes | None,
    master: MasterFiles,
) -> str | None:
    """Return the first file that no commit names and that differs from the one before; None if
    there is none. Files that cannot be parsed are ignored, as they were skipped by the import."""
    places = {
        source: place
        for place, each in reversed([*enumerate(log)])
        if (source := import_sources.read_source(each.commit.message)) is not None
    }
    first = next((places[each] for each in given[: len(named)] if each in places), None)
    if first is None or all(each in places for each in given[: len(named)]):
        return None
    before: dict[RRsetKey, RRset] = {}
    if parents := log[first].commit.parents:
        before = await _read_zone(repo, parents[0])
    for file, source in zip(named, given, strict=False):
        found = master.read_to_compare(_read_octets(file, stdin), zone)
        if found is None:
            continue
        if source not in places and _is_different(found, before, zone):
            return file
        before = found
    return None


def _is_different(
    version: Mapping[RRsetKey, RRset], before: Mapping[RRsetKey, RRset], zone: Name
) -> bool:
    """Return whether a version would be a commit on top of the one before."""
    soa = zone, rrtypes.SOA
    if version.keys() != before.keys():
        return True
    changes: Changes = {key: each for key, each in version.items() if before[key] != each}
    if soa in changes and with_serial(version[soa], 0) == with_serial(before[soa], 0):
        del changes[soa]
    return bool(spelling_changes.drop_respelled(changes, before).changes)


async def _read_zone(repo: Repo, commit: CommitId) -> dict[RRsetKey, RRset]:
    reader = Reader(repo.objects)
    tree = (await read_zone.read_commit(reader, commit)).tree
    return {
        (each.owner, each.rdtype): each for each in await read_zone.read_whole_zone(reader, tree)
    }


def _read_octets(file: str, stdin: bytes | None) -> bytes:
    return stdin if file == files.STDIN and stdin is not None else files.read(file, MAX_OCTETS)


async def _find_exported(
    repo: Repo,
    at: BranchPosition,
    history: GitHistory,
    chain: Sequence[str],
    log: Sequence[LoggedCommit],
    master: MasterFiles,
) -> Continuation | None:
    """Find the latest git commit that is an export of a stored commit, which is a commit of the
    branch or a descendant of its tip."""
    named = [git_format.read_commit_id(each.message) for each in history.read_commits(chain)]
    places = {each.id: place for place, each in enumerate(log)}
    elsewhere = {each for each in named if each is not None and each not in places}
    stored = places.keys() | await import_sources.find_stored(repo, elsewhere)
    candidates = [n for n, each in enumerate(named, 1) if each is not None and each in stored]
    for known in candidates[: -MAX_VERIFIED - 1 : -1]:
        commit = named[known - 1]
        assert commit is not None
        if commit not in places and not await _is_ahead(repo, at, commit):
            continue
        if await _is_unchanged(repo, at.zone, history, chain[known - 1], commit, master):
            base = commit if commit not in places else None
            return Continuation(chain, known, base, places.get(commit, 0))
    return None


async def _is_ahead(repo: Repo, at: BranchPosition, commit: CommitId) -> bool:
    """Return whether a stored commit belongs to the zone and is a descendant of the branch's
    tip."""
    reader = Reader(repo.objects)
    try:
        await drafts.read_state(reader, commit, at.zone)
    except Invalid:
        return False  # a commit of another zone, or another object
    if at.tip is None:
        return True
    compared = await CommitReader(repo.objects, reader).answer(
        commit_graph.compare_histories(at.commit(), commit)
    )
    return not compared.ours


async def _is_unchanged(
    repo: Repo,
    zone: Name,
    history: GitHistory,
    git_commit: str,
    commit: CommitId,
    master: MasterFiles,
) -> bool:
    """Return whether a git commit has the records of the stored commit that it names."""
    rrsets = next(_iter_versions(history, [git_commit], zone, master), None)
    return rrsets == await _read_zone(repo, commit)


async def _find_equal(
    repo: Repo,
    zone: Name,
    history: GitHistory,
    chain: Sequence[str],
    log: Sequence[LoggedCommit],
    master: MasterFiles,
) -> Continuation:
    """Find the known commits by their records, for a branch that was imported by an earlier
    release, which did not record the sources."""
    contents = await import_sources.read_content_ids(repo, log, zone)
    given = _list_contents(_iter_versions(history, chain, zone, master), zone)
    known, edits = import_sources.find_edited_continuation(contents[::-1], given)
    return Continuation(chain, known, None, edits)


def _list_contents(
    versions: Iterable[dict[RRsetKey, RRset] | None], zone: Name
) -> list[ObjectId | None]:
    return [
        None if each is None else import_sources.compute_content_id(each, zone) for each in versions
    ]


def _iter_versions(
    history: GitHistory, chain: Sequence[str], zone: Name, master: MasterFiles
) -> Iterator[dict[RRsetKey, RRset] | None]:
    """Yield the RRsets at each commit; None if the file does not exist or cannot be parsed."""
    found: dict[RRsetKey, RRset] | None = None
    changes = history.read(chain)
    change = next(changes, None)
    for commit in chain:
        if change is not None and change.id == commit:
            content = change.content
            found = master.read_to_compare(content, zone) if content is not None else None
            change = next(changes, None)
        yield found
