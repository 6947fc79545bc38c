"""How differences look: records in red and green for people, RRsets before and after in JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
import msgspec

from zonegit.repo.commit import patch
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.zone.rrset import title
from zonegit_cli.output import columns
from zonegit_cli.render import documents

COLOURS = {"-": "red", "+": "green"}


def lines(deltas: Iterable[RRsetDelta]) -> Iterator[str]:
    """A patch with colours, which the terminal's end strips where they do not belong."""
    return (click.style(line, fg=COLOURS[line[0]]) for line in patch.write(deltas))


def count_text(minus: int, plus: int) -> str:
    """As ``--stat`` shows them; empty where nothing differs."""
    shown = []
    if plus:
        shown.append(click.style(f"+{plus}", fg=COLOURS["+"]))
    if minus:
        shown.append(click.style(f"-{minus}", fg=COLOURS["-"]))
    return " ".join(shown)


def stat(deltas: Sequence[RRsetDelta]) -> Iterator[str]:
    """Yield how many records of each RRset came and went, and how many in all."""
    if not deltas:
        yield "no RRset differs"
        return
    rows, came, went = [], 0, 0
    for delta in deltas:
        minus, plus = patch.count_records(delta)
        came, went = came + plus, went + minus
        rows.append((f"  {title(delta.owner, delta.rdtype)}", count_text(minus, plus)))
    yield from columns(rows)
    rrsets = "1 RRset differs" if len(deltas) == 1 else f"{len(deltas)} RRsets differ"
    yield f"{rrsets}: {count_text(went, came) or 'no record'}"


def as_json(deltas: Iterable[RRsetDelta]) -> list[dict[str, Any]]:
    """RRsets as they were and are; null where there is none."""
    found: list[dict[str, Any]] = msgspec.to_builtins(documents.changes(deltas))
    return found
