"""The headers beside a message: how long its sender waits, how logs name it, whether it failed."""

import time
from collections.abc import Mapping
from typing import Final

DEADLINE: Final = "Zonegit-Deadline"
"""When the sender gives up, in seconds since 1970: absolute, so that a request that was held up
on its way is not carried out after its sender was told that it failed."""

REQUEST_ID: Final = "Zonegit-Request"
"""What both sides' logs call one request."""

FAILED: Final = "Nats-Service-Error-Code"
"""On a reply: its octets are a Failure, and this its code. The name is the NATS services'
convention, so that general tools see the failure too."""

_STATUS: Final = "Status"
_NO_RESPONDERS: Final = "503"
MAX_REQUEST_ID: Final = 64

Headers = Mapping[str, str]


def request(timeout: float, request_id: str) -> dict[str, str]:
    """Those of a request whose sender waits ``timeout`` seconds from now."""
    return {DEADLINE: f"{time.time() + timeout:.3f}", REQUEST_ID: request_id}


def remaining(headers: Headers, usual: float) -> float:
    """Seconds until the sender gives up, below zero when it has; ``usual`` where it says nothing
    that can be understood, and never more than that."""
    try:
        return min(float(headers[DEADLINE]) - time.time(), usual)
    except (KeyError, ValueError):
        return usual


def request_id(headers: Headers) -> str:
    """What the sender calls the request; empty when it does not say."""
    return headers.get(REQUEST_ID, "")[:MAX_REQUEST_ID]


def nobody_listens(headers: Headers) -> bool:
    """Whether the bus itself answered, because no service takes such requests."""
    return headers.get(_STATUS) == _NO_RESPONDERS
