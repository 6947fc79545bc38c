"""Choose the storage backend of the ref store by its name."""

from collections.abc import Mapping
from typing import Final

from zonegit.store.backends import BackendChoice, RefBackend
from zonegit_refs.sql.refs import open_refs

BACKENDS: Final[Mapping[str, BackendChoice[RefBackend]]] = {
    "sqlite": BackendChoice("refs/refs.sqlite3", open_refs),
}
"""All backends by their names."""
