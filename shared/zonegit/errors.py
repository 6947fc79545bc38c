"""One hierarchy of failures, grouped by what the caller can do about them.

``code`` is stable: it travels on the wire (``wire.failures``) and stands in logs. The message says
what happened and where, ``hint`` what to do next, ``details`` carries machine-readable facts
(strings only) such as the tip that won a race.
"""

from typing import ClassVar


class ZonegitError(Exception):
    """The root of every failure zonegit raises on purpose."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details


class NotFound(ZonegitError):
    """What was named does not exist."""

    code = "not-found"


class Conflict(ZonegitError):
    """The world moved on: a lost compare-and-swap, something that already exists."""

    code = "conflict"


class Invalid(ZonegitError):
    """The input is malformed or breaks a rule of DNS; sending it again cannot help."""

    code = "invalid"


class Denied(ZonegitError):
    """The caller may not do this."""

    code = "denied"


class Unsafe(ZonegitError):
    """Possible, but it would harm somebody; needs to be forced."""

    code = "unsafe"


class Corrupt(ZonegitError):
    """Stored or received octets are not what their name promises."""

    code = "corrupt"


class Unavailable(ZonegitError):
    """The bus or a service does not answer; sending it again may help."""

    code = "unavailable"


class Busy(Unavailable):
    """A service has more to do for this caller than it takes on; ``details['retry_after_ms']`` is
    the time after which sending it again may help."""

    code = "busy"


class Internal(ZonegitError):
    """A bug on the other side; ``details['log_id']`` finds it in that service's log."""

    code = "internal"
