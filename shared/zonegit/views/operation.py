"""Operations, each with the refs that it moved, as JSON."""

from zonegit.store.ref_log import OperationSummary
from zonegit.views.document import Document
from zonegit.views.log_entry import LogRowDocument, make_row


class OperationDocument(Document, kw_only=True):
    """An operation. ``reason`` is the command, ``because`` the operator's reason, ``undoes`` the
    operation that it reverses; ``rows`` counts its rows in the log, of which ``refs`` may list
    the first only."""

    operation: str
    time: float
    actor: str
    reason: str
    because: str | None
    undoes: str | None
    rows: int
    refs: list[LogRowDocument]


def make_operation(each: OperationSummary) -> OperationDocument:
    """Return an operation as a document."""
    first = each.entries[0]
    return OperationDocument(
        operation=each.operation,
        time=first.time,
        actor=first.actor,
        reason=first.command,
        because=first.reason,
        undoes=first.undoes,
        rows=each.rows,
        refs=[make_row(entry) for entry in each.entries],
    )
