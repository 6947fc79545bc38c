"""zonegit log: show commits, the latest first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import click
import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId
from zonegit.repo import refish
from zonegit.repo.inspect import approvals, log
from zonegit.repo.inspect.log import LogFilter
from zonegit.repo.refish import Resolved
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.render import commits
from zonegit_cli.render.commits import ShownCommit
from zonegit_cli.render.graph import GraphLanes
from zonegit_cli.session import Session
from zonegit_cli.text_width import fit_line

_COUNT: Final = re.compile(r"^-(\d+)$", re.ASCII)
_NAME: Final = re.compile(r"[^~^:{}]+")
"""A word that may be a name: it has no operator of a refish."""


class _Log(options.OwnersCommand):
    """A command that accepts ``-5`` for ``-n 5``, as git does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        before = args[: args.index("--")] if "--" in args else args
        counted = [_COUNT.sub(r"-n\1", word) for word in before]
        return super().parse_args(ctx, counted + args[len(before) :])


class _Words(msgspec.Struct, frozen=True):
    """The words before ``--``.

    Attributes:
        start: the refish.
        name: the name; None if there is none.
        rdtype: the type; None if there is none.
        refish_or_name: a single word, which may be a refish or a name; None if there is none.
    """

    start: str = ref_names.DEFAULT_HEAD
    name: str | None = None
    rdtype: int | None = None
    refish_or_name: str | None = None


def _split_words(words: Sequence[str]) -> _Words:
    """Return the meaning of the words before ``--``."""
    match words:
        case []:
            return _Words()
        case [word]:
            return _Words(refish_or_name=word)
        case [name, rdtype] if rrtypes.find_number(rdtype.upper()) is not None:
            return _Words(name=name, rdtype=rrtypes.from_text(rdtype))
        case [start, name]:
            return _Words(start, name)
        case [start, name, rdtype]:
            return _Words(start, name, rrtypes.from_text(rdtype))
        case _:
            raise click.UsageError("expected [REFISH] [NAME [TYPE]]; further NAMEs follow --")


async def _resolve(
    repo: Repo, given: _Words, zone: Name | None, branch: str | None
) -> tuple[Resolved, str | None]:
    """Return the commit to start from and the name.

    Raises:
        NotFound: a word that cannot be a name is not a refish.
    """
    word = given.refish_or_name
    start, name = given.start, given.name
    if word is not None:
        if _is_refish(word):
            try:
                return await refish.resolve(repo, word, zone=zone, branch=branch), None
            except NotFound:
                if word == ref_names.DEFAULT_HEAD or not _NAME.fullmatch(word):
                    raise
        name = word
    return await refish.resolve(repo, start, zone=zone, branch=branch), name


def _is_refish(word: str) -> bool:
    """Return whether a word has the form of a refish."""
    try:
        refish.parse_refish(word)
    except Invalid:
        if not _NAME.fullmatch(word):
            raise
        return False
    return True


def _check_owner_exists(given: _Words, at: Resolved, patterns: LogFilter) -> None:
    """Refuse a word that is neither a refish nor a name that was ever changed.

    Raises:
        NotFound: no commit changed the name.
    """
    if patterns == log.EVERYTHING:
        raise NotFound(
            f"{given.refish_or_name!r} is not a branch, tag or commit of {names.text(at.zone)}, and"
            " no commit changed a name like that",
            hint="zonegit branch and zonegit tag list refs; zonegit export prints the zone",
        )


@options.session_command("log", cls=_Log)
@click.argument(
    "words", type=options.REFISH, metavar="[REFISH] [NAME [TYPE]] [-- NAME...]", nargs=-1
)
@options.max_count_option("commits", 50)
@click.option("--oneline", is_flag=True, help="Print one line for each commit.")
@click.option("--graph", is_flag=True, help="Draw the graph of branches and merges.")
@click.option("-p", "--patch", is_flag=True, help="Show each commit's diff to its first parent.")
@click.option("--author", metavar="PATTERN", help="Only commits whose author matches.")
@click.option("--grep", metavar="PATTERN", help="Only commits whose message matches.")
@options.time_option("--since", "Only commits of this time or later.")
@options.time_option("--until", "Only commits of this time or earlier.")
@options.zone_options
async def command(
    session: Session,
    words: tuple[str, ...],
    limit: int,
    oneline: bool,
    graph: bool,
    patch: bool,
    author: str | None,
    grep: str | None,
    since: float | None,
    until: float | None,
    owners: Sequence[str],
    zone: Name | None,
    branch: str | None,
) -> None:
    """Show the history of REFISH (HEAD), the latest commit first; with NAMEs, only the commits that
    changed records of these names, and with -p only these changes. PATTERN is a case-sensitive
    regular expression.

    A word that is a branch, a tag or a commit is REFISH, any other word is a NAME; NAMEs after --
    are always names. TYPE selects one RRset of NAME. TIME is written as in a refish: 2.weeks.ago,
    yesterday, 2026-11-20, 2026-11-20T14:00Z; it is compared with the time of the committer.

    Approved names who approved the proposal with which a commit came to the branch, if that was one
    of its last 1,000 moves.

    \b
    zonegit log -5 --oneline               the same as -n 5
    zonegit log www                        changes of www
    zonegit log main www AAAA              changes of one RRset
    zonegit log -p main -- www mail        changes of www and mail, with their diffs
    zonegit log --since yesterday --until 10.minutes.ago
    zonegit log --author alice --grep '^move'
    zonegit log --graph --oneline
    """
    given = _split_words(words)
    patterns = LogFilter(_compile_pattern(author), _compile_pattern(grep), since=since, until=until)
    async with session.connect() as repo:
        at, name = await _resolve(repo, given, zone, branch)
        owner_names = [*owners, *([name] if name is not None else [])]
        where = frozenset(names.parse(each, at.zone) for each in owner_names)
        wanted = msgspec.structs.replace(patterns, owners=where, rdtype=given.rdtype)
        if graph and wanted != log.EVERYTHING:
            raise click.UsageError(
                "--graph cannot be combined with --author, --grep, --since, --until or NAMEs"
            )
        reader = Reader(repo.objects)
        past = CommitReader(repo.objects, reader)
        found = await log.read_latest(repo, reader, at.commit, at.zone, limit, wanted, past)
        if not found and name is not None and given.refish_or_name is not None:
            _check_owner_exists(given, at, patterns)
        labels = await log.read_labels(repo, reader, at.zone)
        approved = await approvals.find_approvals(
            repo, past, approvals.choose_branch(at, branch, labels), dict(found)
        )
        deltas = (
            await log.read_deltas(reader, found, at.zone, wanted) if patch else [None] * len(found)
        )
    shown = [
        ShownCommit(
            each.id,
            each.commit,
            labels.get(each.id, ()),
            deltas=changed,
            approval=approved.get(each.id),
        )
        for each, changed in zip(found, deltas, strict=True)
    ]
    session.output.print_result(
        lambda: [commits.make_document(each) for each in shown],
        _format_lines(shown, oneline, graph),
        paged=True,
    )


def _compile_pattern(text: str | None) -> re.Pattern[str] | None:
    return log.compile_pattern(text) if text is not None else None


def _format_lines(shown: Iterable[ShownCommit], oneline: bool, graph: bool) -> Iterator[str]:
    lanes: GraphLanes[CommitId] = GraphLanes()
    for entry in shown:
        text = list(commits.format_oneline(entry) if oneline else commits.format_full(entry))
        drawn = lanes.draw(entry.id, entry.commit.parents, text) if graph else text
        for number, line in enumerate(drawn):
            yield fit_line(line) if oneline and number == 0 else line
