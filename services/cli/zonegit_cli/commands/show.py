"""zonegit show: an RRset, now or at any commit."""

import click

from zonegit.repo import browse, refish
from zonegit.store.reading import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text
from zonegit_cli import page
from zonegit_cli.session import Session


@page.page("show")
@click.argument("name")
@click.argument("rdtype", metavar="TYPE")
@click.argument("at", metavar="[REFISH]", default="HEAD")
@page.in_zone
async def command(
    session: Session, name: str, rdtype: str, at: str, zone: Name | None, branch: str | None
) -> None:
    """Show the RRset NAME TYPE as it is, or as it was at REFISH.

    \b
    zonegit show www A
    zonegit show www A HEAD~1
    """
    number = rrtypes.from_text(rdtype)
    async with session.connected() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        reader = Reader(repo.objects)
        tree = (await browse.read_commit(reader, resolved.commit)).tree
        owner = names.parse(name, resolved.zone)
        rrset = await browse.rrset_at(reader, tree, owner, number, resolved.zone)
    rdatas = [rdata_to_text(rrset.rdtype, rdata) for rdata in rrset.rdatas]
    data = {
        "name": names.text(rrset.owner),
        "type": rrtypes.to_text(rrset.rdtype),
        "ttl": rrset.ttl,
        "rdata": rdatas,
        "zone": names.text(resolved.zone),
        "commit": resolved.commit.hex(),
    }
    session.output.result(data, _lines(rrset, rdatas))


def _lines(rrset: RRset, rdatas: list[str]) -> list[str]:
    head = f"{names.text(rrset.owner)} {rrset.ttl} IN {rrtypes.to_text(rrset.rdtype)}"
    return [f"{head} {rdata}" for rdata in rdatas]
