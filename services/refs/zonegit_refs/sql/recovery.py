"""Record a restore from a backup, and recover zones after it.

A restored store has lost the end of its log, and its next rows would have sequences that resolvers
have seen already. The table ``witness`` holds the proof of that; while it has a row, no ref moves.
The first zone that is recovered begins a new epoch, and adds all others to ``awaiting``; these do
not move until they are recovered. Everything is on disk, so a kill loses nothing
(docs/adr/0030-recovery.md).
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from zonegit.errors import Conflict, Invalid, Unavailable
from zonegit.objects.ids import short
from zonegit.safety import policy
from zonegit.store import ref_names
from zonegit.store.basis import ServedTree
from zonegit.store.recovery import Guard, Owed, Recovery, Renewal, Witness, describe_witness
from zonegit.store.ref_log import PastEpoch
from zonegit.store.stored_rows import RowReader, StoredCount, StoredSerial, read_name, read_value
from zonegit.store.transaction import Transaction, execute
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
_HIGHEST: Final = "SELECT serial, tree FROM highest WHERE zone = ? AND short = ?"
_SET_OWED: Final = (
    "INSERT INTO owed (zone, short, serial) VALUES (?, ?, ?)"
    " ON CONFLICT (zone, short) DO UPDATE SET serial = excluded.serial"
)
HINT: Final = "run zonegit recover to see what to do, then zonegit recover --finish"


def require_recovered(zone: Name | None) -> Transaction[None]:
    """Check that refs may move.

    Args:
        zone: The zone of the refs; None for refs without a zone.

    Raises:
        Unavailable: The store was restored from a backup, and the zone is not recovered yet.
    """
    found = yield from read_witness()
    if found is not None:
        last = yield from schema.read_last_sequence()
        raise Unavailable(
            f"the ref store was restored from a backup: {describe_witness(found, last)}", hint=HINT
        )
    if zone is not None and (yield from is_awaiting(zone)):
        raise Unavailable(
            f"{names.text(zone)} is not recovered yet after the restore from a backup", hint=HINT
        )


def is_other_row(sequence: int, operation: str) -> Transaction[bool]:
    """Return whether the row at a sequence is of another operation; False if ``operation`` is
    empty."""
    if not operation:
        return False
    row = schema.read_first_entry((yield f"{schema.LOG} WHERE sequence = ?", (sequence,)))
    return row is not None and row.operation != operation


def is_awaiting(zone: Name) -> Transaction[bool]:
    """Return whether a zone is not recovered yet in this epoch."""
    return bool((yield "SELECT 1 FROM awaiting WHERE zone = ?", (zone,)))


def count_awaiting() -> Transaction[int]:
    """Return the number of zones that are not recovered yet in this epoch."""
    ((count,),) = yield "SELECT count(*) FROM awaiting", ()
    return int(count)


def read_witness() -> Transaction[Witness | None]:
    """Return the resolver that proves a restore; None if no recovery has to begin."""
    found = yield "SELECT resolver, epoch, sequence, operation FROM witness", ()
    return _WITNESS.read_first(found)


def read_past() -> Transaction[list[PastEpoch]]:
    """Return the epochs before this one, the latest first."""
    found = yield (
        "SELECT epoch, sequence, recovered FROM past ORDER BY number DESC LIMIT ?",
        (MAX_PAST,),
    )
    return _PAST.read_all(found)


def read_state() -> Transaction[Recovery]:
    """Return the state of the recovery."""
    zones = yield "SELECT zone FROM awaiting ORDER BY zone LIMIT ?", (MAX_SHOWN,)
    owed = yield "SELECT zone, short, serial FROM owed LIMIT ?", (MAX_SHOWN,)
    return Recovery(
        (yield from schema.read_epoch()),
        (yield from schema.read_last_sequence()),
        (yield from read_past()),
        (yield from read_witness()),
        (yield from count_awaiting()),
        schema.ZONE.read_all(zones),
        _OWED.read_all(owed),
        (yield from list_doubted()),
        (yield from schema.read_installation()),
        (yield from schema.read_replaced()),
    )


def list_doubted() -> Transaction[list[str]]:
    """Return the runs of the service before which this store may have been restored."""
    return _RUN.read_all((yield "SELECT id FROM start ORDER BY number", ()))


def record_start(run: str) -> Transaction[None]:
    """Record a new run of the service: its store may be another one than before."""
    yield "INSERT INTO start (id) VALUES (?)", (run,)
    yield (
        "DELETE FROM start WHERE number NOT IN"
        " (SELECT number FROM start ORDER BY number DESC LIMIT ?)",
        (MAX_STARTS,),
    )


def record_confirmation() -> Transaction[None]:
    """Record that a resolver has confirmed the log, so that no run is doubted."""
    yield "DELETE FROM start", ()


def record_claim(claim: Witness, before: Sequence[str]) -> Transaction[bool]:
    """Record the position of a resolver, if it proves that the store was restored.

    Args:
        claim: The resolver, and how far it followed which epoch.
        before: The epochs before that one, as the resolver has them.

    Returns:
        Whether this is the first proof.
    """
    ours = yield from schema.read_epoch()
    is_later = claim.sequence > (yield from schema.read_last_sequence())
    is_lost = claim.epoch == ours and (
        is_later or (yield from is_other_row(claim.sequence, claim.operation))
    )
    # An epoch that came after ours: the backup is older than an earlier recovery.
    if not is_lost and ours not in before:
        return False
    if (yield from read_witness()) is not None:
        return False
    yield (
        "INSERT INTO witness (one, resolver, epoch, sequence, operation) VALUES (1, ?, ?, ?, ?)",
        (claim.resolver, claim.epoch, claim.sequence, claim.operation),
    )
    return True


def begin_recovery(zone: Name) -> Transaction[bool]:
    """Begin a new epoch, unless zones await recovery in this one.

    A zone that is not registered begins none, unless a restore is proved.

    Returns:
        Whether ``zone`` has to be recovered; False if it was recovered already.
    """
    is_lost = not (yield from schema.is_registered(zone))
    proof = yield from read_witness()
    if proof is None and (is_lost or (yield from count_awaiting())):
        return is_lost or (yield from is_awaiting(zone))
    ended = (yield from schema.read_epoch()), (yield from schema.read_last_sequence())
    yield "INSERT INTO past (epoch, sequence, recovered) VALUES (?, ?, 1)", ended
    yield "UPDATE store SET epoch = ?", (secrets.token_hex(schema.EPOCH_OCTETS),)
    yield from execute(
        "DELETE FROM witness",
        "DELETE FROM start",
        "DELETE FROM awaiting",
        "INSERT INTO awaiting (zone) SELECT zone FROM zone",
    )
    return True


def finish_zone(zone: Name) -> Transaction[None]:
    """Allow the refs of a zone to move again."""
    yield "DELETE FROM awaiting WHERE zone = ?", (zone,)


def raise_guards(zone: Name, guards: Sequence[Guard]) -> Transaction[None]:
    """Raise the highest serials of branches, which need not exist.

    Raises:
        Invalid: A guard differs from the known serial by exactly 2^31 (RFC 1982).
    """
    for guard in guards:
        found = yield _HIGHEST, (zone, guard.branch)
        highest = schema.HIGHEST.read_first(found)
        if highest is not None and lead(guard.serial, highest.serial) == -HALF:
            raise Invalid(
                f"serial {guard.serial} is neither earlier nor later (RFC 1982) than"
                f" {highest.serial}, which {ref_names.branch(zone, guard.branch).path()} had"
            )
        after = policy.update_highest(ServedTree(guard.serial, guard.tree), highest)
        yield schema.SET_HIGHEST, (zone, guard.branch, after.serial, after.tree)
        if guard.owed:
            yield _SET_OWED, (zone, guard.branch, after.serial)


def check_expected(
    zone: Name, renewals: Sequence[Renewal], served: Mapping[str, ServedTree]
) -> Transaction[None]:
    """Check that a zone has exactly the branches that the renewals expect.

    Raises:
        Conflict: A branch differs, or there are others.
        Invalid: A renewal has a commit that was not checked.
    """
    found = yield "SELECT space, short, target FROM ref WHERE zone = ? AND space = 'heads'", (zone,)
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
