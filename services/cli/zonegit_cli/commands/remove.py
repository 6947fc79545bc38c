"""zonegit remove: remove records from an RRset."""

import click

from zonegit.zone import rrtypes
from zonegit.zonefile import typed_records
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse.records import parse_remove
from zonegit_cli.session import Session


@options.session_command("remove")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="TYPE")
@click.argument("rdata", nargs=-1, required=True)
@options.commit_options
async def command(
    session: Session, name: str, rdtype: str, rdata: tuple[str, ...], commit_options: CommitOptions
) -> None:
    """Remove a record from an RRset, as one commit. The RRset is deleted with its last record.

    \b
    zonegit remove www A 192.0.2.8
    zonegit remove @ MX 20 mail2
    """
    number = rrtypes.from_text(rdtype)
    notes = typed_records.find_notes(number, rdata)
    async with commit_command.open_target(session, commit_options) as target:
        edit = parse_remove(target.at.zone, name, rdtype, rdata)
        await commit_command.commit_edits(target, [edit], ["remove", name, rdtype.upper()], notes)
