"""zonegit log: show commits, the latest first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click
import msgspec

from zonegit.objects.ids import CommitId
from zonegit.repo import refish
from zonegit.repo.inspect import log
from zonegit.repo.inspect.log import LogFilter
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.render import commits
from zonegit_cli.render.commits import ShownCommit
from zonegit_cli.render.graph import GraphLanes
from zonegit_cli.session import Session

_COUNT: Final = re.compile(r"^-(\d+)$", re.ASCII)


class _Log(options.OwnersCommand):
    """A command that accepts ``-5`` for ``-n 5``, as git does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        before = args[: args.index("--")] if "--" in args else args
        counted = [_COUNT.sub(r"-n\1", word) for word in before]
        return super().parse_args(ctx, counted + args[len(before) :])


@options.session_command("log", cls=_Log)
@click.argument("start", type=options.REFISH, metavar="[REFISH] [-- NAME...]", default="HEAD")
@options.max_count_option("commits", 50)
@click.option("--oneline", is_flag=True, help="Print one line for each commit.")
@click.option("--graph", is_flag=True, help="Draw the graph of branches and merges.")
@click.option("-p", "--patch", is_flag=True, help="Show each commit's diff to its first parent.")
@click.option("--author", metavar="PATTERN", help="Only commits whose author matches.")
@click.option("--grep", metavar="PATTERN", help="Only commits whose message matches.")
@options.zone_options
async def command(
    session: Session,
    start: str,
    limit: int,
    oneline: bool,
    graph: bool,
    patch: bool,
    author: str | None,
    grep: str | None,
    owners: Sequence[str],
    zone: Name | None,
    branch: str | None,
) -> None:
    """Show the history of REFISH (HEAD), the latest commit first; with NAMEs, only the commits that
    changed records of these names. PATTERN is a case-sensitive regular expression.

    \b
    zonegit log -5 --oneline               the same as -n 5
    zonegit log -p main -- www mail        changes of www and mail
    zonegit log --author alice --grep '^move'
    zonegit log --graph --oneline
    """
    if graph and (author or grep or owners):
        raise click.UsageError("--graph cannot be combined with --author, --grep or NAMEs")
    patterns = LogFilter(_compile_pattern(author), _compile_pattern(grep))
    async with session.connect() as repo:
        at = await refish.resolve(repo, start, zone=zone, branch=branch)
        reader = Reader(repo.objects)
        where = frozenset(names.parse(name, at.zone) for name in owners)
        wanted = msgspec.structs.replace(patterns, owners=where)
        found = await log.read_latest(repo, reader, at.commit, at.zone, limit, wanted)
        labels = await log.read_labels(repo, reader, at.zone)
        deltas = await log.read_deltas(reader, found, at.zone) if patch else [None] * len(found)
    shown = [
        ShownCommit(each.id, each.commit, labels.get(each.id, ()), deltas=changed)
        for each, changed in zip(found, deltas, strict=True)
    ]
    session.output.print_result(
        lambda: [commits.to_json(each) for each in shown],
        _format_lines(shown, oneline, graph),
        paged=True,
    )


def _compile_pattern(text: str | None) -> re.Pattern[str] | None:
    return log.compile_pattern(text) if text is not None else None


def _format_lines(shown: Iterable[ShownCommit], oneline: bool, graph: bool) -> Iterator[str]:
    lanes: GraphLanes[CommitId] = GraphLanes()
    for entry in shown:
        text = list(commits.format_oneline(entry) if oneline else commits.format_full(entry))
        yield from lanes.draw(entry.id, entry.commit.parents, text) if graph else text
