"""Format the verdict of refs on the move of a dry run."""

from typing import Any, Final, overload

import msgspec

from zonegit.repo.commit.dry_runs import Judgement
from zonegit_cli.render.documents import VerdictDocument

BY_CLIENT: Final = (
    "judged by this command, with the rules and limits of refs: the change is too large for one"
    " message"
)


def to_json(judgement: Judgement) -> dict[str, Any]:
    """Return the field ``verdict`` of commands with ``--dry-run``."""
    plain: dict[str, Any] = msgspec.to_builtins(make_document(judgement))
    return plain


@overload
def make_document(judgement: Judgement) -> VerdictDocument: ...
@overload
def make_document(judgement: None) -> None: ...
@overload
def make_document(judgement: Judgement | None) -> VerdictDocument | None: ...
def make_document(judgement: Judgement | None) -> VerdictDocument | None:
    """Return the verdict as a part of a document; None for None."""
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


def format_lines(judgement: Judgement) -> list[str]:
    """Return the note about who judged; a refusal is not included, as it is raised as an error."""
    return [BY_CLIENT] if judgement.judged_by == "client" else []


def format_verdict(judgement: Judgement) -> list[str]:
    """Return the verdict as lines, including a refusal."""
    refusal = judgement.refusal
    text = "accepted" if refusal is None else f"refused ({refusal.code}): {refusal.message}"
    return [f"verdict: {text}", *format_lines(judgement)]
