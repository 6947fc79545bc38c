"""zonegit import: a master file becomes the zone."""

import gc
import os
from pathlib import Path
from typing import Any, Final

import click

from zonegit.repo import edits, plans
from zonegit.repo.commits import Lost
from zonegit.repo.edits import Edit
from zonegit.repo.heads import Position, Repo
from zonegit.repo.plans import Plan
from zonegit.zone import rrtypes, zonefile
from zonegit.zone.rrset import RRset
from zonegit.zone.zonefile import MAX_OCTETS, Skipped
from zonegit_cli import committing, files, page
from zonegit_cli.page import How
from zonegit_cli.session import Session

MODEST: Final = 10
"""How nice an import is: what it computes must not keep a resolver on this machine waiting."""

MOST_SKIPPED: Final = 1_000
"""Skipped records that are told one by one; beyond that they are counted."""


@page.page("import")
@click.argument("file", type=click.Path(), metavar="FILE|-")
@click.option("--merge", is_flag=True, help="Add the file's records; what else there is stays.")
@click.option("--lenient", is_flag=True, help="Skip records that cannot stand, and say which.")
@page.commits
async def command(session: Session, file: str, merge: bool, lenient: bool, how: How) -> None:
    """Make the zone equal a master file (RFC 1035), as one commit.

    Everything is checked before anything is written; an error names file, line and record. The
    file's serial is taken when it is later than the zone's, else the zone's moves by one. With
    --force every object is stored anew, which repairs those that the store calls corrupt.

    With --lenient a record is left out, and named with its line, when its RDATA is malformed (a
    string over 255 octets), it is outside the zone, a DS or a second SOA at the apex, or a CNAME
    and other data meet at its name: of those the first in the file stays.

    \b
    zonegit import example.com.zone --dry-run
    zonegit import example.com.zone -m 'initial import' --wait
    zonegit import example.com.zone --lenient
    zonegit import hosts.zone --merge       add its records; the rest stays
    zonegit export canary | zonegit import - --branch main
    """
    octets = files.read(file, MAX_OCTETS)
    os.nice(MODEST)
    gc.disable()  # a zone is millions of objects without a cycle, and it would walk them all
    left_out = _LeftOut(session) if lenient else None

    def plan_for(repo: Repo, position: Position) -> Plan:
        rrsets = _parse(session, file, octets, position, left_out, whole=not merge)
        if not merge:
            renew = repo.objects if how.force and not how.dry_run else None
            return plans.plan_replacement(rrsets, position.zone, renew)
        return plans.plan_edits(_merging(rrsets, position), position.zone)

    words = f"{'merge' if merge else 'import'} {files.shown(Path(file).name)}"
    lost = Lost.REPLAYED_APART if merge else Lost.GIVEN_UP
    intent = committing.intent(how, "import", words, imports=not merge, lost=lost)
    beside = left_out.as_json if left_out is not None else dict
    await committing.commit(session, how, plan_for, intent, beside)


class _LeftOut:
    """The records that were skipped: each is told as it is met, the first thousand are kept."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._first: list[Skipped] = []
        self._count = 0

    def add(self, skipped: Skipped) -> None:
        self._count += 1
        if self._count <= MOST_SKIPPED:
            self._first.append(skipped)
            self._session.output.progress("")
            self._session.output.note(f"{skipped.source}:{skipped.line}: skipped: {skipped.why}")

    def tell_rest(self) -> None:
        """How many were not told."""
        if self._count > MOST_SKIPPED:
            self._session.output.note(f"{self._count - MOST_SKIPPED} more records skipped")

    def as_json(self) -> dict[str, Any]:
        return {
            "skipped": self._count,
            "skipped_records": [
                {"file": each.source, "line": each.line, "reason": each.why} for each in self._first
            ],
        }


def _parse(
    session: Session,
    file: str,
    octets: bytes,
    position: Position,
    left_out: _LeftOut | None,
    *,
    whole: bool,
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
        skip=left_out.add if left_out is not None else None,
    )
    session.output.progress("")
    if left_out is not None:
        left_out.tell_rest()
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
