"""zonegit import: a master file becomes the zone."""

import os
from pathlib import Path

import click

from zonegit.repo import edits, plans
from zonegit.repo.commits import Lost
from zonegit.repo.edits import Edit
from zonegit.repo.plans import Plan
from zonegit.repo.workspace import Position, Repo
from zonegit.zone import rrtypes, zonefile
from zonegit.zone.rrset import RRset
from zonegit.zone.zonefile import MAX_OCTETS
from zonegit_cli import committing, files, page
from zonegit_cli.page import How
from zonegit_cli.session import Session

MODEST = 10
"""How nice an import is: what it computes must not keep a resolver on this machine waiting."""


@page.page("import")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@click.option("--merge", is_flag=True, help="Add the file's records; what else there is stays.")
@page.commits
async def command(session: Session, file: str, merge: bool, how: How) -> None:
    """Make the zone equal a master file (RFC 1035), as one commit.

    Everything is checked before anything is written; an error names file, line and record. The
    file's serial is taken when it is later than the zone's, else the zone's moves by one. With
    --force every object is stored anew, which repairs those that the store calls corrupt.

    \b
    zonegit import example.com.zone --dry-run
    zonegit import example.com.zone -m 'initial import' --wait
    zonegit import hosts.zone --merge       add its records; the rest stays
    zonegit export canary | zonegit import - --branch main
    """
    octets = files.read(file, MAX_OCTETS)
    os.nice(MODEST)

    def plan_for(repo: Repo, position: Position) -> Plan:
        rrsets = _parse(session, file, octets, position, whole=not merge)
        if not merge:
            renew = repo.objects if how.force and not how.dry_run else None
            return plans.plan_replacement(rrsets, position.zone, renew)
        return plans.plan_edits(_merging(rrsets, position), position.zone)

    words = f"{'merge' if merge else 'import'} {files.shown(Path(file).name)}"
    lost = Lost.REPLAYED_APART if merge else Lost.GIVEN_UP
    intent = committing.intent(how, "import", words, imports=not merge, lost=lost)
    await committing.commit(session, how, plan_for, intent)


def _parse(
    session: Session, file: str, octets: bytes, position: Position, *, whole: bool
) -> list[RRset]:
    def progress(records: int) -> None:
        session.output.progress(f"{files.shown(file)}: {records:,} records")

    found = zonefile.read(
        octets,
        position.zone,
        source=files.shown(file),
        include=zonefile.open_beside,
        whole=whole,
        progress=progress,
    )
    session.output.progress("")
    for warning in found.warnings:
        session.output.note(warning)
    return list(found.rrsets.values())


def _merging(rrsets: list[RRset], position: Position) -> list[Edit]:
    """Every record joins its RRset; an SOA counts only where the zone has none."""
    return [
        edits.Set(rrset) if rrset.rdtype == rrtypes.SOA else edits.Add(rrset)
        for rrset in rrsets
        if rrset.rdtype != rrtypes.SOA or position.tip is None
    ]
