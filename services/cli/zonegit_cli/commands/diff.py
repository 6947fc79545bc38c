"""zonegit diff: show the differences between two commits."""

from collections.abc import Iterable
from typing import Final, Literal

import click

from zonegit.objects.ids import short
from zonegit.repo.inspect import compare
from zonegit.repo.inspect.compare import Comparison
from zonegit.store.reader import Reader
from zonegit.views.diff import make_diff
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.render import markdown, patches
from zonegit_cli.run import EXIT_DIFFERENT
from zonegit_cli.session import Session

Layout = Literal["text", "markdown"]
LAYOUTS: Final[tuple[Layout, ...]] = ("text", "markdown")


@options.session_command("diff", cls=options.OwnersCommand)
@click.argument(
    "commits",
    type=options.REFISH,
    nargs=-1,
    metavar="[REFISH [REFISH] | A..B | A...B] [-- NAME...]",
)
@click.option("--stat", is_flag=True, help="Only count the records of each RRset.")
@click.option(
    "--format",
    "layout",
    type=click.Choice(LAYOUTS),
    default="text",
    show_default=True,
    help="Print Markdown, for a comment on a merge request.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 10 if the commits differ.")
@options.zone_options
async def command(
    session: Session,
    commits: tuple[str, ...],
    owners: tuple[str, ...],
    stat: bool,
    layout: Layout,
    exit_code: bool,
    zone: Name | None,
    branch: str | None,
) -> int:
    """Show the differences between two commits, record by record; with NAMEs, only of these names.

    A difference of the SOA's serial alone is not shown. zonegit apply takes the output as its
    input.

    --format markdown prints a comment for a merge request: the number of changed records, and the
    diff in a code block of at most 60,000 characters. Records that are cut are counted.

    \b
    zonegit diff                   the changes of the latest commit
    zonegit diff HEAD~3            the changes since HEAD~3
    zonegit diff main canary       from one branch to the other
    zonegit diff main...new-mail   the changes of the proposal new-mail
    zonegit diff main..canary --exit-code -- www mail
    zonegit diff main...new-mail --format markdown
    """
    if layout != "text" and (stat or session.output.as_json):
        raise click.UsageError("--format markdown excludes --stat and --json")
    if len(commits) > 2:
        raise click.UsageError("expected at most two commits; put names after --")
    async with session.connect() as repo:
        reader = Reader(repo.objects)
        at = await compare.resolve_sides(repo, reader, commits, zone=zone, branch=branch)
        wanted = [names.parse(name, at.zone) for name in owners]
        found = await compare.compare(reader, at, wanted)
    lines = _format_lines(found, layout, stat=stat)
    is_markdown = layout == "markdown"
    session.output.print_result(
        lambda: make_diff(found), lines, paged=not is_markdown, verbatim=is_markdown
    )
    return EXIT_DIFFERENT if exit_code and found.deltas else 0


def _format_lines(found: Comparison, layout: Layout, *, stat: bool) -> Iterable[str]:
    if layout == "markdown":
        return markdown.format_diff(found)
    lines = patches.format_stat(found.deltas) if stat else patches.format_lines(found.deltas)
    head = [_format_header(found)] if found.deltas else []
    return [*head, *lines]


def _format_header(found: Comparison) -> str:
    old = short(found.old.commit) if found.old.commit else ""
    new = short(found.new.commit) if found.new.commit else ""
    serials = f"serial {found.old.serial} -> {found.new.serial}"
    text = f"diff {names.text(found.zone)} {old}..{new}"
    return click.style(f"{text} ({serials})" if found.old.commit else text, bold=True)
