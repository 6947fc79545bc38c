"""zonegit op: show the log of operations."""

from collections.abc import Iterator, Mapping

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo.inspect import operations
from zonegit.store.ref_log import OperationSummary
from zonegit.store.ref_names import RefName
from zonegit.views.operation import make_operation
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_count
from zonegit_cli.render import operations as operation_lines
from zonegit_cli.session import Session


@options.session_command("log")
@options.max_count_option("operations", 20, maximum=1000)
@click.option(
    "--zone",
    type=options.ZONE,
    metavar="ZONE",
    help="Only operations that moved refs of this zone.",
)
@click.option("--actor", metavar="ACTOR", help="Only operations of this operator.")
async def log(session: Session, limit: int, zone: Name | None, actor: str | None) -> None:
    """Show the operations, the latest first: the time, the actor, and the old and new target of
    each ref that moved.

    A command is one operation, even if it moves several refs. zonegit undo undoes an operation.

    \b
    zonegit op log -n 5
    zonegit op log --zone example.com --actor bob
    """
    async with session.connect() as repo:
        found = await operations.list_latest(repo, limit, zone=zone, actor=actor)
        entries = [entry for each in found for entry in each.entries]
        symrefs = await operations.read_symrefs(repo, entries)
    data = [make_operation(each) for each in found]
    lines = [line for each in found for line in _format_lines(each, symrefs)]
    session.output.print_result(data, lines or ["no operations yet"], paged=True)


@click.group("op")
def command() -> None:
    """Show the log of operations.

    \b
    zonegit op log
    zonegit undo 1a2b3c4d5e6f       undo an operation
    """


command.add_command(log)


def _format_lines(each: OperationSummary, symrefs: Mapping[ObjectId, RefName]) -> Iterator[str]:
    yield operation_lines.format_head(each.operation, each.entries)
    yield from operation_lines.format_moves(each.entries, symrefs)
    if each.rows > len(each.entries):
        yield f"    and {format_count(each.rows - len(each.entries), 'more move')}"
