"""zonegit redo: make again what the last undo took back."""

from zonegit_cli import options, undo_command
from zonegit_cli.session import Session
from zonegit_cli.undo_command import UndoOptions


@options.page("redo")
@undo_command.takes_back
async def command(session: Session, options: UndoOptions) -> None:
    """Take back your newest undo that was not redone yet: what it undid is made again.

    After several undos each redo takes back one more of them. Any other operation of yours that
    moves a branch, a tag or a zone ends this: then zonegit undo ID takes an undo back by its id,
    which zonegit op log shows. A branch gets the records as a new commit, under the next serial.

    \b
    zonegit undo
    zonegit redo --dry-run
    zonegit redo --wait
    """
    await undo_command.take_back(session, None, options, redo=True)
