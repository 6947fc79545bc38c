"""Free ports: port 0 is made concrete before anything starts, so that it can be recorded and every
process of the stack can be told."""

import socket

from zonegit.errors import Conflict
from zonegit_cli.addresses import format_address

TRIES = 50


def free_tcp_port(host: str = "127.0.0.1") -> int:
    """A TCP port of ``host`` that nobody holds right now."""
    with socket.socket(_family(host), socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


def dns_port(host: str, port: int) -> int:
    """A port of ``host`` free for UDP and TCP; ``port`` itself unless it is 0.

    Raises:
        Conflict: it is taken, or may not be bound.
    """
    for _ in range(1 if port else TRIES):
        candidate = port or free_tcp_port(host)
        problem = _cannot_bind(host, candidate)
        if problem is None:
            return candidate
    raise Conflict(
        f"cannot listen on {format_address(host, port)}: {problem}",
        hint="choose another address with --listen HOST:PORT; port 0 takes a free one",
    )


def _cannot_bind(host: str, port: int) -> str | None:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(_family(host), kind) as sock:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((host, port))
            except OSError as error:
                return error.strerror or str(error)
    return None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
