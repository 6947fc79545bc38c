"""The JSON documents of commands that commit: these types are the schema (docs/json.md).

All of them are one schema: a command adds fields of its own to :class:`CommitDocument`, and one
that works on several branches lists a :class:`CommitDocument` for each. The fields are the same
in a dry run, after a commit, and where nothing was to be committed.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from zonegit.merge.conflicts import Clash
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding, Severity
from zonegit.zone.rrset import RRset, rdata_to_text

SCHEMA: Final = 1

DocumentKind = Literal["added", "modified", "deleted"]


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """A JSON object with exactly these fields."""


class RRsetDocument(_Document, kw_only=True):
    """The TTL and the records of an RRset."""

    ttl: int
    rdata: list[str]


class ChangeDocument(_Document, kw_only=True):
    """An RRset that differs. ``old`` is null where it was added, ``new`` where it was deleted."""

    name: str
    type: str
    change: DocumentKind
    old: RRsetDocument | None
    new: RRsetDocument | None


class WarningDocument(_Document, kw_only=True):
    """A finding about the input or the change. ``name`` and ``type`` are null if it concerns no
    single name or type, ``source`` if the rule is not from an RFC."""

    rule: str
    severity: Severity
    message: str
    name: str | None
    type: str | None
    source: str | None


class ConflictDocument(_Document, kw_only=True):
    """An RRset that both sides of a merge changed."""

    name: str
    type: str
    reason: str
    detail: str | None
    base: RRsetDocument | None
    ours: RRsetDocument | None
    theirs: RRsetDocument | None


class VerdictDocument(_Document, kw_only=True):
    """The verdict on a move that was not made. ``judged_by`` is ``refs``, or ``client`` if the
    change is too large for one message; ``code``, ``message`` and ``hint`` are those of the error
    that the command would fail with, null if the move would be accepted."""

    accepted: bool
    judged_by: str
    code: str | None
    message: str | None
    hint: str | None


class CommitDocument(_Document, kw_only=True):
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
        served_by: with ``--wait`` the resolvers that serve the move.
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


class SkippedDocument(_Document, kw_only=True):
    """A record that ``--lenient`` left out."""

    file: str
    line: int
    reason: str


class ImportDocument(CommitDocument, kw_only=True):
    """The import of one zone; ``skipped`` counts the skipped records, of which the first thousand
    are listed."""

    skipped: int
    skipped_records: list[SkippedDocument]


class VersionDocument(_Document, kw_only=True):
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


class SummaryDocument(_Document, kw_only=True):
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


class SeveralDocument(_Document, kw_only=True):
    """The outcome of a command on several branches, under one ``operation``; null in a dry run.
    ``warnings`` are those of all results."""

    schema: Literal[1] = SCHEMA
    committed: bool
    dry_run: bool
    operation: str | None
    warnings: list[WarningDocument]
    results: list[CommitDocument]


class RefDocument(_Document, kw_only=True):
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


def make_content(rrset: RRset | None) -> RRsetDocument | None:
    """Return the TTL and the records of an RRset; None for None."""
    if rrset is None:
        return None
    rdata = [rdata_to_text(rrset.rdtype, each) for each in rrset.rdatas]
    return RRsetDocument(ttl=rrset.ttl, rdata=rdata)


def make_changes(deltas: Iterable[RRsetDelta]) -> list[ChangeDocument]:
    """Return the differences, an entry for each RRset."""
    return [
        ChangeDocument(
            name=names.text(delta.owner),
            type=rrtypes.to_text(delta.rdtype),
            change=_find_kind(delta),
            old=make_content(delta.old),
            new=make_content(delta.new),
        )
        for delta in deltas
    ]


def _find_kind(delta: RRsetDelta) -> DocumentKind:
    if delta.old is None:
        return "added"
    return "deleted" if delta.new is None else "modified"


def make_warnings(findings: Iterable[Finding]) -> list[WarningDocument]:
    """Return findings as documents."""
    return [
        WarningDocument(
            rule=each.rule,
            severity=each.severity,
            message=each.message,
            name=names.text(each.owner) if each.owner is not None else None,
            type=rrtypes.to_text(each.rdtype) if each.rdtype is not None else None,
            source=each.source,
        )
        for each in findings
    ]


def make_conflicts(clashes: Iterable[Clash]) -> list[ConflictDocument]:
    """Return conflicts as documents."""
    return [
        ConflictDocument(
            name=names.text(clash.owner),
            type=rrtypes.to_text(clash.rdtype),
            reason=clash.reason,
            detail=clash.detail,
            base=make_content(clash.base),
            ours=make_content(clash.ours),
            theirs=make_content(clash.theirs),
        )
        for clash in clashes
    ]


def to_json(document: CommitDocument | SeveralDocument) -> dict[str, Any]:
    """Return the document as JSON values, with the longest fields last."""
    plain: dict[str, Any] = msgspec.to_builtins(document)
    for long in ("results", "changes"):
        if long in plain:
            plain[long] = plain.pop(long)
    return plain
