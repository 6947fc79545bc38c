"""Select objects by their ids."""

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from zonegit.errors import NotFound
from zonegit.objects.ids import ObjectId, short

IDS_BATCH: Final = 500
"""Ids in one statement."""


def select_objects(connection: Connection, columns: str, ids: Sequence[ObjectId]) -> list[Any]:
    """Return columns of the objects among ``ids`` that are stored, in any order."""
    found: list[Any] = []
    for at in range(0, len(ids), IDS_BATCH):
        some = ids[at : at + IDS_BATCH]
        marks = ",".join("?" * len(some))
        query = f"SELECT {columns} FROM object WHERE id IN ({marks})"  # noqa: S608  # no input
        found += connection.execute(query, some)
    return found


def not_stored(object_id: ObjectId) -> NotFound:
    """Return the error for an object that is not stored."""
    return NotFound(f"object {short(object_id)} is not stored", object=object_id.hex())
