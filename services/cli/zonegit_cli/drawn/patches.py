"""How differences look: records in red and green for people, RRsets before and after in JSON."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from zonegit.repo.committing import patch
from zonegit.repo.committing.diffs import Delta
from zonegit_cli.drawn import rrsets

_COLOURS = {"-": "red", "+": "green"}


def lines(deltas: Iterable[Delta]) -> Iterator[str]:
    """A patch with colours, which the terminal's end strips where they do not belong."""
    return (click.style(line, fg=_COLOURS[line[0]]) for line in patch.write(deltas))


def count_text(minus: int, plus: int) -> str:
    """As ``--stat`` shows them; empty where nothing differs."""
    shown = []
    if plus:
        shown.append(click.style(f"+{plus}", fg=_COLOURS["+"]))
    if minus:
        shown.append(click.style(f"-{minus}", fg=_COLOURS["-"]))
    return " ".join(shown)


def as_json(deltas: Iterable[Delta]) -> list[dict[str, Any]]:
    """RRsets as they were and are; null where there is none."""
    return [
        {
            **rrsets.named(delta.owner, delta.rdtype),
            "old": rrsets.content(delta.old),
            "new": rrsets.content(delta.new),
        }
        for delta in deltas
    ]
