"""Operations as they are printed: a line for the whole, and one for each ref that moved."""

from collections.abc import Iterable, Iterator, Mapping

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo import refish_time
from zonegit.repo.inspect import operations
from zonegit.store.protocols import LogEntry
from zonegit.store.ref_names import RefName


def head(operation: str, entries: Iterable[LogEntry]) -> str:
    """Return an operation in one line: its id, when, who and with what."""
    first = next(iter(entries))
    why = f"{first.command}: {first.reason}" if first.reason else first.command
    shown = click.style(operations.short_id(operation), fg="yellow")
    return f"operation {shown}  {refish_time.format_time(first.time)}  {first.actor}  {why}"


def moves(entries: Iterable[LogEntry], symrefs: Mapping[ObjectId, RefName]) -> Iterator[str]:
    """Yield a line for each ref that moved."""
    for entry in entries:
        ref = operations.format_ref(entry.ref)
        if entry.ref.space == "zone":
            yield f"    {ref} {entry.kind}"
        else:
            old, new = (operations.format_target(each, symrefs) for each in (entry.old, entry.new))
            yield f"    {ref}: {old} -> {new}"
