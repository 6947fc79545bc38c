"""Format diffs: records in red and green."""

from collections.abc import Iterable, Iterator, Sequence

import click

from zonegit.repo.commit import patch
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.zone.rrset import format_key
from zonegit_cli.table import align_columns

COLOURS = {"-": "red", "+": "green"}


def format_lines(deltas: Iterable[RRsetDelta]) -> Iterator[str]:
    """Return the lines of a patch with colours; output strips these if there is no terminal."""
    return (click.style(line, fg=COLOURS[line[0]]) for line in patch.write(deltas))


def format_counts(minus: int, plus: int) -> str:
    """Return counts of records as ``--stat`` shows them; an empty text for zero."""
    shown = []
    if plus:
        shown.append(click.style(f"+{plus}", fg=COLOURS["+"]))
    if minus:
        shown.append(click.style(f"-{minus}", fg=COLOURS["-"]))
    return " ".join(shown)


def format_stat(deltas: Sequence[RRsetDelta]) -> Iterator[str]:
    """Yield the number of records added to and removed from each RRset, and the totals."""
    if not deltas:
        yield "no RRset differs"
        return
    rows, added, removed = [], 0, 0
    for delta in deltas:
        minus, plus = patch.count_records(delta)
        added, removed = added + plus, removed + minus
        rows.append((f"  {format_key(delta.owner, delta.rdtype)}", format_counts(minus, plus)))
    yield from align_columns(rows)
    rrsets = "1 RRset differs" if len(deltas) == 1 else f"{len(deltas)} RRsets differ"
    yield f"{rrsets}: {format_counts(removed, added) or 'no record'}"
