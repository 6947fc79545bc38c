"""How conflicts look: each RRset with its reason, and what it was, is here, and is there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import click
import msgspec

from zonegit.merge.conflicts import Clash
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.zone import names, spelling
from zonegit.zone.rrset import RRset, rdata_to_text, title
from zonegit_cli.output import count
from zonegit_cli.render import documents

Advice = Callable[[Conflicted], Sequence[str]]
"""What to do about a conflict, a line each."""


BY_HAND: Final = (
    "make both sides agree on these (zonegit set or delete, on either branch), then try again",
)


def by_hand(_conflicted: Conflicted) -> Sequence[str]:
    """Where no command takes up what stopped."""
    return BY_HAND


def by_merging(name: str, into: str) -> Advice:
    """Where what stopped was a merge of branch ``name`` into another one."""

    def advice(conflicted: Conflicted) -> Sequence[str]:
        where = f"--zone {names.text(conflicted.zone)} --branch {into}"
        return [f"zonegit merge {name} {where} lets you decide each of them"]

    return advice


def lines(conflicted: Conflicted, advice: Sequence[str] = BY_HAND) -> Iterator[str]:
    """For people."""
    where = f"{names.text(conflicted.zone)} {conflicted.branch}"
    found = count(len(conflicted.clashes), "conflict")
    yield click.style(f"{found}; {where} stays as it is", fg="red")
    yield from each(conflicted.clashes)
    yield from advice


def each(clashes: Iterable[Clash]) -> Iterator[str]:
    """The RRsets alone, for people."""
    for clash in clashes:
        why = f"{clash.reason}: {clash.detail}" if clash.detail else clash.reason
        yield f"  {title(clash.owner, clash.rdtype)}  {click.style(why, fg='yellow')}"
        for name, side in _sides(clash)[clash.reason == "no agreed base" :]:
            yield f"    {name:<6}  {_value(side)}"


def _value(rrset: RRset | None) -> str:
    if rrset is None:
        return "absent"
    return f"{rrset.ttl} " + ", ".join(rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas)


def as_json(clash: Clash) -> dict[str, Any]:
    """One of them as ``--json`` shows it."""
    (found,) = documents.conflicts([clash])
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


def _sides(clash: Clash) -> list[tuple[str, RRset | None]]:
    sides = [("base", clash.base), ("ours", clash.ours), ("theirs", clash.theirs)]
    return [(name, side and spelling.without_twins(side)) for name, side in sides]
