"""zonegit export: a zone as a master file."""

from typing import Any

import click

from zonegit.repo import browse, refish
from zonegit.repo.refish import Resolved
from zonegit.store.reading import Reader
from zonegit.zone import names, zonetext
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, sort_key
from zonegit_cli import page, rrsets
from zonegit_cli.session import Session


@page.page("export")
@click.argument("at", type=page.REFISH, metavar="[REFISH]", default="HEAD")
@page.in_zone
async def command(session: Session, at: str, zone: Name | None, branch: str | None) -> None:
    """Print the zone as it is, or was at REFISH, as a master file in canonical order.

    Importing what is printed gives the same tree.

    \b
    zonegit export > example.com.zone
    zonegit export HEAD~1                   as it was one commit ago
    """
    async with session.connected() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        reader = Reader(repo.objects)
        tree = (await browse.read_commit(reader, resolved.commit)).tree
        found = await browse.whole_zone(reader, tree)
    lines = (line.removesuffix("\n") for line in zonetext.write(found, resolved.zone))
    session.output.result(lambda: _json(resolved, found), lines, paged=True)


def _json(resolved: Resolved, found: list[RRset]) -> dict[str, Any]:
    return {
        "zone": names.text(resolved.zone),
        "commit": resolved.commit.hex(),
        "rrsets": [
            rrsets.as_json(rrset)
            for rrset in sorted(found, key=lambda r: sort_key(r.owner, r.rdtype))
        ],
    }
