"""Format operations: a line for the operation, and one for each ref that moved."""

from collections.abc import Iterable, Iterator, Mapping

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo import refish_time
from zonegit.repo.inspect import operations
from zonegit.store.ref_log import LogEntry
from zonegit.store.ref_names import RefName


def format_head(operation: str, entries: Iterable[LogEntry]) -> str:
    """Return the line of an operation: its id, time, actor, command and reason."""
    first = next(iter(entries))
    command = f"{first.command}: {first.reason}" if first.reason else first.command
    shown = click.style(operations.shorten_id(operation), fg="yellow")
    return f"operation {shown}  {refish_time.format_time(first.time)}  {first.actor}  {command}"


def format_moves(entries: Iterable[LogEntry], symrefs: Mapping[ObjectId, RefName]) -> Iterator[str]:
    """Yield a line for each ref that moved."""
    for entry in entries:
        ref = operations.format_ref(entry.ref)
        if entry.ref.space == "zone":
            yield f"    {ref} {entry.kind}"
        else:
            old, new = (operations.format_target(each, symrefs) for each in (entry.old, entry.new))
            yield f"    {ref}: {old} -> {new}"
