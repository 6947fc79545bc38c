"""Format conflicts: each RRset with its reason, and its content in the base and on both sides."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click

from zonegit.merge.conflicts import Clash
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.zone import names, spelling
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, format_key, rdata_to_text
from zonegit_cli.output import format_count
from zonegit_cli.text_width import wrap_line

BY_HAND: Final = (
    "make both sides equal (zonegit set or delete, on either branch), then try again",
)
"""The advice for commands without a sequencer, as lines."""


def advise_merge(zone: Name, name: str, into: str) -> Sequence[str]:
    """Return the advice to merge branch ``name`` into branch ``into`` with ``zonegit merge``."""
    where = f"--zone {names.text(zone)} --branch {into}"
    return [f"resolve them with zonegit merge {name} {where}"]


def format_conflicts(conflicted: Conflicted, advice: Sequence[str] = BY_HAND) -> Iterator[str]:
    """Yield the conflicts and the advice as lines."""
    where = f"{names.text(conflicted.zone)} {conflicted.branch}"
    found = format_count(len(conflicted.clashes), "conflict")
    yield from wrap_line(click.style(f"{found}; {where} did not move", fg="red"))
    yield from format_clashes(conflicted.clashes)
    for line in advice:
        yield from wrap_line(line)


def format_clashes(clashes: Iterable[Clash]) -> Iterator[str]:
    """Yield the RRsets as lines."""
    for clash in clashes:
        reason = f"{clash.reason}: {clash.detail}" if clash.detail else clash.reason
        yield f"  {format_key(clash.owner, clash.rdtype)}  {click.style(reason, fg='yellow')}"
        for name, side in _list_sides(clash)[clash.reason == "no agreed base" :]:
            yield f"    {name:<6}  {_format_rrset(side)}"


def _format_rrset(rrset: RRset | None) -> str:
    if rrset is None:
        return "absent"
    return f"{rrset.ttl} " + ", ".join(rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas)


def _list_sides(clash: Clash) -> list[tuple[str, RRset | None]]:
    sides = [("base", clash.base), ("ours", clash.ours), ("theirs", clash.theirs)]
    return [(name, side and spelling.remove_twins(side)) for name, side in sides]
