"""Format the outcome of a command on a branch, as a JSON document or as lines."""

import heapq
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Final

import click

from zonegit.errors import ZonegitError
from zonegit.repo.commit import patch
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.diff import RRsetDelta, TreePair
from zonegit.repo.commit.edits import RRsetKey
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview, Unchanged
from zonegit.repo.inspect import operations
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.zone import names
from zonegit.zone.rrset import sort_key
from zonegit_cli.output import format_count, format_id
from zonegit_cli.render import conflict_lines, dry_runs, patches

if TYPE_CHECKING:  # these are imported when a document is made: text output does not need them
    from zonegit.views.diff import ChangeDocument
    from zonegit.views.outcome import CommitDocument

NOTHING_TO_COMMIT: Final = "nothing to commit: {} is already up to date"
"""The text if nothing changed, with ``{}`` for the branch."""

FAST_FORWARD: Final = "fast-forward"
"""The text for a move to a commit that existed before."""

MAX_REMOVING: Final = 50
"""RRsets with removed or changed records that the summary of a commit shows."""

MAX_RRSETS: Final = 10
"""RRsets that the summary shows if it shows new ones; the others are counted."""

MAX_REMOVED: Final = 50
"""Removed records that the summary shows."""

MAX_ADDED: Final = 20
"""Added records that the summary shows."""

MAX_CHARACTERS: Final = 160
"""Characters of a record that the summary shows."""


SINGLE_EDITS: Final = frozenset({"set", "add", "remove", "delete"})
"""Commands after which the command that reverses them is not printed."""


async def make_document(
    repo: Repo,
    outcome: Outcome,
    *,
    dry_run: bool,
    served_by: list[str] | None = None,
    hints: Sequence[str] = (),
) -> "CommitDocument":
    """Return the JSON document of an outcome.

    Args:
        repo: the stores.
        outcome: the outcome.
        dry_run: whether the command was run with ``--dry-run``.
        served_by: the resolvers that serve the move; None without ``--wait``.
        hints: what to do about conflicts.

    Raises:
        ZonegitError: the changes of a dry run cannot be read.
    """
    from zonegit.views import diff
    from zonegit.views import outcome as views

    match outcome:
        case Unchanged() | Conflicted():
            return views.make_unmoved(outcome, dry_run=dry_run, hints=hints, served_by=served_by)
        case Preview():
            deltas = await _make_tree_pair(repo, outcome).read_deltas()
            return views.make_preview(outcome, diff.make_changes(deltas))
        case Committed():
            return views.make_committed(outcome, await read_changes(repo, outcome.trees), served_by)


def _make_tree_pair(repo: Repo, preview: Preview) -> TreePair:
    reader = Reader(repo.objects, preview.objects)
    return TreePair(preview.zone, preview.old, preview.new, reader)


async def read_changes(repo: Repo, trees: TreePair) -> "list[ChangeDocument] | None":
    """Return the changes of a commit; None with a note if they cannot be read.

    This is not an error, because the commit was made.
    """
    from zonegit.views.diff import make_changes

    try:
        return make_changes(await trees.read_deltas())
    except ZonegitError as error:
        _note_unread(repo, error)
        return None


def _note_unread(repo: Repo, error: ZonegitError) -> None:
    repo.note(f"committed, but the changes cannot be read: {error.message}")


def format_reversal(moved: Moved) -> Iterator[str]:
    """Yield the command that reverses a move; nothing for a command that makes one edit.

    The first tip of a zone's served branch is only taken back with ``--force``.
    """
    if not moved.entries or moved.entries[-1].command in SINGLE_EDITS:
        return
    made = moved.entries[-1]
    is_first = made.old is None and made.ref.short == DEFAULT_BRANCH
    force = " --force" if is_first else ""
    yield f"to reverse: zonegit undo {operations.shorten_id(made.operation)}{force}"


async def format_lines(
    repo: Repo,
    outcome: Outcome,
    unchanged_text: str = NOTHING_TO_COMMIT,
    existing_text: str = FAST_FORWARD,
    advice: Sequence[str] = (),
) -> Iterator[str]:
    """Return an outcome as lines.

    Args:
        repo: the stores.
        outcome: the outcome.
        unchanged_text: the text if nothing changed, with ``{}`` for the branch.
        existing_text: the text for a move to a commit that existed before.
        advice: what to do about conflicts.

    Raises:
        ZonegitError: the changes of a dry run cannot be read.
    """
    where = f"{names.text(outcome.zone)} {outcome.branch}"
    match outcome:
        case Unchanged():
            # Not str.format(): a refish in the text may contain braces.
            return iter([unchanged_text.replace("{}", where, 1)])
        case Conflicted():
            return conflict_lines.format_conflicts(outcome, advice)
        case Preview():
            head = f"would commit to {where} ({_format_serials(outcome)})"
            deltas = await _make_tree_pair(repo, outcome).read_deltas()
            verdict = dry_runs.format_lines(outcome.judgement)
            return itertools.chain([head], patches.format_lines(deltas), verdict)
        case Committed():
            step = _format_serials(outcome)
            if not outcome.is_new:
                step = f"{step}, {existing_text}"
            head = f"{where} {format_id(outcome.commit)} ({step})"
            return itertools.chain([head], await _format_summary(repo, outcome))


def _format_serials(outcome: Committed | Preview) -> str:
    if outcome.before is None:
        return f"serial {outcome.serial}"
    return f"{outcome.before} -> {outcome.serial}"


async def _format_summary(repo: Repo, made: Committed) -> Iterator[str]:
    """Return the records that were removed and added, up to the bounds above.

    RRsets that existed before are chosen first, so that many new ones do not hide a removal.
    """
    chosen = _choose_rrsets(made)
    try:
        deltas = await made.trees.complete_deltas({key: made.changes[key] for key in chosen})
    except ZonegitError as error:
        _note_unread(repo, error)
        return iter(
            [f"  {format_count(len(made.changes), 'RRset')} changed"] if made.changes else []
        )
    return _format_limited(deltas, _count_others(made, set(chosen)))


def _choose_rrsets(made: Committed) -> list[RRsetKey]:
    removing = heapq.nsmallest(
        MAX_REMOVING, made.changes.keys() - made.added, key=lambda key: sort_key(*key)
    )
    new = heapq.nsmallest(
        max(0, MAX_RRSETS - len(removing)), made.added, key=lambda key: sort_key(*key)
    )
    return sorted([*removing, *new], key=lambda key: sort_key(*key))


def _count_others(made: Committed, chosen: Set[RRsetKey]) -> list[str]:
    """Return the counts of the RRsets that are not shown, by what happened to them."""
    counts = Counter(
        "added" if key in made.added else "changed" if made.changes[key] else "deleted"
        for key in made.changes.keys() - chosen
    )
    return [
        f"{format_count(counts[what], 'RRset')} {what}"
        for what in ("deleted", "changed", "added")
        if counts[what]
    ]


def _format_limited(deltas: Sequence[RRsetDelta], others: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a patch up to the bounds, and what else changed."""
    left = {"-": MAX_REMOVED, "+": MAX_ADDED}
    for line in patch.write(deltas):
        left[line[0]] -= 1
        if left[line[0]] >= 0:
            cut = line if len(line) <= MAX_CHARACTERS else f"{line[:MAX_CHARACTERS]}..."
            yield f"  {click.style(cut, fg=patches.COLOURS[line[0]])}"
    hidden = [
        f"{format_count(-left[sign], 'record')} {what}"
        for sign, what in (("-", "removed"), ("+", "added"))
        if left[sign] < 0
    ]
    if more := [*hidden, *others]:
        yield f"  also: {', '.join(more)}"
