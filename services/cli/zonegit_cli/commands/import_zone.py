"""zonegit import: a master file becomes the zone."""

import os
import sys
from pathlib import Path

import click

from zonegit.errors import NotFound
from zonegit.repo import commits, edits
from zonegit.repo.commits import Intent, Plan
from zonegit.repo.edits import Edit
from zonegit.repo.workspace import Position, Repo
from zonegit.zone import rrtypes, zonefile
from zonegit.zone.rrset import RRset
from zonegit.zone.zonefile import MAX_OCTETS
from zonegit_cli import committing, page
from zonegit_cli.page import How
from zonegit_cli.session import Session

STDIN = "-"
MODEST = 10
"""How nice an import is: what it computes must not keep a resolver on this machine waiting."""


@page.page("import")
@click.argument("file", metavar="FILE|-")
@click.option("--merge", is_flag=True, help="Add the file's records; what else there is stays.")
@page.commits
async def command(session: Session, file: str, merge: bool, how: How) -> None:
    """Make the zone equal a master file (RFC 1035), as one commit.

    Everything is checked before anything is written; an error names file, line and record. The
    file's serial is taken when it is later than the zone's, else the zone's moves by one. With
    --force every object is stored anew, which repairs those that the store calls corrupt.
    """
    octets = _read(file)
    os.nice(MODEST)

    def plan_for(repo: Repo, position: Position) -> Plan:
        rrsets = _parse(session, file, octets, position, whole=not merge)
        if not merge:
            renew = repo.objects if how.force else None
            return commits.plan_replacement(rrsets, position.zone, renew)
        return commits.plan_edits(_merging(rrsets, position), position.zone)

    words = f"{'merge' if merge else 'import'} {_shown(Path(file).name)}"
    intent = Intent(how.message or words, "import", how.force, imports=not merge)
    await committing.commit(session, how, plan_for, intent)


def _shown(file: str) -> str:
    return "stdin" if file == STDIN else file


def _read(file: str) -> bytes:
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(MAX_OCTETS + 1)
        with Path(file).open("rb") as opened:
            return opened.read(MAX_OCTETS + 1)
    except OSError as error:
        raise NotFound(f"cannot read {file}: {error.strerror}") from error


def _parse(
    session: Session, file: str, octets: bytes, position: Position, *, whole: bool
) -> list[RRset]:
    show = sys.stderr.isatty() and not session.output.as_json

    def progress(records: int) -> None:
        if show:
            click.echo(f"\r{_shown(file)}: {records:,} records", nl=False, err=True)

    found = zonefile.read(
        octets,
        position.zone,
        source=_shown(file),
        include=zonefile.open_beside,
        whole=whole,
        progress=progress,
    )
    if show:
        click.echo("\r\x1b[K", nl=False, err=True)
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
