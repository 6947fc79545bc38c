"""The generator of TCP load counts whole replies, and reports a server that closes connections."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from benchmarks import queries, streams

QUERIES = [queries.build_query(f"h{number}.test.", 1) for number in range(10)] * 52
SECONDS = 0.05


@contextmanager
def run_server(replies: int) -> Iterator[tuple[str, int]]:
    """Run a server that echoes questions over UDP and TCP; it closes a connection after
    ``replies``."""
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(tcp.getsockname())
        threading.Thread(target=_echo_once, args=(udp,), daemon=True).start()
        threading.Thread(target=_accept, args=(tcp, replies), daemon=True).start()
        yield tcp.getsockname()
        tcp.shutdown(socket.SHUT_RDWR)


def _echo_once(udp: socket.socket) -> None:
    udp.sendto(*udp.recvfrom(512))


def _accept(tcp: socket.socket, replies: int) -> None:
    with suppress(OSError):
        while True:
            sock, _ = tcp.accept()
            threading.Thread(target=_echo, args=(sock, replies), daemon=True).start()


def _echo(sock: socket.socket, replies: int) -> None:
    with sock, sock.makefile("rb") as stream, suppress(OSError):
        while replies and (length := stream.read(2)):
            sock.sendall(length + stream.read(int.from_bytes(length, "big")))
            replies -= 1


@pytest.mark.parametrize("outstanding", [1, 8])
def test_replies_are_counted_on_all_connections(outstanding: int) -> None:
    with run_server(replies=1_000_000) as address:
        result = streams.run(address, QUERIES, SECONDS, outstanding=outstanding, connections=4)
    assert result.answers > 0
    assert result.lost == 0


def test_a_server_that_closes_connections_is_detected() -> None:
    with run_server(replies=3) as address, pytest.raises(ConnectionError):
        streams.run(address, QUERIES, 10.0, outstanding=1, connections=2)
