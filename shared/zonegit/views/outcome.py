"""Outcomes of commands that change branches, as JSON (docs/json.md).

All of them are one schema: a command adds fields of its own to :class:`CommitDocument`, and one
that works on several branches lists a :class:`CommitDocument` for each. The fields are the same
in a dry run, after a commit, and where nothing was to be committed.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.outcomes import Committed, Preview, Unchanged
from zonegit.views.conflict import ConflictDocument, make_conflicts
from zonegit.views.diff import ChangeDocument
from zonegit.views.document import SCHEMA, Document, to_hex
from zonegit.views.verdict import VerdictDocument, make_verdict
from zonegit.views.warning import WarningDocument, make_warnings
from zonegit.zone import names


class CommitDocument(Document, kw_only=True):
    """The outcome of a command on one branch.

    Args:
        committed: whether the branch moved.
        dry_run: whether nothing was to be stored or moved.
        new_commit: whether a commit was made; false where the branch moved to an existing one.
        commit: the commit that the branch is at when the command ends; null without one.
        parent: the first parent of the commit that the branch moved to.
        serial: the SOA serial that the branch has, or would have after a dry run.
        serial_before: the serial that it had.
        replayed: how many times another change came first, and this one was applied to it.
        verdict: in a dry run whether the move would be accepted; null if nothing would move.
        served_by: with ``--wait`` the resolvers that serve the branch; null if the wait failed.
        warnings: findings about the input and the change.
        conflicts: RRsets that need a decision; nothing moved then, and the exit status is 4.
        hints: commands that resolve the conflicts.
        changes: RRsets that differ, in canonical order, except an SOA of which only the serial
            differs. Null if they could not be read after a commit.
    """

    schema: Literal[1] = SCHEMA
    zone: str
    branch: str
    committed: bool = False
    dry_run: bool = False
    new_commit: bool = False
    commit: str | None = None
    parent: str | None = None
    serial: int | None = None
    serial_before: int | None = None
    replayed: int = 0
    verdict: VerdictDocument | None = None
    served_by: list[str] | None = None
    warnings: list[WarningDocument]
    conflicts: list[ConflictDocument] = msgspec.field(default_factory=list)
    hints: list[str] = msgspec.field(default_factory=list)
    changes: list[ChangeDocument] | None = msgspec.field(default_factory=list)


class SkippedDocument(Document, kw_only=True):
    """A record that ``--lenient`` left out."""

    file: str
    line: int
    reason: str


class ImportDocument(CommitDocument, kw_only=True):
    """The import of one zone; ``skipped`` counts the skipped records, of which the first thousand
    are listed."""

    skipped: int
    skipped_records: list[SkippedDocument]


class VersionDocument(Document, kw_only=True):
    """A version of a series. ``commit`` is null if the version is equal to the one before;
    ``changed`` counts RRsets."""

    source: str
    commit: str | None
    serial: int
    changed: int


class SeriesDocument(ImportDocument, kw_only=True):
    """The import of a series. ``known`` counts versions that were imported before; ``changes`` are
    the differences between the branch before and after; in a dry run ``commit`` of a version is the
    id that it would have."""

    known: int
    versions: list[VersionDocument]


class SummaryDocument(Document, kw_only=True):
    """The number of RRsets that a plan changes, and of RRsets in the zone (``of``), which is a
    minimum if ``of_is_exact`` is false."""

    added: int
    changed: int
    deleted: int
    of: int
    of_is_exact: bool


class PlanDocument(CommitDocument, kw_only=True):
    """A plan for ``zonegit apply``. ``base`` is the commit that it was made on, ``whole_zone``
    whether it was made from a master file of the whole zone."""

    plan: Literal[1]
    base: str | None
    whole_zone: bool
    summary: SummaryDocument


class SeveralDocument(Document, kw_only=True):
    """The outcome of a command on several branches, under one ``operation``; null in a dry run.
    ``warnings`` are those of all results."""

    schema: Literal[1] = SCHEMA
    committed: bool
    dry_run: bool
    operation: str | None
    warnings: list[WarningDocument]
    results: list[CommitDocument]


class RefDocument(Document, kw_only=True):
    """A ref that an undo restores. ``undone`` is how the operation moved it, ``old`` and ``new``
    are its targets before and after the undo, null if it does not exist."""

    ref: str
    undone: str
    old: str | None
    new: str | None
    verdict: VerdictDocument | None


class UndoDocument(SeveralDocument, kw_only=True):
    """The undo of an operation. ``undone`` is the id of the operation; ``redone`` is the id of the
    operation that a redo makes again, null for an undo. ``refs`` are the refs that were restored,
    ``skipped_refs`` those of other operators; ``results`` has the branches with a new commit."""

    undone: str
    redone: str | None
    refs: list[RefDocument]
    skipped_refs: list[str]


def make_unmoved(
    outcome: Unchanged | Conflicted,
    *,
    dry_run: bool,
    hints: Sequence[str] = (),
    served_by: list[str] | None = None,
) -> CommitDocument:
    """Return the document of a branch that did not move; ``hints`` resolve the conflicts, and
    ``served_by`` are the resolvers that serve its tip."""
    document = CommitDocument(
        zone=names.text(outcome.zone),
        branch=outcome.branch,
        dry_run=dry_run,
        commit=to_hex(outcome.commit),
        serial=outcome.serial,
        serial_before=outcome.serial,
        served_by=served_by,
        warnings=[],
    )
    if isinstance(outcome, Conflicted):
        document.conflicts = make_conflicts(outcome.clashes)
        document.hints = list(hints)
    else:
        document.warnings = make_warnings(outcome.findings)
    return document


def make_preview(preview: Preview, changes: list[ChangeDocument]) -> CommitDocument:
    """Return the document of a dry run; ``changes`` are its differences."""
    return CommitDocument(
        zone=names.text(preview.zone),
        branch=preview.branch,
        dry_run=True,
        new_commit=preview.is_new,
        commit=to_hex(preview.tip),
        serial=preview.serial,
        serial_before=preview.before,
        verdict=make_verdict(preview.judgement),
        warnings=make_warnings(preview.findings),
        changes=changes,
    )


def make_committed(
    made: Committed, changes: list[ChangeDocument] | None, served_by: list[str] | None
) -> CommitDocument:
    """Return the document of a commit.

    Args:
        made: the commit.
        changes: its differences; None if they cannot be read.
        served_by: the resolvers that serve it; None without ``--wait``.
    """
    return CommitDocument(
        zone=names.text(made.zone),
        branch=made.branch,
        committed=True,
        new_commit=made.is_new,
        commit=made.commit.hex(),
        parent=to_hex(made.parent),
        serial=made.serial,
        serial_before=made.before,
        replayed=made.replayed,
        served_by=served_by,
        warnings=make_warnings(made.findings),
        changes=changes,
    )


def order_fields(document: CommitDocument | SeveralDocument) -> dict[str, Any]:
    """Return the fields of a document with the longest last, where a reader expects them."""
    fields = msgspec.structs.asdict(document)
    for long in ("results", "changes"):
        if long in fields:
            fields[long] = fields.pop(long)
    return fields
