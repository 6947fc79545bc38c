"""Distinguish new refs from old ones: a rule for names applies to new refs only."""

from typing import Final

from zonegit.store import v03_slots
from zonegit.store.ref_names import RefName
from zonegit.store.stored_rows import RowReader
from zonegit.store.transaction import Transaction

_SLOT: Final[RowReader[tuple[str, bytes]]] = RowReader(
    "legacy", tuple[str, bytes], lambda *columns: columns, keys=1
)


def is_new_ref(ref: RefName) -> Transaction[bool]:
    """Return whether a branch or tag is neither in the log nor in a store that is being taken
    over."""
    logged = yield (
        "SELECT 1 FROM log WHERE zone = ? AND space = ? AND short = ? LIMIT 1",
        (ref.zone, ref.space, ref.short),
    )
    if logged:
        return False
    slots = dict(_SLOT.read_all((yield "SELECT name, slot FROM legacy", ())))
    return not slots or all(ref != kept for kept, _ in v03_slots.decode(slots).refs.values())
