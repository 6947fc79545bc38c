"""zonegit op: show the log of operations."""

from collections.abc import Iterator, Mapping

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo.inspect import operation_changes, operations
from zonegit.repo.inspect.operations import CommitSummary
from zonegit.store.reader import Reader
from zonegit.store.ref_log import OperationSummary
from zonegit.store.ref_names import RefName
from zonegit.views.operation import OperationDocument, make_operation
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_count
from zonegit_cli.render import operations as operation_lines
from zonegit_cli.session import Session
from zonegit_cli.text_width import INDENT, fit_line, wrap_line


@options.session_command("log")
@options.max_count_option("operations", 20, maximum=1000)
@click.option(
    "--zone",
    type=options.ZONE,
    metavar="ZONE",
    help="Only operations that moved refs of this zone.",
)
@click.option("--actor", metavar="ACTOR", help="Only operations of this operator.")
@options.time_option("--since", "Only operations of this time or later.")
async def log(
    session: Session, limit: int, zone: Name | None, actor: str | None, since: float | None
) -> None:
    """Show the operations, the latest first: the time, the actor, the command, what was done with
    the message of its commit and the author if that is another one, and the old and new target of
    each ref that moved. For an approved proposal, the actor is the approver.

    If the message of set, add, remove, delete, restore or edit does not say what was changed, the
    first two RRsets are named, and the rest is counted: set lb A: third lb. RRsets deep in a zone,
    which take longer to find, are not named.

    TIME is written as in a refish: 2.weeks.ago, yesterday, 2026-11-20T14:00Z. The log is searched
    until an operation is a day older than TIME, because a clock may have been set back.

    A command is one operation, even if it moves several refs. zonegit undo undoes an operation.

    \b
    zonegit op log -n 5
    zonegit op log --zone example.com --actor bob
    zonegit op log --since yesterday
    """
    async with session.connect() as repo:
        found = await operations.list_latest(repo, limit, zone=zone, actor=actor, since=since)
        entries = [entry for each in found for entry in each.entries]
        symrefs = await operations.read_symrefs(repo, entries)
        reader = Reader(repo.objects)
        commits = await operations.read_commits(repo, found, reader)
        done = await operation_changes.describe_operations(reader, found, commits)
    data = [_make_document(each, commits, done) for each in found]
    lines = [line for each in found for line in _format_lines(each, symrefs, commits, done)]
    session.output.print_result(data, lines or ["no operations yet"], paged=True)


@click.group("op")
def command() -> None:
    """Show the log of operations.

    \b
    zonegit op log
    zonegit undo 1a2b3c4d5e6f       undo an operation
    """


command.add_command(log)


def _format_lines(
    each: OperationSummary,
    symrefs: Mapping[ObjectId, RefName],
    commits: Mapping[ObjectId, CommitSummary],
    done: Mapping[str, str],
) -> Iterator[str]:
    yield from wrap_line(operation_lines.format_head(each.operation, each.entries))
    commit = _get_commit(each, commits)
    if commit is not None:
        other = commit.author.casefold() != each.entries[0].actor.casefold()
        by = f" (author {commit.author})" if other else ""
        yield fit_line(f"    {done[each.operation]}{by}")
    for line in operation_lines.format_moves(each.entries, symrefs):
        yield from wrap_line(line, 2 * INDENT)
    if each.rows > len(each.entries):
        yield f"    and {format_count(each.rows - len(each.entries), 'more move')}"


def _get_commit(
    each: OperationSummary, commits: Mapping[ObjectId, CommitSummary]
) -> CommitSummary | None:
    commit = operations.find_new_commit(each)
    return commits.get(commit) if commit is not None else None


def _make_document(
    each: OperationSummary, commits: Mapping[ObjectId, CommitSummary], done: Mapping[str, str]
) -> OperationDocument:
    commit = _get_commit(each, commits)
    if commit is None:
        return make_operation(each)
    return make_operation(each, commit.subject, commit.author, done[each.operation])
