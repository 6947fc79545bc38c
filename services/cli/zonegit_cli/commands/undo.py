"""zonegit undo: take an operation back."""

import click

from zonegit_cli import options, undo_command
from zonegit_cli.session import Session
from zonegit_cli.undo_command import UndoOptions


@options.page("undo")
@click.argument("operation", required=False)
@undo_command.takes_back
async def command(session: Session, operation: str | None, options: UndoOptions) -> None:
    """Take back what OPERATION did: every branch, tag, HEAD and zone that it moved goes back to
    where it was. zonegit op log lists operations; four digits of the id are enough.

    Without OPERATION it is your own newest one that moved a branch, a tag or a zone, is not undone
    yet, and is neither an undo nor a redo itself. So each further zonegit undo goes further back,
    and zonegit redo comes forward again. zonegit zone switch and checkout do not count.

    A branch gets its old records as a new commit, under the next serial: secondaries follow. If one
    of the refs was moved again since, nothing is moved and the exit status is 4. An undo that was
    interrupted is completed by the same command.

    \b
    zonegit undo --dry-run              what your last command did, and what would go back
    zonegit undo --wait
    zonegit undo 1a2b3c4d5e6f           any operation, also of another operator
    """
    await undo_command.take_back(session, operation, options)
