"""zonegit add: records join an RRset."""

import click

from zonegit.repo.committing import edits
from zonegit.zone import rrtypes, typed_records
from zonegit.zone.rrset import ttl_from_text
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session
from zonegit_cli.typed.records import parse_rrset


@page.page("add")
@click.argument("name")
@click.argument("rdtype", type=page.TYPE, metavar="TYPE")
@click.argument("ttl")
@click.argument("rdata", nargs=-1, required=True)
@page.RESPELL
@page.commits
async def command(
    session: Session, name: str, rdtype: str, ttl: str, rdata: tuple[str, ...], how: How
) -> None:
    """Add a record to an RRset, or start one, as one commit.

    All records of an RRset share one TTL (RFC 2181 section 5.2): they take the one given here.

    \b
    zonegit add www A 300 192.0.2.8
    zonegit add @ MX 1h 20 mail2
    """
    number = rrtypes.from_text(rdtype)
    ttl_from_text(ttl)  # bad words cost no round trip
    await committing.commit_edit(
        session,
        how,
        ["add", name, rdtype.upper()],
        lambda zone: edits.Add(parse_rrset(zone, name, rdtype, ttl, rdata)),
        typed_records.find_notes(number, rdata),
    )
