"""The answer to a move that was not made, as it is printed."""

from typing import Any, Final, overload

import msgspec

from zonegit.repo.commit.dry_runs import Judgement
from zonegit_cli.render.documents import VerdictDocument

BY_CLIENT: Final = (
    "judged by this command, with the rules and limits of refs: the change is too large for one"
    " message"
)


def as_json(judgement: Judgement) -> dict[str, Any]:
    """Return the ``verdict`` of every command that shows what a move would do."""
    plain: dict[str, Any] = msgspec.to_builtins(document(judgement))
    return plain


@overload
def document(judgement: Judgement) -> VerdictDocument: ...
@overload
def document(judgement: None) -> None: ...
@overload
def document(judgement: Judgement | None) -> VerdictDocument | None: ...
def document(judgement: Judgement | None) -> VerdictDocument | None:
    """Return the answer as part of a document; None where nothing was asked."""
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


def lines(judgement: Judgement) -> list[str]:
    """Return what people have to know of an answer, apart from a refusal, which is an error."""
    return [BY_CLIENT] if judgement.judged_by == "client" else []


def verdict_lines(judgement: Judgement) -> list[str]:
    """Return an answer for people, whatever it is."""
    refusal = judgement.refusal
    said = "accepted" if refusal is None else f"refused ({refusal.code}): {refusal.message}"
    return [f"verdict: {said}", *lines(judgement)]
