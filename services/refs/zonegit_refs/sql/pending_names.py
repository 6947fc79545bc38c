"""Store names of the original until each is converted (docs/object-model.md)."""

from collections.abc import Mapping
from typing import Final

from zonegit.errors import Conflict
from zonegit.store.backends import PendingNames
from zonegit.store.basis import ServedTree
from zonegit.store.ref_log import Origin
from zonegit.store.ref_names import RefName
from zonegit.store.stored_rows import RowReader
from zonegit.store.transaction import Batch, Transaction
from zonegit.store.v03_slots import Slots
from zonegit_refs.sql import writes

_KEPT: Final[RowReader[tuple[str, bytes, str, str, str, int]]] = RowReader(
    "legacy", tuple[str, bytes, str, str, str, int], lambda *columns: columns
)


_KEEP: Final = """
    INSERT INTO legacy (name, slot, actor, reason, operation, force) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET slot = excluded.slot, actor = excluded.actor,
    reason = excluded.reason, operation = excluded.operation, force = excluded.force
"""


def read() -> Transaction[PendingNames | None]:
    """Return the names; None if all are converted."""
    rows = yield "SELECT name, slot, actor, reason, operation, force FROM legacy ORDER BY name", ()
    found = _KEPT.read_all(rows)
    if not found:
        return None
    _, _, actor, command, operation, force = found[0]
    origin = Origin(actor, command, operation, bool(force))
    return PendingNames({name: slot for name, slot, *_ in found}, origin)


def keep(slots: Slots, served: Mapping[RefName, ServedTree], origin: Origin) -> Transaction[None]:
    """Store names to be converted. Names that are pending already get the new origin.

    Args:
        slots: The names and their values.
        served: The serials and trees that the branches among them will serve.
        origin: The origin of the request.

    Raises:
        Conflict: The names of another store are pending.
        Unsafe: The serial of a branch is not later than its highest one, and ``origin.force`` is
            not set.
    """
    for ref, tree in served.items():
        yield from writes.check_serial(ref, tree, force=origin.force)
    before = yield from read()
    for name, slot in before.slots.items() if before else ():
        if slots.get(name) != slot:
            raise Conflict(
                f"another store is being migrated, and its {name} is not converted yet",
                hint="the log of zonegit-refs shows the reason",
            )
    yield Batch(
        _KEEP,
        [
            (name, slot, origin.actor, origin.command, origin.operation, origin.force)
            for name, slot in slots.items()
        ],
    )


def drop(name: str) -> Transaction[None]:
    """Drop a converted name."""
    yield "DELETE FROM legacy WHERE name = ?", (name,)
