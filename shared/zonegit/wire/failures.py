"""Convert errors to messages and back."""

from typing import Final

from zonegit import errors
from zonegit.errors import Internal, ZonegitError
from zonegit.wire.messages import FailureReply

BY_CODE: Final[dict[str, type[ZonegitError]]] = {
    family.code: family
    for family in (
        errors.NotFound,
        errors.Conflict,
        errors.Invalid,
        errors.Denied,
        errors.Unsafe,
        errors.Corrupt,
        errors.Unavailable,
        errors.Busy,
        errors.Internal,
    )
}


def to_message(error: ZonegitError) -> FailureReply:
    """Return the message for an error."""
    return FailureReply(
        code=error.code, message=error.message, hint=error.hint, details=dict(error.details)
    )


def to_error(failure: FailureReply) -> ZonegitError:
    """Return the error of a message; an unknown code of a later release becomes Internal."""
    family = BY_CODE.get(failure.code, Internal)
    return family(failure.message, hint=failure.hint, **failure.details)
