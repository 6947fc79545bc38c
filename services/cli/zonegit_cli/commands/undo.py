"""zonegit undo: undo an operation."""

import click

from zonegit_cli import options, undo_command
from zonegit_cli.session import Session
from zonegit_cli.undo_command import UndoOptions


@options.session_command("undo")
@click.argument("operation", required=False)
@undo_command.undo_options
async def command(session: Session, operation: str | None, options: UndoOptions) -> None:
    """Undo OPERATION: every branch, tag, HEAD and zone that it moved returns to its earlier state.
    zonegit op log lists operations; four digits of the id are enough.

    Without OPERATION, undo your latest operation that moved a branch, a tag or a zone, is not
    undone yet, and is neither an undo nor a redo. Repeat the command to undo earlier operations;
    zonegit redo reverses each of these. zonegit zone switch and zonegit checkout are not undone.

    A branch gets its old records as a new commit with the next serial, so that secondaries follow.
    If one of the refs moved again since, nothing is moved and the exit status is 4. If an undo was
    interrupted, the same command completes it.

    \b
    zonegit undo --dry-run              show your latest operation, and what would be restored
    zonegit undo --wait
    zonegit undo 1a2b3c4d5e6f           any operation, also of another operator
    """
    await undo_command.run_undo(session, operation, options)
