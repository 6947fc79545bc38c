"""zonegit export: a zone as a master file."""

import click

from zonegit.repo import browse, refish
from zonegit.store.reading import Reader
from zonegit.zone import names, rrtypes, zonetext
from zonegit.zone.names import Name
from zonegit.zone.rrset import rdata_to_text
from zonegit_cli import page
from zonegit_cli.session import Session


@page.page("export")
@click.argument("at", metavar="[REFISH]", default="HEAD")
@page.in_zone
async def command(session: Session, at: str, zone: Name | None, branch: str | None) -> None:
    """Print the zone as it is, or was at REFISH, as a master file in canonical order.

    Importing what is printed gives the same tree.
    """
    async with session.connected() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        reader = Reader(repo.objects)
        tree = (await browse.read_commit(reader, resolved.commit)).tree
        rrsets = await browse.whole_zone(reader, tree)
    if session.output.as_json:
        records = [
            {
                "name": names.text(rrset.owner),
                "type": rrtypes.to_text(rrset.rdtype),
                "ttl": rrset.ttl,
                "rdata": [rdata_to_text(rrset.rdtype, rdata) for rdata in rrset.rdatas],
            }
            for rrset in sorted(rrsets, key=lambda r: (names.canonical_key(r.owner), r.rdtype))
        ]
        data = {"zone": names.text(resolved.zone), "commit": resolved.commit.hex()}
        session.output.result({**data, "rrsets": records}, [])
        return
    for line in zonetext.write(rrsets, resolved.zone):
        click.echo(line, nl=not line.endswith("\n"))
