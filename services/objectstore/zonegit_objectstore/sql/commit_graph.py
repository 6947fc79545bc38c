"""Store the graph of commits: the parents of each commit, and its moment, which increases from
parents to children (docs/adr/0011-moments.md)."""

from collections.abc import Collection, Iterable, Iterator
from sqlite3 import Connection
from typing import Final

from zonegit.errors import Corrupt
from zonegit.objects.codec import decode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, verify
from zonegit.objects.model import Commit
from zonegit.store.commit_reader import compute_moment
from zonegit.store.stored_rows import RowReader, StoredId

TABLE: Final = (
    "CREATE TABLE history (id BLOB PRIMARY KEY, moment INTEGER NOT NULL, first BLOB, second BLOB)"
    " STRICT, WITHOUT ROWID"
)
_ADD: Final = "INSERT OR IGNORE INTO history (id, moment, first, second) VALUES (?, ?, ?, ?)"
_MOMENT: Final = "SELECT id, moment FROM history WHERE id = ?"
_COMMITS: Final = "SELECT id, kind, payload FROM object WHERE kind = 'commit' ORDER BY rowid"
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


def add_commits(connection: Connection, commits: Iterable[tuple[ObjectId, Commit]]) -> None:
    """Add commits to the graph, parents before children."""
    for commit_id, commit in commits:
        before = _read_moments(connection, commit.parents)
        first, second = (*commit.parents, None, None)[:2]
        connection.execute(_ADD, (commit_id, compute_moment(commit, before), first, second))


def build_graph(connection: Connection) -> None:
    """Build the graph of a file that had none, from all its commits."""
    connection.execute(TABLE)
    # Parents were stored before children, and a repair does not change the number of a row.
    add_commits(connection, _read_commits(connection))


def _read_commits(connection: Connection) -> Iterator[tuple[ObjectId, Commit]]:
    for object_id, kind, payload in connection.execute(_COMMITS):
        try:
            value = decode(verify(RawObject(object_id, kind, payload)))
        except Corrupt:  # the commit is added to the graph when it is repaired
            continue
        assert isinstance(value, Commit)
        yield object_id, value


def _read_moments(connection: Connection, ids: Collection[CommitId]) -> list[int]:
    found = (_DATED.read_first(connection.execute(_MOMENT, (each,))) for each in ids)
    return [dated[1] for dated in found if dated is not None]


def walk_ancestors(
    connection: Connection, tips: Collection[CommitId], limit: int
) -> dict[CommitId, int]:
    """Return moments by commit: of the tips in the graph and of their ancestors, the latest first.

    Up to ``limit`` in total, unless there are more tips.
    """
    query = _WALK.format(tips=",".join("?" * len(tips)))
    latest = dict(_DATED.read_all(connection.execute(query, (*tips, limit))))
    found = {tip: at for tip in tips for at in _read_moments(connection, [tip])}
    for commit_id, at in latest.items():
        if len(found) >= limit:
            break
        found.setdefault(commit_id, at)
    return found
