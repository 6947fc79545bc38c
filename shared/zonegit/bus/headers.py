"""Read and write the headers of messages: the deadline, the id and the outcome of a request."""

import math
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

DEADLINE: Final = "Zonegit-Deadline"
"""The deadline of the request, in seconds since 1970. It is absolute, so that a delayed request is
not begun after its sender has reported a failure."""

REQUEST_ID: Final = "Zonegit-Request"
"""The id of the request in the logs of both sides."""

ATTEMPT: Final = "Zonegit-Attempt"
"""The number of times that the sender has sent this request, from 1. A sender of this header knows
the code ``busy``; others are answered ``unavailable`` instead."""

TIMEOUT: Final = "Zonegit-Timeout"
"""The seconds that the sender waits for a reply, and again after each interim reply. A sender
without this header does not accept interim replies."""

ON_BEHALF: Final = "Zonegit-On-Behalf"
"""The token of the actor to charge for the request of a service: the actor whose request the
service answers. The header is ignored if the sender is not a service."""

FAILED: Final = "Nats-Service-Error-Code"
"""The code of an error; a reply with this header is a FailureReply. The name is a convention of
NATS services, so that general tools recognize errors."""

INTERIM: Final = "Zonegit-Interim"
"""A reply with this header is empty: the service works on the request, and the reply follows."""

Headers = Mapping[str, str]

_STATUS: Final = "Status"
_NO_RESPONDERS: Final = "503"
MAX_TOTAL_S: Final = 900.0
"""Seconds after which neither side waits again after an interim reply."""
MAX_REQUEST_ID: Final = 64
MAX_ACTOR_TOKEN: Final = 256


@dataclass(slots=True)
class OriginalRequest:
    """The request that a service answers, as it concerns the requests that it sends for that.

    Args:
        actor: The token of the actor.
        deadline: The deadline, in seconds since 1970. It can be extended (``zonegit.bus.interim``).
    """

    actor: str
    deadline: float


BEHALF: Final[ContextVar[OriginalRequest | None]] = ContextVar("behalf", default=None)
"""The request that the current task answers; None if it answers none."""


def make_headers(
    timeout: float, request_id: str, attempt: int = 1, again: float | None = None
) -> dict[str, str]:
    """Return the headers of a request with a deadline ``timeout`` seconds from now.

    Args:
        timeout: the seconds until the deadline.
        request_id: the id of the request.
        attempt: how many times it was sent, from 1.
        again: the seconds that the sender waits again after each interim reply; None if it does not
            accept any.
    """
    deadline = time.time() + timeout
    found = {REQUEST_ID: request_id, ATTEMPT: str(attempt)}
    if again is not None:
        found[TIMEOUT] = f"{again:.3f}"
    if (behalf := BEHALF.get()) is not None:
        found[ON_BEHALF] = behalf.actor
        deadline = min(deadline, behalf.deadline)
    found[DEADLINE] = f"{deadline:.3f}"
    return found


def understands_busy(headers: Headers) -> bool:
    """Return whether the sender knows the code ``busy``."""
    return ATTEMPT in headers


def is_interim(headers: Headers) -> bool:
    """Return whether a reply only reports that the service works on the request."""
    return INTERIM in headers


def read_behalf(headers: Headers) -> str:
    """Return the token of the actor to charge; empty if the headers have none."""
    return headers.get(ON_BEHALF, "")[:MAX_ACTOR_TOKEN]


def remaining_s(headers: Headers, usual: float) -> float:
    """Return the seconds until the deadline, below zero if it has passed.

    At most ``usual``; also ``usual`` if there is no valid deadline.
    """
    try:
        deadline = float(headers[DEADLINE])
    except (KeyError, ValueError):
        return usual
    return usual if math.isnan(deadline) else min(deadline - time.time(), usual)


def read_timeout(headers: Headers, longest: float) -> float | None:
    """Return the seconds that the sender waits again after each interim reply, at most ``longest``;
    None if it does not accept any."""
    try:
        timeout = float(headers[TIMEOUT])
    except (KeyError, ValueError):
        return None
    return min(timeout, longest) if timeout > 0 else None


def read_request_id(headers: Headers) -> str:
    """Return the id of the request; empty if it has none."""
    return headers.get(REQUEST_ID, "")[:MAX_REQUEST_ID]


def has_no_responders(headers: Headers) -> bool:
    """Return whether the bus answered because no service listens to such requests."""
    return headers.get(_STATUS) == _NO_RESPONDERS
