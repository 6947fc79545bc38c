"""zonegit remove: records leave an RRset."""

import click

from zonegit.repo.committing import edits
from zonegit.zone import names, rrtypes, typed_records
from zonegit.zone.names import Name
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session
from zonegit_cli.typed.records import parse_rdatas


@page.page("remove")
@click.argument("name")
@click.argument("rdtype", type=page.TYPE, metavar="TYPE")
@click.argument("rdata", nargs=-1, required=True)
@page.commits
async def command(
    session: Session, name: str, rdtype: str, rdata: tuple[str, ...], how: How
) -> None:
    """Remove a record from an RRset, as one commit; the last one takes the RRset with it.

    \b
    zonegit remove www A 192.0.2.8
    zonegit remove @ MX 20 mail2
    """
    number = rrtypes.from_text(rdtype)

    def edit(zone: Name) -> edits.Remove:
        rdatas = parse_rdatas(zone, rdtype, rdata)
        return edits.Remove(names.parse(name, zone), number, tuple(rdatas))

    words, found = ["remove", name, rdtype.upper()], typed_records.find_notes(number, rdata)
    await committing.commit_edit(session, how, words, edit, found)
