"""zonegit remove: records leave an RRset."""

import click

from zonegit.zone import rrtypes
from zonegit.zonefile import typed_records
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session
from zonegit_cli.typed.records import parse_remove


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
    await committing.commit_edit(
        session,
        how,
        ["remove", name, rdtype.upper()],
        lambda zone: parse_remove(zone, name, rdtype, rdata),
        typed_records.find_notes(number, rdata),
    )
