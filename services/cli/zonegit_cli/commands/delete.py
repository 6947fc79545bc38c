"""zonegit delete: delete an RRset, or all RRsets of a name."""

import click

from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse.records import parse_delete
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

    A * in NAME matches any characters within one label; quote it for the shell. All names that
    match are deleted, with a note of their number; names that others add at the same time match
    as well. The apex never matches. A first label of only * is not a pattern, but the wildcard
    of DNS; ** matches any first label, and \\* an asterisk.

    \b
    zonegit delete old A
    zonegit delete old
    zonegit delete 'dhcp-*' --dry-run
    zonegit delete 'dhcp-*.lab' A
    zonegit delete '*.lab'           # the wildcard *.lab only
    """
    words = ["delete", name, *([rdtype.upper()] if rdtype else [])]
    async with commit_command.open_target(session, commit_options) as target:
        edit = parse_delete(target.at.zone, name, rdtype)
        await commit_command.commit_edits(target, [edit], words)
