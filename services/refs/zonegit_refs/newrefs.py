"""Tell new refs from old ones: a rule for names holds for new refs alone."""

from sqlite3 import Connection

from zonegit.store import legacy
from zonegit.store.refnames import RefName


def is_new_ref(connection: Connection, ref: RefName) -> bool:
    """Return whether neither the log nor a store that is being taken over has a branch or tag."""
    if connection.execute(
        "SELECT 1 FROM log WHERE zone = ? AND space = ? AND short = ? LIMIT 1",
        (ref.zone, ref.space, ref.short),
    ).fetchone():
        return False
    slots = dict(connection.execute("SELECT name, slot FROM legacy").fetchall())
    return not slots or all(ref != kept for kept, _ in legacy.decode(slots).refs.values())
