"""Send many questions to one server: in a window of datagrams, or on one stream."""

import socket
from collections.abc import Sequence

from tests.support.framing import frame
from tests.support.peers import Address
from tests.support.waiting import DEADLINE_S

WINDOW = 32
PATIENCE_S = DEADLINE_S
"""Seconds after which a server on the loopback counts as silent."""


def query_udp(address: Address, wires: Sequence[bytes]) -> list[bytes]:
    """Send queries with distinct ids, and return the reply to each.

    Raises:
        TimeoutError: a query got no reply.
    """
    replies: dict[bytes, bytes] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.settimeout(PATIENCE_S)
        for number, wire in enumerate(wires):
            sock.send(wire)
            while number - len(replies) >= WINDOW:
                _keep(replies, sock.recv(65_535))
        while len(replies) < len(wires):
            _keep(replies, sock.recv(65_535))
    return [replies[wire[:2]] for wire in wires]


def query_tcp(address: Address, wires: Sequence[bytes]) -> list[bytes]:
    """Send queries on one connection (RFC 7766 section 6.2.1), and return the reply to each."""
    replies: dict[bytes, bytes] = {}
    with socket.create_connection(address, PATIENCE_S) as sock, sock.makefile("rb") as stream:
        for wire in wires:
            sock.sendall(frame(wire))
            length = int.from_bytes(stream.read(2), "big")
            _keep(replies, stream.read(length))
    return [replies[wire[:2]] for wire in wires]


def _keep(replies: dict[bytes, bytes], reply: bytes) -> None:
    replies[reply[:2]] = reply
