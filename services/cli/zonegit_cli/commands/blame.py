"""zonegit blame: show which commit last changed each record of a name."""

from collections.abc import Iterator, Mapping

import click

from zonegit.history.blame import BlamedRRset
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit
from zonegit.repo import refish
from zonegit.repo.inspect import blame
from zonegit.store.reader import Reader
from zonegit.views.blame import make_blame
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import rdata_to_text
from zonegit.zonefile.writer import write_record_head
from zonegit_cli import options
from zonegit_cli.output import format_count, format_id
from zonegit_cli.render import identities
from zonegit_cli.session import Session
from zonegit_cli.table import Cell, Column, align_columns, format_time_cell

COLUMNS = (
    Column("COMMIT", "id"),
    Column("AUTHOR", "end"),
    Column("TIME"),
    Column("RECORD", "wrap"),
)


@options.session_command("blame")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="[TYPE]", required=False)
@click.option(
    "--at", type=options.REFISH, default="HEAD", metavar="REFISH", help="Use this commit."
)
@options.zone_options
async def command(
    session: Session,
    name: str,
    rdtype: str | None,
    at: str,
    zone: Name | None,
    branch: str | None,
) -> None:
    """Show the commit that last changed each record of NAME, and for an RRset of several records
    the commit that last changed its TTL or removed a record.

    \b
    zonegit blame www
    zonegit blame www A --at HEAD~10
    """
    number = rrtypes.from_text(rdtype) if rdtype is not None else None
    async with session.connect() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        owner = names.parse(name, resolved.zone)
        reader = Reader(repo.objects)
        found = await blame.blame(repo, reader, resolved.commit, owner, number, resolved.zone)
    rows = [row for each in found.rrsets for row in _format_rows(each, found.commits)]
    session.output.print_result(
        lambda: make_blame(found), align_columns(rows, COLUMNS, has_header=False), paged=True
    )


def _format_rows(blamed: BlamedRRset, commits: Mapping[CommitId, Commit]) -> Iterator[list[Cell]]:
    rrset = blamed.rrset
    head = write_record_head(rrset)
    if blamed.records != (blamed.commit,):
        counted = format_count(len(rrset.rdatas), "record")
        yield [
            *_format_columns(blamed.commit, commits),
            click.style(f"{head} ({counted})", bold=True),
        ]
    for rdata, commit in zip(rrset.rdatas, blamed.records, strict=True):
        yield [*_format_columns(commit, commits), f"{head} {rdata_to_text(rrset.rdtype, rdata)}"]


def _format_columns(commit: CommitId, commits: Mapping[CommitId, Commit]) -> list[Cell]:
    author = commits[commit].author
    when = format_time_cell(author.time, identities.format_time(author))
    return [format_id(commit), author.name, when]
