"""Select objects by their ids."""

from collections.abc import Sequence
from typing import Final

from zonegit.errors import NotFound
from zonegit.objects.ids import ObjectId, short
from zonegit.store.transaction import Row, Transaction

IDS_BATCH: Final = 500
"""Ids in one statement."""


def select_objects(columns: str, ids: Sequence[ObjectId]) -> Transaction[list[Row]]:
    """Return columns of the objects among ``ids`` that are stored, in any order."""
    found: list[Row] = []
    for at in range(0, len(ids), IDS_BATCH):
        some = ids[at : at + IDS_BATCH]
        marks = ",".join("?" * len(some))
        query = f"SELECT {columns} FROM object WHERE id IN ({marks})"  # noqa: S608  # no input
        found += yield query, some
    return found


def not_stored(object_id: ObjectId) -> NotFound:
    """Return the error for an object that is not stored."""
    return NotFound(f"object {short(object_id)} is not stored", object=object_id.hex())
