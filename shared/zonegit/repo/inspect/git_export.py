"""Export the histories of zones as a stream for ``git fast-import``, each as a separate history.

A commit has only the file of its zone, and merges stay merges. If there are several zones, a merge
commit at the end has all files (docs/adr/0028-exchange.md). The text of each version is made from
the previous one, so the cost of a history depends on its changes.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from zonegit.history.commit_graph import LoggedCommit
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Identity
from zonegit.repo.commit import diff
from zonegit.repo.inspect import git_format, log
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone.names import Name
from zonegit.zonefile.live_text import LiveText

BRANCH: Final = "refs/heads/main"
JOIN_MESSAGE: Final = "Bring the zones together"
MAX_READER_VERSIONS: Final = 64
"""Versions that are read by one reader, which keeps all objects that it has read."""


class Lineage(msgspec.Struct, frozen=True):
    """A zone, the path of its file, and the commit whose history is exported."""

    zone: Name
    path: str
    tip: CommitId


async def iter_stream(
    repo: Repo,
    lineages: Sequence[Lineage],
    progress: Callable[[int], None] = lambda commits: None,
    branch: str = BRANCH,
) -> AsyncIterator[bytes]:
    """Yield the stream. Its branch ends at a commit with the files of all zones.

    The same histories always give the same git ids.

    Args:
        repo: the stores.
        lineages: the histories to export.
        progress: called with the number of commits written.
        branch: the branch in git.

    Raises:
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    writer = _Writer(repo, progress, branch)
    for lineage in lineages:
        async for each in writer.iter_lineage(lineage):
            yield each
    yield writer.end(lineages)


class _Writer:
    """Writes the stream, and assigns a mark to each commit and each content."""

    def __init__(self, repo: Repo, progress: Callable[[int], None], branch: str) -> None:
        self._repo = repo
        self._progress = progress
        self._branch = branch
        self._latest: Identity | None = None
        self._commits: dict[CommitId, int] = {}
        self._contents: dict[ObjectId, int] = {}
        self._tips: list[tuple[int, int]] = []
        self._marks = 0

    async def iter_lineage(self, lineage: Lineage) -> AsyncIterator[bytes]:
        """Yield the commits of one zone, parents before children."""
        version = _Version(self._repo, lineage.zone)
        for logged in reversed(await log.read_history(self._repo, lineage.tip)):
            tree = logged.commit.tree
            if tree not in self._contents:
                self._contents[tree] = self._make_mark()
                yield git_format.format_blob(self._contents[tree], await version.read(tree))
            yield self._format_commit(logged, lineage.path)
            self._progress(len(self._commits))
        tree = logged.commit.tree
        self._tips.append((self._commits[lineage.tip], self._contents[tree]))

    def _format_commit(self, logged: LoggedCommit, path: str) -> bytes:
        mark = self._commits[logged.id] = self._make_mark()
        commit = logged.commit
        if self._latest is None or commit.committer.time > self._latest.time:
            self._latest = commit.committer
        return self._reset_branch(commit.parents) + git_format.format_commit(
            self._branch,
            mark,
            commit.author,
            commit.committer,
            git_format.format_message(logged.id, commit),
            [self._commits[parent] for parent in commit.parents],
            {path: self._contents[commit.tree]},
        )

    def _reset_branch(self, parents: Sequence[CommitId]) -> bytes:
        """Return a reset of the branch, if the commit has no parents. Without it, git would use the
        branch's tip as the parent."""
        return b"" if parents else b"reset %b\n\n" % self._branch.encode()

    def end(self, lineages: Sequence[Lineage]) -> bytes:
        """Return the end of the stream, which moves the branch to a commit with all files."""
        if len(lineages) == 1:
            return b"reset %b\nfrom :%d\n\ndone\n" % (self._branch.encode(), self._tips[0][0])
        # With the time of the export, the commit would have another id each time.
        who = self._latest
        assert who is not None
        files = {each.path: tip[1] for each, tip in zip(lineages, self._tips, strict=True)}
        parents = [mark for mark, _ in self._tips]
        message = f"{JOIN_MESSAGE}\n".encode()
        mark = self._make_mark()
        command = git_format.format_commit(self._branch, mark, who, who, message, parents, files)
        return command + b"done\n"

    def _make_mark(self) -> int:
        self._marks += 1
        return self._marks


class _Version:
    """The text of a zone at successive trees."""

    def __init__(self, repo: Repo, zone: Name) -> None:
        self._repo = repo
        self._zone = zone
        self._text = LiveText(zone)
        self._tree: ObjectId | None = None
        self._reader = Reader(repo.objects)
        self._read = 0

    async def read(self, tree: ObjectId) -> bytes:
        """Return the file at ``tree``, computed from the changes since the last call."""
        deltas = await diff.diff_trees(self._reader, self._tree, tree, self._zone)
        self._text.apply(diff.make_changes(deltas))
        if self._read % MAX_READER_VERSIONS == 0:
            self._reader = Reader(self._repo.objects)
        self._read += 1
        self._tree = tree
        return self._text.octets()
