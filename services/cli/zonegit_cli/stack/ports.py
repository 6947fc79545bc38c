"""Free ports: port 0 is made concrete before anything starts, so that it can be recorded and every
process of the stack can be told."""

import secrets
import socket
from typing import Final

from zonegit.errors import Conflict
from zonegit_cli.parse.addresses import format_address

CANDIDATES: Final = range(10_000, 32_000)
"""Below what systems give to clients by themselves (from 32,768 or 49,152 on): what is free now is
not some client's own a moment later, when a process of the stack binds it."""
TRIES: Final = 50


def free_port(host: str = "127.0.0.1") -> int:
    """A port of ``host`` that nobody holds right now, for UDP and TCP.

    Raises:
        Conflict: none was found, or ``host`` is no address of this machine.
    """
    for candidate in (secrets.choice(CANDIDATES) for _ in range(TRIES)):
        problem = _cannot_bind(host, candidate)
        if problem is None:
            return candidate
    raise _taken(host, 0, problem)


def dns_port(host: str, port: int) -> int:
    """A port of ``host`` free for UDP and TCP; ``port`` itself unless it is 0.

    Raises:
        Conflict: it is taken, or may not be bound.
    """
    if not port:
        return free_port(host)
    problem = _cannot_bind(host, port)
    if problem is not None:
        raise _taken(host, port, problem)
    return port


def _taken(host: str, port: int, problem: str | None) -> Conflict:
    return Conflict(
        f"cannot listen on {format_address(host, port)}: {problem}",
        hint="choose another address with --listen HOST:PORT; port 0 takes a free one",
    )


def _cannot_bind(host: str, port: int) -> str | None:
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
