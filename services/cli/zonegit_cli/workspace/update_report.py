"""Print the result of ``workspace update``."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import click

from zonegit.objects.ids import short
from zonegit.zone import names
from zonegit_cli.output import format_count
from zonegit_cli.render import conflict_lines
from zonegit_cli.run import EXIT_STATUS
from zonegit_cli.session import Session
from zonegit_cli.workspace.update_files import UpdatedFile, UpdateOutcome

SHOWN: Final = 20
"""Updated files that are listed; the others are counted."""


def print_updates(session: Session, every: Sequence[UpdatedFile]) -> int:
    """Print the outcome for each file, and return the exit status."""
    touched = [each for each in every if each.outcome is not UpdateOutcome.CURRENT]
    session.output.print_result(
        [_to_json(each) for each in touched], _format_lines(touched), paged=True
    )
    for each in touched:
        if each.kept is not None:
            session.output.print_note(f"the former text of {each.file.path} is kept in {each.kept}")
    clashed = any(each.outcome is UpdateOutcome.CLASHED for each in touched)
    return EXIT_STATUS["conflict"] if clashed else 0


def _format_lines(touched: Sequence[UpdatedFile]) -> Iterator[str]:
    if not touched:
        yield "all files are at the tips of their branches"
    forward = [each for each in touched if each.outcome is UpdateOutcome.FORWARD]
    for each in forward[:SHOWN]:
        yield f"  {_format_move(each)}"
    if len(forward) > SHOWN:
        yield f"  and {format_count(len(forward) - SHOWN, 'more file')}"
    for each in touched:
        yield from _format_line(each)


def _format_line(each: UpdatedFile) -> Iterator[str]:
    match each.outcome:
        case UpdateOutcome.REMOVED:
            yield f"  {each.file.path} removed: {_format_branch(each)} was deleted"
        case UpdateOutcome.MERGED:
            yield f"  {_format_move(each)}, merged with your uncommitted changes"
        case UpdateOutcome.LEFT:
            yield click.style(
                f"  {each.file.path} not updated: {_format_reason(each)}", fg="yellow"
            )
        case UpdateOutcome.CLASHED if each.conflict is not None:
            found = format_count(len(each.conflict.clashes), "conflict")
            yield click.style(f"  {each.file.path} not updated: {found}", fg="red")
            yield from conflict_lines.format_clashes(each.conflict.clashes)
            yield (
                f"ours is {each.file.known.branch}, theirs is the file; change the file to ours"
                " where they conflict, then update again"
            )
        case _:
            return


def _format_move(each: UpdatedFile) -> str:
    tip = short(each.tip) if each.tip else ""
    return f"{each.file.path} {short(each.file.known.commit)} -> {tip}"


def _format_branch(each: UpdatedFile) -> str:
    return f"branch {each.file.known.branch} of {names.text(each.file.zone)}"


def _format_reason(each: UpdatedFile) -> str:
    if each.tip is None:
        return f"{_format_branch(each)} was deleted, and you changed the file"
    moved = f"{each.file.known.branch} moved to {short(each.tip)}"
    match each.file.state:
        case "deleted":
            return f"{moved}, and you deleted the file; zonegit workspace checkout restores it"
        case "malformed":
            return f"{moved}, and the file does not parse"
        case _:
            return f"{moved}, and you changed the file; --merge merges both"


def _to_json(each: UpdatedFile) -> dict[str, Any]:
    return {
        "zone": names.text(each.file.zone),
        "path": each.file.path,
        "outcome": each.outcome.name.lower(),
        "state": each.file.state,
        "old": each.file.known.commit.hex(),
        "tip": each.tip.hex() if each.tip else None,
        "kept": each.kept,
        "conflicts": [conflict_lines.to_json(clash) for clash in each.conflict.clashes]
        if each.conflict
        else [],
    }
