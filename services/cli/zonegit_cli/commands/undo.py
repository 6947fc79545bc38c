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
    OPERATION is an id of zonegit op log, of which four digits are enough, or the id of a commit
    that it made, as zonegit log and zonegit blame print it.

    Without OPERATION, undo your latest operation that moved a branch, a tag or a zone, is not
    undone yet, and is neither an undo nor a redo. Repeat the command to undo earlier operations;
    zonegit redo reverses each of these. zonegit zone switch and zonegit checkout are not undone.

    A branch gets its old records as a new commit with the next serial, so that secondaries follow.
    If one of the refs moved again since, nothing is moved, the exit status is 4, and the error
    names the later operations and the command that undoes the latest of them. zonegit revert takes
    back one commit and keeps later ones. If an undo was interrupted, the same command completes it.

    \b
    zonegit undo --dry-run              show your latest operation, and what would be restored
    zonegit undo --wait
    zonegit undo 1a2b3c4d5e6f           any operation, also of another operator
    zonegit undo 9c0ffee1               the operation that made this commit
    """
    await undo_command.run_undo(session, operation, options)
