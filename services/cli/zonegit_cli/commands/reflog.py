"""zonegit reflog: show the moves of a branch."""

from typing import Final

import click

from zonegit.repo import heads, refish_time
from zonegit.repo.change import branches
from zonegit.repo.change.branches import ReflogEntry
from zonegit.views.log_entry import make_reflog_entry
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_id
from zonegit_cli.session import Session
from zonegit_cli.table import Cell, Column, align_columns, format_time_cell

COLUMNS: Final = (
    Column("REFISH"),
    Column("#"),
    Column("TIME"),
    Column("ACTOR", "middle"),
    Column("COMMAND", "end"),
    Column("FROM", "id"),
    Column("TO", "id"),
    Column("SUBJECT", "end"),
)
NOTHING: Final = "-"


@options.session_command("reflog")
@click.argument("branch", type=options.BRANCH, required=False)
@options.max_count_option("moves", 50, maximum=1000)
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Show a branch of this zone.")
async def command(session: Session, branch: str | None, limit: int, zone: Name | None) -> None:
    """Show the moves of BRANCH (the current one), the latest first: the refish of the new target,
    the number of the move in the log, its time, its actor, its command with the reason, the old and
    the new target, and the subject of the new commit.

    The moves of a deleted branch are shown as well. All commits that are listed still exist:

    \b
    zonegit reflog canary
    zonegit diff canary@{1} canary           the changes of the latest move
    zonegit branch canary 62b53eb0ef57       create the branch again
    """
    async with session.connect() as repo:
        current_zone = await heads.find_zone(repo, zone)
        name = branch or (await heads.find_position(repo, zone)).branch
        entries = await branches.read_reflog(repo, current_zone, name, limit)
    data = [
        make_reflog_entry(_format_refish(name, number), each, current_zone, name)
        for number, each in enumerate(entries)
    ]
    lines = align_columns([_format_row(*each, name) for each in enumerate(entries)], COLUMNS)
    session.output.print_result(data, lines, paged=True)


def _format_row(number: int, each: ReflogEntry, branch: str) -> tuple[Cell, ...]:
    move = each.move
    return (
        _format_refish(branch, number),
        str(move.sequence),
        format_time_cell(move.time, refish_time.format_time(move.time)),
        move.actor,
        f"{move.command}: {move.reason}" if move.reason else move.command,
        format_id(move.old) if move.old is not None else NOTHING,
        format_id(move.new) if move.new is not None else NOTHING,
        each.subject or "",
    )


def _format_refish(branch: str, number: int) -> str:
    return f"{branch}@{{{number}}}"
