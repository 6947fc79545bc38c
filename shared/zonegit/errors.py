"""The exceptions of zonegit, grouped by what the caller can do about them.

``code`` is stable: it is sent on the wire (``wire.failures``) and logged. The message says what
happened and where, ``hint`` what to do next. ``details`` has machine-readable facts (strings only),
such as the tip that won a race.
"""

from collections.abc import Sequence
from typing import ClassVar


def format_list(items: Sequence[str], limit: int) -> str:
    """Join the first ``limit`` items for a message, and count the others: "a, b and 3 more"."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return f"{', '.join(items[:limit])}{more}"


class ZonegitError(Exception):
    """The base class of all exceptions that zonegit raises on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class NotFound(ZonegitError):
    """The named thing does not exist."""

    code = "not-found"


class Conflict(ZonegitError):
    """The state changed since it was read: a lost compare-and-swap, or something that exists
    already."""

    code = "conflict"


class Invalid(ZonegitError):
    """The input is malformed or violates a rule of DNS; a retry cannot help."""

    code = "invalid"


class Denied(ZonegitError):
    """The permissions of the caller do not allow this."""

    code = "denied"


class Unsafe(ZonegitError):
    """The change is possible but dangerous; it has to be forced."""

    code = "unsafe"


class Corrupt(ZonegitError):
    """Stored or received octets do not match their id or digest."""

    code = "corrupt"


class Unavailable(ZonegitError):
    """The bus or a service does not answer; a retry can help."""

    code = "unavailable"


class Busy(Unavailable):
    """A service has too many requests of this caller; a retry can help after
    ``details['retry_after_ms']``."""

    code = "busy"


class Internal(ZonegitError):
    """A bug in the service that answered; its log has ``details['log_id']``."""

    code = "internal"
