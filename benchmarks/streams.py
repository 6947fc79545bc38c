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

from benchmarks import contenders, load, questions, stack, zones
from benchmarks.contenders import Contender
from benchmarks.figures import Figure
from benchmarks.load import Load

ROUNDS: Final = 7
SECONDS: Final = 0.5
CONNECTIONS: Final = 16
HOW: Final = {"one query at a time": 1, "pipelined, 32 at a time": 32}
"""Outstanding queries on each connection; pipelined queries are sent in two halves."""
PATIENCE_S: Final = 5.0
_READ: Final = 65_536


def figures() -> list[Figure]:
    """Measure hits in a zone of 1,000 RRsets."""
    with stack.folder() as folder:
        names = zones.mixed_zone(folder / "zone")
        asked = questions.hits(names, 8_192, flags=questions.EDNS["EDNS"])
        with contenders.serving(names.zone, folder / "zone") as running:
            return [
                _figure(what, contenders.measured(running, ROUNDS, _flood(asked, outstanding)))
                for what, outstanding in HOW.items()
            ]


def _figure(what: str, runs: contenders.Runs) -> Figure:
    return Figure(
        f"TCP, hits, EDNS, {CONNECTIONS} connections, {what}",
        "",
        contenders.compared(runs),
        f"{ROUNDS} rounds of {SECONDS:g} s in turns; {contenders.circumstances(runs)}",
    )


def _flood(asked: list[bytes], outstanding: int) -> Callable[[Contender], Load]:
    return lambda each: run(
        each.address, asked, SECONDS, outstanding=outstanding, core=stack.LOAD_CORE
    )


@dataclass(slots=True)
class _Connection:
    """The state of one connection.

    Attributes:
        sock: the connection.
        sends: the chunks of queries that are sent in turn.
        due: the octets of the replies to one chunk.
        come: the octets received of the replies to the current chunk.
    """

    sock: socket.socket
    sends: "cycle[bytes]"
    due: int
    come: int = 0


def run(
    address: Address,
    asked: list[bytes],
    seconds: float,
    *,
    outstanding: int,
    connections: int = CONNECTIONS,
    core: int | None = None,
) -> Load:
    """Send queries on all connections and count the replies.

    All replies must have one length: the generator counts octets and not messages, to be faster
    than the servers.

    Args:
        address: the address of the server.
        asked: the queries.
        seconds: the duration of the run.
        outstanding: the number of outstanding queries on each connection.
        connections: the number of connections.
        core: the core that this process is pinned to during the run.

    Raises:
        OSError: a connection was closed.
        TimeoutError: no reply arrived for ``PATIENCE_S``.
    """
    chunk = max(1, outstanding // 2)
    length = len(_one(address, asked[0])) + 2
    before = load.pin(core)
    selector = selectors.DefaultSelector()
    opened = [_open(address, asked, number, chunk, length) for number in range(connections)]
    try:
        for each in opened:
            selector.register(each.sock, selectors.EVENT_READ, each)
            for _ in range(min(outstanding, 2)):
                each.sock.sendall(next(each.sends))
        return _exchange(selector, seconds, length)
    finally:
        selector.close()
        for each in opened:
            each.sock.close()
        if before:
            os.sched_setaffinity(0, before)


def _exchange(selector: selectors.BaseSelector, seconds: float, length: int) -> Load:
    octets = 0
    idle = 0.0
    started = now = time.perf_counter()
    while now < started + seconds:
        ready = selector.select(PATIENCE_S)
        then, now = now, time.perf_counter()
        idle += now - then
        if not ready:
            raise TimeoutError("no reply")
        for key, _ in ready:
            octets += _take(key.data)
        now = time.perf_counter()
    return Load(now - started, idle, octets // length, 0, (), {})


def _take(connection: _Connection) -> int:
    """Receive from one connection; send the next chunk for each chunk of replies.

    Returns:
        The octets received.
    """
    received = len(connection.sock.recv(_READ))
    if not received:
        raise ConnectionError("a server has closed a connection")
    connection.come += received
    while connection.come >= connection.due:
        connection.come -= connection.due
        connection.sock.sendall(next(connection.sends))
    return received


def _open(
    address: Address, asked: list[bytes], number: int, chunk: int, length: int
) -> _Connection:
    sock = socket.create_connection(address)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    framed = islice(cycle(len(wire).to_bytes(2, "big") + wire for wire in asked), number, None)
    chunks = [b"".join(islice(framed, chunk)) for _ in range(len(asked) // CONNECTIONS // chunk)]
    return _Connection(sock, cycle(chunks), chunk * length)


def _one(address: Address, wire: bytes) -> bytes:
    """Return the reply to one query over UDP; the reply over TCP has the same length."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(address)
        sock.send(wire)
        return sock.recv(_READ)
