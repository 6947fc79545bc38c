"""Store the graph of commits: the parents of each commit, and its moment, which increases from
parents to children (docs/adr/0011-moments.md)."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects.codec import decode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, verify
from zonegit.objects.model import Commit
from zonegit.store.commit_reader import compute_moment
from zonegit.store.stored_rows import RowReader, StoredId
from zonegit.store.transaction import Row, Transaction

TABLE: Final = (
    "CREATE TABLE history (id BLOB PRIMARY KEY, moment INTEGER NOT NULL, first BLOB, second BLOB)"
    " STRICT, WITHOUT ROWID"
)
_ADD: Final = (
    "INSERT INTO history (id, moment, first, second) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (id) DO NOTHING"
)
_MOMENT: Final = "SELECT id, moment FROM history WHERE id = ?"
_COMMITS: Final = """
    SELECT rowid, id, kind, payload FROM object WHERE kind = 'commit' AND rowid > ?
    ORDER BY rowid LIMIT ?
"""
BUILD_BATCH: Final = 1_000
"""Commits that an upgrade reads at a time."""
# Yields the tips and their ancestors in descending order of their moments.
_WALK: Final = """
    WITH RECURSIVE past (moment, id, first, second) AS (
        SELECT moment, id, first, second FROM history WHERE id IN ({tips})
        UNION
        SELECT parent.moment, parent.id, parent.first, parent.second
        FROM past JOIN history AS parent ON parent.id IN (past.first, past.second)
        ORDER BY 1 DESC, 2 LIMIT ?
    )
    SELECT id, moment FROM past ORDER BY moment DESC, id
"""


_DATED: Final[RowReader[tuple[CommitId, int]]] = RowReader(
    "history", tuple[StoredId, int], lambda *columns: columns, keys=1
)


def add_commits(commits: Iterable[tuple[ObjectId, Commit]]) -> Transaction[None]:
    """Add commits to the graph, parents before children."""
    for commit_id, commit in commits:
        before = yield from _read_moments(commit.parents)
        first, second = (*commit.parents, None, None)[:2]
        yield _ADD, (commit_id, compute_moment(commit, before), first, second)


def build_graph() -> Transaction[None]:
    """Build the graph of a file that had none, from all its commits."""
    yield TABLE, ()
    # Parents were stored before children, and a repair does not change the number of a row.
    last = 0
    while rows := (yield _COMMITS, (last, BUILD_BATCH)):
        yield from add_commits(_decode_commits(rows))
        last = rows[-1][0]


def _decode_commits(rows: Iterable[Row]) -> Iterator[tuple[ObjectId, Commit]]:
    for _, object_id, kind, payload in rows:
        try:
            value = decode(verify(RawObject(object_id, kind, payload)))
        except Corrupt:  # the commit is added to the graph when it is repaired
            continue
        assert isinstance(value, Commit)
        yield object_id, value


def _read_moments(ids: Collection[CommitId]) -> Transaction[list[int]]:
    moments = []
    for each in ids:
        dated = _DATED.read_first((yield _MOMENT, (each,)))
        if dated is not None:
            moments.append(dated[1])
    return moments


def walk_ancestors(tips: Collection[CommitId], limit: int) -> Transaction[dict[CommitId, int]]:
    """Return moments by commit: of the tips in the graph and of their ancestors, the latest first.

    Up to ``limit`` in total, unless there are more tips.
    """
    query = _WALK.format(tips=",".join("?" * len(tips)))
    latest = dict(_DATED.read_all((yield query, (*tips, limit))))
    found: dict[CommitId, int] = {}
    for tip in tips:
        for at in (yield from _read_moments([tip])):
            found[tip] = at
    for commit_id, at in latest.items():
        if len(found) >= limit:
            break
        found.setdefault(commit_id, at)
    return found
