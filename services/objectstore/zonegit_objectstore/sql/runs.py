"""Write the outlines of runs when the runs are stored.

Most objects of a large zone are below the runs of its widest node. A check of its first tip
requests the outline of each run (``store.outline``), and computing that later takes a look-up of
each tree and each RRset below it. When a run is stored, these have just been stored, children
first, so their outlines are still in memory. If they are not, no outline is written, and it is
computed when it is requested.

An outline depends only on the octets of objects, which their ids identify, so it stays valid if the
transaction fails. If a row of the table is damaged, its owner differs from the one that a check
expects, and the check then reads the parts of the run.
"""

from collections.abc import Collection, Sequence
from typing import Final

from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob, Object, Tree
from zonegit.store.outline import RUN, Outline, is_run, is_terminal, outline_run, outline_tree
from zonegit.store.stored_rows import RowReader, StoredId
from zonegit.store.transaction import Batch, Transaction
from zonegit_objectstore.sql.rows import IDS_BATCH

TABLE: Final = "CREATE TABLE run (id BLOB PRIMARY KEY, owner BLOB NOT NULL) STRICT, WITHOUT ROWID"
"""A release that changes the rules for RRsets, or for the types of one owner, must empty this table
in its upgrade."""
_ADD: Final = (
    "INSERT INTO run (id, owner) VALUES (?, ?)"
    " ON CONFLICT (id) DO UPDATE SET owner = excluded.owner"
)
MAX_RECENT: Final = 8_192
"""Outlines of RRsets, and of trees, that are kept: at least those of one message."""
_ROW: Final[RowReader[tuple[ObjectId, bytes]]] = RowReader(
    "run", tuple[StoredId, bytes], lambda *columns: columns, keys=1
)


class RecentOutlines:
    """The outlines of recently stored RRsets, and of trees of RRsets only."""

    def __init__(self) -> None:
        self._blobs: dict[ObjectId, Outline] = {}
        self._trees: dict[ObjectId, Outline] = {}

    def add_runs(
        self,
        objects: Sequence[RawObject],
        values: Sequence[Object],
        malformed: Collection[ObjectId],
    ) -> Transaction[None]:
        """Write the outlines of the runs among objects that are being stored.

        Args:
            objects: The objects, children first.
            values: The decoded objects.
            malformed: Malformed RRsets among them, which an earlier release stored.
        """
        runs: list[tuple[ObjectId, bytes]] = []
        for raw, value in zip(objects, values, strict=True):
            if isinstance(value, Blob):
                if raw.id not in malformed:
                    outline = Outline("blob", value.rrset.owner, [value.rrset.rdtype])
                    _keep(self._blobs, raw.id, outline)
            elif isinstance(value, Tree):
                if is_terminal(value):
                    _keep(self._trees, raw.id, outline_tree(value, self._blobs.get))
                elif is_run(value):
                    outline = outline_run(value, self._trees.get)
                    if outline.kind == RUN:
                        runs.append((raw.id, outline.owner))
        if runs:
            yield Batch(_ADD, runs)


def _keep(recent: dict[ObjectId, Outline], object_id: ObjectId, outline: Outline) -> None:
    """Add an outline as the most recent, and drop the oldest if there are too many."""
    recent.pop(object_id, None)
    recent[object_id] = outline
    if len(recent) > MAX_RECENT:
        del recent[next(iter(recent))]


def read_runs(ids: Sequence[ObjectId]) -> Transaction[list[tuple[ObjectId, Outline]]]:
    """Return the outlines of objects that were runs when they were stored. Damaged rows without an
    owner are skipped."""
    found: list[tuple[ObjectId, Outline]] = []
    for at in range(0, len(ids), IDS_BATCH):
        some = ids[at : at + IDS_BATCH]
        marks = ",".join("?" * len(some))
        query = (
            "SELECT id, owner FROM run"  # noqa: S608  # no input
            f" WHERE id IN ({marks}) AND typeof(owner) = 'blob'"
        )
        rows = yield query, some
        found += [(each, Outline(RUN, owner)) for each, owner in _ROW.read_all(rows)]
    return found
