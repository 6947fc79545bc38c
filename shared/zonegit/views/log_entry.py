"""Rows of the log of refs as JSON."""

from zonegit.repo.change.branches import ReflogEntry
from zonegit.store.ref_log import EntryKind, LogEntry
from zonegit.views.document import Document, to_hex
from zonegit.zone import names
from zonegit.zone.names import Name


class LogRowDocument(Document, kw_only=True):
    """A ref that an operation moved. ``old`` and ``new`` are its targets, null if it did not exist
    before or after, ``serial`` the SOA serial of ``new``, ``sequence`` the row's place in the
    log."""

    ref: str
    kind: EntryKind
    old: str | None
    new: str | None
    serial: int | None
    sequence: int


class ReflogEntryDocument(Document, kw_only=True):
    """A move of a branch. ``reason`` is the command, ``because`` the operator's reason,
    ``subject`` the first line of the new commit's message, null if the branch was deleted."""

    refish: str
    zone: str
    branch: str
    sequence: int
    time: float
    actor: str
    reason: str
    because: str | None
    old: str | None
    new: str | None
    serial: int | None
    operation: str | None
    subject: str | None


def make_row(entry: LogEntry) -> LogRowDocument:
    """Return a row of the log, without the fields that all rows of an operation share."""
    return LogRowDocument(
        ref=entry.ref.path(),
        kind=entry.kind,
        old=to_hex(entry.old),
        new=to_hex(entry.new),
        serial=entry.serial,
        sequence=entry.sequence,
    )


def make_reflog_entry(
    refish: str, each: ReflogEntry, zone: Name, branch: str
) -> ReflogEntryDocument:
    """Return a move of a branch; ``refish`` names its new target."""
    move = each.move
    return ReflogEntryDocument(
        refish=refish,
        zone=names.text(zone),
        branch=branch,
        sequence=move.sequence,
        time=move.time,
        actor=move.actor,
        reason=move.command,
        because=move.reason,
        old=to_hex(move.old),
        new=to_hex(move.new),
        serial=move.serial,
        operation=move.operation,
        subject=each.subject,
    )
