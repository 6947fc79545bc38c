"""How the answer to a move that was not made looks."""

from typing import Any, Final

from zonegit.repo.committing.judgements import Judgement

BY_CLIENT: Final = (
    "judged by this command, with the rules and limits of refs: the change is too large for one"
    " message"
)


def as_json(judgement: Judgement) -> dict[str, Any]:
    """Return the ``verdict`` of every command that shows what a move would do."""
    refusal = judgement.refusal
    said = {"accepted": refusal is None, "judged_by": judgement.judged_by}
    if refusal is None:
        return said
    return {**said, "code": refusal.code, "message": refusal.message, "hint": refusal.hint}


def lines(judgement: Judgement) -> list[str]:
    """Return what people have to know of an answer beside a refusal, which is an error."""
    return [BY_CLIENT] if judgement.judged_by == "client" else []


def verdict_lines(judgement: Judgement) -> list[str]:
    """Return an answer for people, whatever it is."""
    refusal = judgement.refusal
    said = "accepted" if refusal is None else f"refused ({refusal.code}): {refusal.message}"
    return [f"verdict: {said}", *lines(judgement)]
