"""Measure queries per second over persistent TCP connections, with and without pipelining (RFC
7766)."""

import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from tests.support.peers import Address

from benchmarks import comparison, load, queries, zones
from benchmarks.comparison import Server
from benchmarks.figures import Figure
from benchmarks.load import LoadResult
from benchmarks.stack import LOAD_CORE, make_folder

ROUNDS: Final = 7
SECONDS: Final = 0.5
CONNECTIONS: Final = 16
MODES: Final = {"one query at a time": 1, "pipelined, 32 at a time": 32}
"""Outstanding queries on each connection; pipelined queries are sent in two halves."""
TIMEOUT_S: Final = 5.0
_MAX_READ: Final = 65_536


def measure() -> list[Figure]:
    """Measure hits in a zone of 1,000 RRsets."""
    with make_folder() as folder:
        names = zones.write_mixed_zone(folder / "zone")
        hits = queries.build_hits(names, 8_192, flags=queries.EDNS_FLAGS["EDNS"])
        with comparison.run_servers(names.zone, folder / "zone") as servers:
            return [
                _make_figure(
                    mode, comparison.measure_in_turns(servers, ROUNDS, _make_run(hits, outstanding))
                )
                for mode, outstanding in MODES.items()
            ]


def _make_figure(mode: str, runs: comparison.Runs) -> Figure:
    return Figure(
        f"TCP, hits, EDNS, {CONNECTIONS} connections, {mode}",
        "",
        comparison.format_comparison(runs),
        f"{ROUNDS} rounds of {SECONDS:g} s in turns; {comparison.describe_runs(runs)}",
    )


def _make_run(messages: list[bytes], outstanding: int) -> Callable[[Server], LoadResult]:
    return lambda server: run(
        server.address, messages, SECONDS, outstanding=outstanding, core=LOAD_CORE
    )


@dataclass(slots=True)
class _Connection:
    """The state of one connection.

    Attributes:
        sock: the connection.
        chunks: the chunks of queries that are sent in turn.
        expected: the octets of the replies to one chunk.
        received: the octets received of the replies to the current chunk.
    """

    sock: socket.socket
    chunks: "cycle[bytes]"
    expected: int
    received: int = 0


def run(
    address: Address,
    messages: list[bytes],
    seconds: float,
    *,
    outstanding: int,
    connections: int = CONNECTIONS,
    core: int | None = None,
) -> LoadResult:
    """Send queries on all connections and count the replies.

    All replies must have one length: the generator counts octets and not messages, to be faster
    than the servers.

    Args:
        address: the address of the server.
        messages: the queries.
        seconds: the duration of the run.
        outstanding: the number of outstanding queries on each connection.
        connections: the number of connections.
        core: the core that this process is pinned to during the run.

    Raises:
        OSError: a connection was closed.
        TimeoutError: no reply arrived for ``TIMEOUT_S``.
    """
    chunk = max(1, outstanding // 2)
    length = len(_query_udp(address, messages[0])) + 2
    cores = load.pin(core)
    selector = selectors.DefaultSelector()
    opened = [_open(address, messages, number, chunk, length) for number in range(connections)]
    try:
        for connection in opened:
            selector.register(connection.sock, selectors.EVENT_READ, connection)
            for _ in range(min(outstanding, 2)):
                connection.sock.sendall(next(connection.chunks))
        return _exchange(selector, seconds, length)
    finally:
        selector.close()
        for connection in opened:
            connection.sock.close()
        if cores:
            os.sched_setaffinity(0, cores)


def _exchange(selector: selectors.BaseSelector, seconds: float, length: int) -> LoadResult:
    octets = 0
    idle = 0.0
    started = now = time.perf_counter()
    while now < started + seconds:
        ready = selector.select(TIMEOUT_S)
        then, now = now, time.perf_counter()
        idle += now - then
        if not ready:
            raise TimeoutError(f"no reply within {TIMEOUT_S:.0f} s")
        for key, _ in ready:
            octets += _receive(key.data)
        now = time.perf_counter()
    return LoadResult(now - started, idle, octets // length, 0, (), {})


def _receive(connection: _Connection) -> int:
    """Receive from one connection; send the next chunk for each chunk of replies.

    Returns:
        The octets received.
    """
    octets = len(connection.sock.recv(_MAX_READ))
    if not octets:
        raise ConnectionError("the server closed a connection")
    connection.received += octets
    while connection.received >= connection.expected:
        connection.received -= connection.expected
        connection.sock.sendall(next(connection.chunks))
    return octets


def _open(
    address: Address, messages: list[bytes], number: int, chunk: int, length: int
) -> _Connection:
    sock = socket.create_connection(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    framed = islice(cycle(len(wire).to_bytes(2, "big") + wire for wire in messages), number, None)
    chunks = [b"".join(islice(framed, chunk)) for _ in range(len(messages) // CONNECTIONS // chunk)]
    return _Connection(sock, cycle(chunks), chunk * length)


def _query_udp(address: Address, query: bytes) -> bytes:
    """Return the reply to one query over UDP; the reply over TCP has the same length."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT_S)
        sock.connect(address)
        sock.send(query)
        return sock.recv(_MAX_READ)
