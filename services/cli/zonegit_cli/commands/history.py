"""zonegit history: show the values that an RRset had."""

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import click
import msgspec

from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit
from zonegit.repo import refish, refish_time
from zonegit.repo.inspect import blame
from zonegit.repo.inspect.blame import Timeline
from zonegit.store.reader import Reader
from zonegit.views.identity import make_identity
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text
from zonegit_cli import options
from zonegit_cli.output import format_id
from zonegit_cli.session import Session
from zonegit_cli.table import Cell, Column, align_columns, format_time_cell

BAR: Final = Column("")
COLUMNS: Final = (
    Column("FROM"),
    Column("TO"),
    Column("COMMIT", "id"),
    Column("AUTHOR", "end"),
    Column("VALUE", "wrap"),
)
GRAPH_WIDTH: Final = 20
"""Characters of the longest bar of the graph."""


@options.session_command("history")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="TYPE")
@options.max_count_option("values", 50)
@options.time_option("--since", "Only values that did not end before this time.")
@click.option(
    "--at", type=options.REFISH, default="HEAD", metavar="REFISH", help="Start from this commit."
)
@options.zone_options
async def command(
    session: Session,
    name: str,
    rdtype: str,
    limit: int,
    since: float | None,
    at: str,
    zone: Name | None,
    branch: str | None,
) -> None:
    """Show the values that an RRset had, the latest first: from when to when, and the commit that
    began each with its author. On a terminal, a bar shows how long each lasted.

    The history is that of the branch: a value that came with a merge begins with the merge. Times
    are those of the committers. zonegit restore NAME TYPE --from COMMIT restores a value.

    \b
    zonegit history www A
    zonegit history @ MX --since 4.weeks.ago
    zonegit history www A --at canary --json
    """
    number = rrtypes.from_text(rdtype)
    async with session.connect() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        owner = names.parse(name, resolved.zone)
        reader = Reader(repo.objects)
        found = await blame.read_timeline(
            repo, reader, resolved.commit, owner, number, resolved.zone, limit, since
        )
    rows = list(_format_rows(found))
    if sys.stdout.isatty():
        bars = _draw_bars([found.commits[each.commit].committer.time for each in found.values])
        rows = [(bar, *row) for bar, row in zip(bars, rows, strict=True)]
    columns = COLUMNS if len(rows[0]) == len(COLUMNS) else (BAR, *COLUMNS)
    session.output.print_result(
        lambda: _to_json(found, owner, number), align_columns(rows, columns), paged=True
    )


def _format_rows(found: Timeline) -> Iterator[tuple[Cell, ...]]:
    end: Cell = "now"
    for each in found.values:
        commit = found.commits[each.commit]
        seconds = commit.committer.time
        start = format_time_cell(seconds, refish_time.format_time(seconds))
        yield start, end, format_id(each.commit), commit.author.name, _format_value(each.rrset)
        end = start


def _format_value(rrset: RRset | None) -> str:
    if rrset is None:
        return "deleted"
    return f"{rrset.ttl} " + ", ".join(rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas)


def _draw_bars(starts: Sequence[int]) -> list[str]:
    """Return a bar for each value, as long as its share of the longest time.

    Args:
        starts: the time when each value began, the latest first, in seconds since 1970.
    """
    lasted = [
        max(0, end - start) for end, start in pairwise([max(int(time.time()), starts[0]), *starts])
    ]
    longest = max(*lasted, 1)
    return ["#" * max(1, round(GRAPH_WIDTH * each / longest)) for each in lasted]


def _to_json(found: Timeline, owner: Name, rdtype: int) -> list[dict[str, Any]]:
    documents = []
    end: int | None = None
    for each in found.values:
        commit = found.commits[each.commit]
        documents.append(_value_to_json(each.commit, commit, each.rrset, end, owner, rdtype))
        end = commit.committer.time
    return documents


def _value_to_json(
    commit_id: CommitId,
    commit: Commit,
    rrset: RRset | None,
    end: int | None,
    owner: Name,
    rdtype: int,
) -> dict[str, Any]:
    records = [rdata_to_text(rdtype, each) for each in rrset.rdatas] if rrset is not None else None
    return {
        "name": names.text(owner),
        "type": rrtypes.to_text(rdtype),
        "from": commit.committer.time,
        "to": end,
        "ttl": rrset.ttl if rrset is not None else None,
        "rdata": records,
        "commit": commit_id.hex(),
        "author": msgspec.to_builtins(make_identity(commit.author)),
        "message": commit.message,
    }
