"""Record a restore from a backup, and recover zones after it.

A restored store has lost the end of its log, and its next rows would have sequences that resolvers
have seen already. The table ``witness`` holds the proof of that; while it has a row, no ref moves.
The first zone that is recovered begins a new epoch, and adds all others to ``awaiting``; these do
not move until they are recovered. Everything is on disk, so a kill loses nothing
(docs/adr/0030-recovery.md).
"""

from collections.abc import Mapping, Sequence
from sqlite3 import Connection
from typing import Final

from zonegit.errors import Conflict, Invalid, Unavailable
from zonegit.objects.ids import short
from zonegit.safety import policy
from zonegit.store import ref_names
from zonegit.store.basis import ServedTree
from zonegit.store.recovery import Guard, Owed, Recovery, Renewal, Witness, describe_witness
from zonegit.store.ref_log import PastEpoch
from zonegit.store.stored_rows import RowReader, StoredCount, StoredSerial, read_name, read_value
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import HALF, lead
from zonegit_refs.sql import schema

MAX_SHOWN: Final = 100
"""Zones and branches in the reported state of a recovery."""
MAX_STARTS: Final = 1_000
"""Runs of the service that are kept while no resolver confirms the log."""
MAX_PAST: Final = 100
"""Earlier epochs in one reply; there is one for each restore."""
_WITNESS: Final[RowReader[Witness]] = RowReader(
    "witness", tuple[str, str, StoredCount, str], Witness
)
_PAST: Final[RowReader[PastEpoch]] = RowReader(
    "past",
    tuple[str, StoredCount, int],
    lambda epoch, sequence, recovered: PastEpoch(epoch, sequence, bool(recovered)),
)
_OWED: Final[RowReader[Owed]] = RowReader(
    "owed",
    tuple[bytes, str, StoredSerial],
    lambda zone, branch, serial: Owed(read_name(zone), branch, serial),
)
_RUN: Final[RowReader[str]] = RowReader("start", tuple[str], read_value)
HINT: Final = "run zonegit recover to see what to do, then zonegit recover --finish"


def require_recovered(connection: Connection, zone: Name | None) -> None:
    """Check that refs may move.

    Args:
        connection: The store.
        zone: The zone of the refs; None for refs without a zone.

    Raises:
        Unavailable: The store was restored from a backup, and the zone is not recovered yet.
    """
    found = read_witness(connection)
    if found is not None:
        raise Unavailable(
            "the ref store was restored from a backup:"
            f" {describe_witness(found, schema.read_last_sequence(connection))}",
            hint=HINT,
        )
    if zone is not None and is_awaiting(connection, zone):
        raise Unavailable(
            f"{names.text(zone)} is not recovered yet after the restore from a backup", hint=HINT
        )


def is_other_row(connection: Connection, sequence: int, operation: str) -> bool:
    """Return whether the row at a sequence is of another operation; False if ``operation`` is
    empty."""
    if not operation:
        return False
    row = schema.read_first_entry(
        connection.execute(f"{schema.LOG} WHERE sequence = ?", (sequence,))
    )
    return row is not None and row.operation != operation


def is_awaiting(connection: Connection, zone: Name) -> bool:
    """Return whether a zone is not recovered yet in this epoch."""
    found = connection.execute("SELECT 1 FROM awaiting WHERE zone = ?", (zone,))
    return found.fetchone() is not None


def count_awaiting(connection: Connection) -> int:
    """Return the number of zones that are not recovered yet in this epoch."""
    (count,) = connection.execute("SELECT count(*) FROM awaiting").fetchone()
    return int(count)


def read_witness(connection: Connection) -> Witness | None:
    """Return the resolver that proves a restore; None if no recovery has to begin."""
    found = connection.execute("SELECT resolver, epoch, sequence, operation FROM witness")
    return _WITNESS.read_first(found)


def read_past(connection: Connection) -> list[PastEpoch]:
    """Return the epochs before this one, the latest first."""
    found = connection.execute(
        "SELECT epoch, sequence, recovered FROM past ORDER BY number DESC LIMIT ?", (MAX_PAST,)
    )
    return _PAST.read_all(found)


def read_state(connection: Connection) -> Recovery:
    """Return the state of the recovery."""
    zones = connection.execute("SELECT zone FROM awaiting ORDER BY zone LIMIT ?", (MAX_SHOWN,))
    owed = connection.execute("SELECT zone, short, serial FROM owed LIMIT ?", (MAX_SHOWN,))
    return Recovery(
        schema.read_epoch(connection),
        schema.read_last_sequence(connection),
        read_past(connection),
        read_witness(connection),
        count_awaiting(connection),
        schema.ZONE.read_all(zones),
        _OWED.read_all(owed),
        list_doubted(connection),
        schema.read_installation(connection),
        schema.read_replaced(connection),
    )


def list_doubted(connection: Connection) -> list[str]:
    """Return the runs of the service before which this store may have been restored."""
    return _RUN.read_all(connection.execute("SELECT id FROM start ORDER BY number"))


def record_start(connection: Connection, run: str) -> None:
    """Record a new run of the service: its store may be another one than before."""
    connection.execute("INSERT INTO start (id) VALUES (?)", (run,))
    connection.execute(
        "DELETE FROM start WHERE number NOT IN"
        " (SELECT number FROM start ORDER BY number DESC LIMIT ?)",
        (MAX_STARTS,),
    )


def record_confirmation(connection: Connection) -> None:
    """Record that a resolver has confirmed the log, so that no run is doubted."""
    connection.execute("DELETE FROM start")


def record_claim(connection: Connection, claim: Witness, before: Sequence[str]) -> bool:
    """Record the position of a resolver, if it proves that the store was restored.

    Args:
        connection: The store, in a transaction.
        claim: The resolver, and how far it followed which epoch.
        before: The epochs before that one, as the resolver has them.

    Returns:
        Whether this is the first proof.
    """
    ours = schema.read_epoch(connection)
    is_later = claim.sequence > schema.read_last_sequence(connection)
    is_lost = claim.epoch == ours and (
        is_later or is_other_row(connection, claim.sequence, claim.operation)
    )
    # An epoch that came after ours: the backup is older than an earlier recovery.
    if not is_lost and ours not in before:
        return False
    if read_witness(connection) is not None:
        return False
    connection.execute(
        "INSERT INTO witness (one, resolver, epoch, sequence, operation) VALUES (1, ?, ?, ?, ?)",
        (claim.resolver, claim.epoch, claim.sequence, claim.operation),
    )
    return True


def begin_recovery(connection: Connection, zone: Name) -> bool:
    """Begin a new epoch, unless zones await recovery in this one.

    A zone that is not registered begins none, unless a restore is proved.

    Returns:
        Whether ``zone`` has to be recovered; False if it was recovered already.
    """
    is_lost = not schema.is_registered(connection, zone)
    if read_witness(connection) is None and (is_lost or count_awaiting(connection)):
        return is_lost or is_awaiting(connection, zone)
    connection.execute(
        "INSERT INTO past (epoch, sequence, recovered) VALUES (?, ?, 1)",
        (schema.read_epoch(connection), schema.read_last_sequence(connection)),
    )
    connection.execute("UPDATE store SET epoch = lower(hex(randomblob(8)))")
    connection.execute("DELETE FROM witness")
    connection.execute("DELETE FROM start")
    connection.execute("DELETE FROM awaiting")
    connection.execute("INSERT INTO awaiting (zone) SELECT zone FROM zone")
    return True


def finish_zone(connection: Connection, zone: Name) -> None:
    """Allow the refs of a zone to move again."""
    connection.execute("DELETE FROM awaiting WHERE zone = ?", (zone,))


def raise_guards(connection: Connection, zone: Name, guards: Sequence[Guard]) -> None:
    """Raise the highest serials of branches, which need not exist.

    Raises:
        Invalid: A guard differs from the known serial by exactly 2^31 (RFC 1982).
    """
    for guard in guards:
        found = connection.execute(
            "SELECT serial, tree FROM highest WHERE zone = ? AND short = ?", (zone, guard.branch)
        )
        highest = schema.HIGHEST.read_first(found)
        if highest is not None and lead(guard.serial, highest.serial) == -HALF:
            raise Invalid(
                f"serial {guard.serial} is neither earlier nor later (RFC 1982) than"
                f" {highest.serial}, which {ref_names.branch(zone, guard.branch).path()} had"
            )
        after = policy.update_highest(ServedTree(guard.serial, guard.tree), highest)
        connection.execute(
            "INSERT OR REPLACE INTO highest (zone, short, serial, tree) VALUES (?, ?, ?, ?)",
            (zone, guard.branch, after.serial, after.tree),
        )
        if guard.owed:
            connection.execute(
                "INSERT OR REPLACE INTO owed (zone, short, serial) VALUES (?, ?, ?)",
                (zone, guard.branch, after.serial),
            )


def check_expected(
    connection: Connection,
    zone: Name,
    renewals: Sequence[Renewal],
    served: Mapping[str, ServedTree],
) -> None:
    """Check that a zone has exactly the branches that the renewals expect.

    Raises:
        Conflict: A branch differs, or there are others.
        Invalid: A renewal has a commit that was not checked.
    """
    found = connection.execute(
        "SELECT space, short, target FROM ref WHERE zone = ? AND space = 'heads'", (zone,)
    )
    held = {branch: target for _, branch, target in schema.HELD.read_all(found)}
    expected = {each.branch: each.expected for each in renewals}
    for branch in sorted(held.keys() | expected.keys()):
        if held.get(branch) != expected.get(branch):
            tip = held.get(branch)
            path = ref_names.branch(zone, branch).path()
            raise Conflict(
                f"{path} is at {short(tip)}" if tip is not None else f"{path} does not exist",
                hint="run the command again, it reads the branches first",
                tip=tip.hex() if tip is not None else "",
            )
    if any(each.new is not None and each.branch not in served for each in renewals):
        raise Invalid("a branch is recovered to a commit that was not checked")
