"""zonegit redo: reverse the latest undo."""

from zonegit_cli import options, undo_command
from zonegit_cli.session import Session
from zonegit_cli.undo_command import UndoOptions


@options.session_command("redo")
@undo_command.undo_options
async def command(session: Session, options: UndoOptions) -> None:
    """Reverse your latest undo that was not redone yet.

    After several undos each redo reverses one more of them. After any other operation of yours that
    moves a branch, a tag or a zone there is nothing to redo: use zonegit undo ID with the id of the
    undo, which zonegit op log shows. A branch gets the records as a new commit with the next
    serial.

    \b
    zonegit undo
    zonegit redo --dry-run
    zonegit redo --wait
    """
    await undo_command.run_undo(session, None, options, redo=True)
