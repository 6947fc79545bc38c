"""Operations, each with the refs that it moved, as JSON."""

from zonegit.store.ref_log import OperationSummary
from zonegit.views.document import Document
from zonegit.views.log_entry import LogRowDocument, make_row
from zonegit.zone import names


class OperationDocument(Document, kw_only=True):
    """An operation. ``reason`` is the command, ``because`` the operator's reason, ``undoes`` the
    operation that it reverses; ``rows`` counts its rows in the log, of which ``refs`` may list
    the first only. ``zone`` is the zone of its first row, ``message`` and ``author`` those of its
    first new commit, ``summary`` what was done with that message; null if it has none."""

    operation: str
    time: float
    actor: str
    reason: str
    because: str | None
    undoes: str | None
    zone: str | None
    message: str | None
    author: str | None
    summary: str | None
    rows: int
    refs: list[LogRowDocument]


def make_operation(
    each: OperationSummary,
    message: str | None = None,
    author: str | None = None,
    summary: str | None = None,
) -> OperationDocument:
    """Return an operation as a document.

    Args:
        each: the operation.
        message: the first line of the message of its commit; None without a commit.
        author: the name of the author of that commit; None without a commit.
        summary: what was done, and the message; None without a commit.
    """
    first = each.entries[0]
    return OperationDocument(
        operation=each.operation,
        time=first.time,
        actor=first.actor,
        reason=first.command,
        because=first.reason,
        undoes=first.undoes,
        zone=names.text(first.ref.zone) if first.ref.zone is not None else None,
        message=message,
        author=author,
        summary=summary,
        rows=each.rows,
        refs=[make_row(entry) for entry in each.entries],
    )
