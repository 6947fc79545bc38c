"""Format commits."""

from collections.abc import Iterator, Sequence
from typing import Final

import click
import msgspec

from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit, Tag, subject
from zonegit.repo import refish_time
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.inspect.approvals import Approval
from zonegit.repo.inspect.log import Label
from zonegit.views.commit import StoredCommitDocument, make_commit
from zonegit_cli.output import format_id
from zonegit_cli.render import identities, patches
from zonegit_cli.session import Session
from zonegit_cli.text_width import fit_line, shorten, wrap_line

MAX_LABEL_WIDTH: Final = 16
"""Columns of the name of a branch or tag in a line that does not fit the terminal."""


class ShownCommit(msgspec.Struct, frozen=True):
    """A commit to print.

    Args:
        id: its id.
        commit: the commit.
        labels: the branches and tags that point at it.
        signature: the verification of its signature; None to print none.
        deltas: its changes relative to its first parent; None to print none.
        approval: the approval with which it came to the branch; None if there is none.
    """

    id: CommitId
    commit: Commit
    labels: Sequence[Label] = ()
    signature: str | None = None
    deltas: list[RRsetDelta] | None = None
    approval: Approval | None = None


def format_oneline(entry: ShownCommit) -> Iterator[str]:
    """Yield one line for the commit, and its patch."""
    line = f"{format_id(entry.id)}{_format_labels(entry)} {subject(entry.commit)}"
    if fit_line(line) != line:
        labels = _format_labels(entry, MAX_LABEL_WIDTH)
        line = fit_line(f"{format_id(entry.id)}{labels} {subject(entry.commit)}")
    yield line
    yield from patches.format_lines(entry.deltas or ())


def format_full(entry: ShownCommit) -> Iterator[str]:
    """Yield the header and the message of the commit, and its patch."""
    commit, author = entry.commit, entry.commit.author
    head = click.style(f"commit {entry.id.hex()}", fg="yellow")
    yield from wrap_line(head + _format_labels(entry))
    if len(commit.parents) > 1:
        yield "Merge:  " + " ".join(format_id(parent) for parent in commit.parents)
    yield f"Author: {author.mailbox}"
    yield f"Date:   {identities.format_time(author)}"
    if entry.approval is not None:
        when = refish_time.format_time(entry.approval.time)
        yield f"Approved: {entry.approval.actor}, {when}"
    if entry.signature is not None:
        yield f"Trust:  {entry.signature}"
    yield ""
    for line in commit.message.split("\n"):
        yield from wrap_line(f"    {line}")
    yield ""
    if entry.deltas:
        yield from patches.format_lines(entry.deltas)
        yield ""


def describe_signature(session: Session, value: Commit | Tag) -> str | None:
    """Return the verification of a signature with the trusted keys of the settings.

    Without trusted keys return whether there is a signature; None if there is none.
    """
    path = session.settings.trusted_keys
    if path is None:
        return "signed (to verify: zonegit verify)" if value.signature else None
    from zonegit_cli.render import signatures

    return signatures.verify_with_keys(path, value)


def make_document(entry: ShownCommit) -> StoredCommitDocument:
    """Return a commit for ``--json``; with ``changes`` if it has deltas."""
    return make_commit(entry.id, entry.commit, entry.labels, entry.deltas, entry.approval)


def _format_labels(entry: ShownCommit, width: int | None = None) -> str:
    if not entry.labels:
        return ""
    shown = ", ".join(_format_label(each, width) for each in entry.labels)
    return click.style(" (", fg="yellow") + shown + click.style(")", fg="yellow")


def _format_label(label: Label, width: int | None) -> str:
    name = label.name if width is None else shorten(label.name, width, middle=True)
    if label.kind == "tag":
        return click.style(f"tag: {name}", fg="yellow", bold=True)
    head = click.style("HEAD -> ", fg="cyan", bold=True) if label.current else ""
    return head + click.style(name, fg="green", bold=True)
