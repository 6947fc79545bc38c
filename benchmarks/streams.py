"""Queries a second over TCP: persistent connections, with and without pipelining (RFC 7766)."""

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
"""How many queries are on their way on each connection; many are, in two halves."""
PATIENCE_S: Final = 5.0
_READ: Final = 65_536


def figures() -> list[Figure]:
    """Hits in a zone of 1,000 RRsets."""
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
    """One of them: what it sends next, and octets of replies that have come of what is due."""

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
    """Asks on all connections, ``outstanding`` queries on their way on each. All questions must get
    replies of one length: octets are counted, not messages, so that this is not what is slow.

    Raises:
        OSError: a connection was closed.
        TimeoutError: nothing came for ``PATIENCE_S``.
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
    """Octets that have come; for each chunk of replies the next questions go out."""
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
    """The reply to one question over UDP, which over TCP is as long."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(address)
        sock.send(wire)
        return sock.recv(_READ)
