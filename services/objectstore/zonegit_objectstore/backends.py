"""Choose the storage backend of the object store by its name."""

from collections.abc import Mapping
from typing import Final

from zonegit.store.backends import BackendChoice, ObjectBackend
from zonegit_objectstore.sql.objects import open_objects

BACKENDS: Final[Mapping[str, BackendChoice[ObjectBackend]]] = {
    "sqlite": BackendChoice("objectstore/objects.sqlite3", open_objects),
}
"""All backends by their names."""
