"""Format the verdict of refs on the move of a dry run."""

from typing import Final

from zonegit.repo.commit.dry_runs import Judgement

BY_CLIENT: Final = (
    "judged by this command, with the rules and limits of refs: the change is too large for one"
    " message"
)


def format_lines(judgement: Judgement) -> list[str]:
    """Return the note about who judged; a refusal is not included, as it is raised as an error."""
    return [BY_CLIENT] if judgement.judged_by == "client" else []


def format_verdict(judgement: Judgement) -> list[str]:
    """Return the verdict as lines, including a refusal."""
    refusal = judgement.refusal
    text = "accepted" if refusal is None else f"refused ({refusal.code}): {refusal.message}"
    return [f"verdict: {text}", *format_lines(judgement)]
