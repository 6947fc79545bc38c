"""zonegit delete: delete an RRset, or all RRsets of a name."""

import click

from zonegit.repo.commit import edits
from zonegit.zone import names, rrtypes
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.session import Session


@options.session_command("delete")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="[TYPE]", required=False)
@options.commit_options
async def command(
    session: Session, name: str, rdtype: str | None, commit_options: CommitOptions
) -> None:
    """Delete an RRset, or without TYPE every RRset of a name, as one commit.

    Names below NAME are not deleted. The SOA of a zone cannot be deleted.

    \b
    zonegit delete old A
    zonegit delete old
    """
    number = rrtypes.from_text(rdtype) if rdtype is not None else None
    words = ["delete", name, *([rdtype.upper()] if rdtype else [])]
    async with commit_command.open_target(session, commit_options) as target:
        edit = edits.Delete(names.parse(name, target.at.zone), number)
        await commit_command.commit_edits(target, [edit], words)
