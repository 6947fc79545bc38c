"""Outlines of runs, written down when the runs are stored.

Most objects of a large zone are below the runs of its widest node. Judging its first tip asks for
the outline of each run (``store.outline``), and to find that out later takes a look-up of each tree
and each RRset below it. When a run is stored these have just been stored, children first, so their
outlines are still at hand. Where they are not, no outline is written down, and it is found out when
it is asked for.

An outline follows from the octets of the objects, which their ids name. So it stays true, whether
a transaction succeeds or not. A row that rotted names no owner of any zone that asks for it, and a
run with another owner than the one asked about is judged by its parts.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from sqlite3 import Connection
from typing import Final

from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob, Object, Tree
from zonegit.store.outline import RUN, Outline, is_run, is_terminal, outline_run, outline_tree
from zonegit.store.storedrows import RowReader, StoredId
from zonegit_objectstore.rows import AT_ONCE

TABLE: Final = "CREATE TABLE run (id BLOB PRIMARY KEY, owner BLOB NOT NULL) STRICT, WITHOUT ROWID"
_ADD: Final = "INSERT OR REPLACE INTO run (id, owner) VALUES (?, ?)"
MAX_RECENT: Final = 16_384
"""Outlines that are kept: those of one message, and of the one before it."""
_ROW: Final[RowReader[tuple[ObjectId, bytes]]] = RowReader(
    "run", tuple[StoredId, bytes], lambda *columns: columns, keys=1
)


class RecentOutlines:
    """The outlines of RRsets, and of trees that have nothing else, which were stored lately."""

    def __init__(self) -> None:
        self._recent: dict[ObjectId, Outline] = {}

    def add_runs(
        self,
        connection: Connection,
        objects: Sequence[RawObject],
        values: Sequence[Object],
        malformed: Collection[ObjectId],
    ) -> None:
        """Write down the outlines of the runs among objects that are being stored.

        Args:
            connection: inside of the transaction that stores them.
            objects: the objects, children first.
            values: what they decode to.
            malformed: the RRsets among them that are malformed, so an earlier release stored them.
        """
        known = self._recent
        runs: list[tuple[ObjectId, bytes]] = []
        for raw, value in zip(objects, values, strict=True):
            if isinstance(value, Blob):
                if raw.id not in malformed:
                    known[raw.id] = Outline("blob", value.rrset.owner, [value.rrset.rdtype])
            elif isinstance(value, Tree):
                if is_terminal(value):
                    known[raw.id] = outline_tree(value, known.get)
                elif is_run(value):
                    outline = outline_run(value, known.get)
                    if outline.kind == RUN:
                        runs.append((raw.id, outline.owner))
        if runs:
            connection.executemany(_ADD, runs)
        for each in list(islice(known, max(0, len(known) - MAX_RECENT))):
            del known[each]


def read(connection: Connection, ids: Sequence[ObjectId]) -> Iterable[tuple[ObjectId, Outline]]:
    """Return the outlines of those objects that were found to be runs when they were stored."""
    found: list[tuple[ObjectId, Outline]] = []
    for at in range(0, len(ids), AT_ONCE):
        some = ids[at : at + AT_ONCE]
        query = f"SELECT id, owner FROM run WHERE id IN ({','.join('?' * len(some))})"  # noqa: S608  # ours alone
        rows = _ROW.read_all(connection.execute(query, some))
        found += [(each, Outline(RUN, owner)) for each, owner in rows]
    return found
