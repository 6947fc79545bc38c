"""Verdicts on moves that were not made, as JSON."""

from typing import overload

from zonegit.repo.commit.dry_runs import Judgement
from zonegit.views.document import Document


class VerdictDocument(Document, kw_only=True):
    """The verdict on a move that was not made. ``judged_by`` is ``refs``, or ``client`` if the
    change is too large for one message; ``code``, ``message`` and ``hint`` are those of the error
    that the command would fail with, null if the move would be accepted."""

    accepted: bool
    judged_by: str
    code: str | None
    message: str | None
    hint: str | None


@overload
def make_verdict(judgement: Judgement) -> VerdictDocument: ...
@overload
def make_verdict(judgement: None) -> None: ...
@overload
def make_verdict(judgement: Judgement | None) -> VerdictDocument | None: ...
def make_verdict(judgement: Judgement | None) -> VerdictDocument | None:
    """Return a verdict as a document; None for None."""
    if judgement is None:
        return None
    refusal = judgement.refusal
    return VerdictDocument(
        accepted=refusal is None,
        judged_by=judgement.judged_by,
        code=refusal.code if refusal is not None else None,
        message=refusal.message if refusal is not None else None,
        hint=refusal.hint if refusal is not None else None,
    )
