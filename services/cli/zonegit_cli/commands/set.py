"""zonegit set: an RRset becomes exactly these records."""

import click

from zonegit.repo.committing import edits
from zonegit.zone import rrtypes
from zonegit.zone.rrset import ttl_from_text
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session
from zonegit_cli.typed.records import parse_rrset


@page.page("set")
@click.argument("name")
@click.argument("rdtype", type=page.TYPE, metavar="TYPE")
@click.argument("ttl")
@click.argument("rdata", nargs=-1, required=True)
@page.commits
async def command(
    session: Session, name: str, rdtype: str, ttl: str, rdata: tuple[str, ...], how: How
) -> None:
    """Make an RRset hold exactly these records, as one commit.

    NAME is relative to the zone, @ its apex; TTL is in seconds or like 1h30m. The serial moves by
    one by itself.

    \b
    zonegit set www A 300 192.0.2.7              one address
    zonegit set www A 300 192.0.2.7 192.0.2.8    two
    zonegit set ftp CNAME 300 www                names in RDATA are relative, too:
    zonegit set ftp CNAME 300 www.example.net.   one elsewhere ends with a dot
    zonegit set @ MX 1h 10 mail.example.com.     words of one record
    zonegit set @ MX 1h '10 mail1' '20 mail2'    two records
    zonegit set @ TXT 300 'v=spf1 -all'          text needs no quotes of its own
    zonegit set t TXT 300 -- -all                what begins with - follows --
    """
    rrtypes.from_text(rdtype), ttl_from_text(ttl)  # bad words cost no round trip
    await committing.commit_edit(
        session,
        how,
        ["set", name, rdtype.upper()],
        lambda zone: edits.Set(parse_rrset(zone, name, rdtype, ttl, rdata)),
    )
