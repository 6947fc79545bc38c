"""Errors as JSON."""

from zonegit.errors import ZonegitError
from zonegit.views.document import Document


class ProblemDocument(Document, kw_only=True):
    """An error: what is wrong and where, and the next step. ``details`` has facts for programs."""

    code: str
    message: str
    hint: str | None
    details: dict[str, str]


class ErrorDocument(Document, kw_only=True):
    """The document on standard error after a failure."""

    error: ProblemDocument


def make_error(error: ZonegitError) -> ErrorDocument:
    """Return an error as a document."""
    return ErrorDocument(
        error=ProblemDocument(
            code=error.code, message=error.message, hint=error.hint, details=error.details
        )
    )
