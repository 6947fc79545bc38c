"""The headers beside a message: how long its sender waits, how logs name it, whether it failed."""

import math
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

DEADLINE: Final = "Zonegit-Deadline"
"""When the sender gives up, in seconds since 1970: absolute, so that a request that was held up
on its way is not carried out after its sender was told that it failed."""

REQUEST_ID: Final = "Zonegit-Request"
"""What both sides' logs call one request."""

ATTEMPT: Final = "Zonegit-Attempt"
"""The number of times that the sender has sent this request, from 1. One that says so
understands the code ``busy``; another is answered ``unavailable`` instead."""

ON_BEHALF: Final = "Zonegit-On-Behalf"
"""The token of the actor that a service's own request is charged to: the one whose request the
service answers. From others than services it is ignored."""

FAILED: Final = "Nats-Service-Error-Code"
"""On a reply: its octets are a Failure, and this its code. The name is the NATS services'
convention, so that general tools see the failure too."""

Headers = Mapping[str, str]

_STATUS: Final = "Status"
_NO_RESPONDERS: Final = "503"
MAX_REQUEST_ID: Final = 64
MAX_ACTOR_TOKEN: Final = 256


@dataclass(frozen=True, slots=True)
class OriginalRequest:
    """The request that a service answers, as it matters to the requests that it makes for that.

    Args:
        actor: the token of the actor who asked.
        deadline: when the sender gives up, in seconds since 1970.
    """

    actor: str
    deadline: float


BEHALF: Final[ContextVar[OriginalRequest | None]] = ContextVar("behalf", default=None)
"""The request that the current task answers; None: no request."""


def make_headers(timeout: float, request_id: str, attempt: int = 1) -> dict[str, str]:
    """Return those of a request whose sender waits ``timeout`` seconds from now."""
    deadline = time.time() + timeout
    found = {REQUEST_ID: request_id, ATTEMPT: str(attempt)}
    if (behalf := BEHALF.get()) is not None:
        found[ON_BEHALF] = behalf.actor
        deadline = min(deadline, behalf.deadline)
    found[DEADLINE] = f"{deadline:.3f}"
    return found


def understands_busy(headers: Headers) -> bool:
    """Return whether the sender knows the code ``busy``."""
    return ATTEMPT in headers


def read_behalf(headers: Headers) -> str:
    """Return the token of the actor to charge; empty where the headers name none."""
    return headers.get(ON_BEHALF, "")[:MAX_ACTOR_TOKEN]


def remaining_s(headers: Headers, usual: float) -> float:
    """Seconds until the sender gives up, below zero when it has; ``usual`` where it says nothing
    that can be understood, and never more than that."""
    try:
        deadline = float(headers[DEADLINE])
    except (KeyError, ValueError):
        return usual
    return usual if math.isnan(deadline) else min(deadline - time.time(), usual)


def read_request_id(headers: Headers) -> str:
    """What the sender calls the request; empty when it does not say."""
    return headers.get(REQUEST_ID, "")[:MAX_REQUEST_ID]


def has_no_responders(headers: Headers) -> bool:
    """Whether the bus itself answered, because no service takes such requests."""
    return headers.get(_STATUS) == _NO_RESPONDERS
