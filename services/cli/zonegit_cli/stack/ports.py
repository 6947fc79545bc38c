"""Choose free ports. Port 0 is replaced before any process starts, so that the port can be recorded
and passed to every process of the stack."""

import secrets
import socket
from collections.abc import Iterable
from typing import Final

from zonegit.errors import Conflict
from zonegit_cli.parse.addresses import format_address

CANDIDATE_PORTS: Final = range(10_000, 32_000)
"""Outside the ephemeral range (from 32,768 or 49,152 on), so that no client gets the port before a
process of the stack binds it."""
MAX_TRIES: Final = 50


class PortPlan:
    """Chooses ports for one stack, each at most once: none of them is bound before all are chosen.

    Attributes:
        chosen: the ports chosen so far, on any address.
    """

    def __init__(self, chosen: Iterable[int] = ()) -> None:
        self.chosen = set(chosen)

    def find_free(self, host: str = "127.0.0.1") -> int:
        """Return a port of ``host`` that is free for UDP and TCP.

        Raises:
            Conflict: no free port was found, or ``host`` is not an address of this machine.
        """
        problem: str | None = "all ports that were tried are taken"
        for candidate in (secrets.choice(CANDIDATE_PORTS) for _ in range(MAX_TRIES)):
            if candidate in self.chosen:
                continue
            problem = _find_problem(host, candidate)
            if problem is None:
                self.chosen.add(candidate)
                return candidate
        raise _listen_error(host, 0, problem)

    def choose(self, host: str, port: int) -> int:
        """Return ``port`` after a check that it can be bound; for port 0 return a free port.

        Raises:
            Conflict: it is in use, or may not be bound.
        """
        if not port:
            return self.find_free(host)
        problem = _find_problem(host, port)
        if problem is not None:
            raise _listen_error(host, port, problem)
        return port


def _listen_error(host: str, port: int, problem: str | None) -> Conflict:
    return Conflict(
        f"cannot listen on {format_address(host, port)}: {problem}",
        hint="choose another address with --listen HOST:PORT; port 0 picks a free port",
    )


def _find_problem(host: str, port: int) -> str | None:
    """Return why a port cannot be bound; None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(family, kind) as sock:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError as error:
                return error.strerror or str(error)
    return None
