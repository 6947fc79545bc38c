"""Generate UDP load from one core, faster than any of the measured servers answers on another.

Datagrams are built before the clock starts and all have one length. A batch is one segmented send
(``UDP_SEGMENT``: 0.4 us per datagram on loopback, ``sendmmsg`` needs 2.0) and its answers are
received with one ``recvmmsg``, so Python runs once per batch and not once per query. The generator
polls and never sleeps, so the server spends no time on waking it. A window of queries is
outstanding at any time: enough to keep a server busy, and few enough for a socket buffer of default
size. The generator needs Linux.
"""

import ctypes
import errno
import os
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

WINDOW: Final = 128
"""Outstanding queries. A default socket buffer of Linux holds about 270 small datagrams."""
MAX_BATCH: Final = 64
"""Datagrams that the kernel segments from one send."""
BURST: Final = 4
"""Datagrams per send if a rate is given."""
ANSWER_SLOT: Final = 4_096
"""Octets kept of one answer; a longer answer is cut, and counts as an answer."""
LOSS_TIMEOUT_S: Final = 0.2
"""Silence after which all outstanding queries count as lost."""
MAX_DATAGRAMS: Final = 65_536

_UDP_SEGMENT: Final = 103


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Mmsghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("length", ctypes.c_uint),
        ("padding", ctypes.c_uint),
    )


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The result of one run.

    Attributes:
        seconds: the duration of the run.
        idle_s: the time spent waiting for the server; near zero, the generator was the bottleneck.
        answers: the number of answers.
        lost: the number of queries without an answer.
        latencies_us: the latency of each answer, empty unless requested.
        by_rcode: the RCODEs of the first answers, to detect a server that is fast but wrong.
    """

    seconds: float
    idle_s: float
    answers: int
    lost: int
    latencies_us: Sequence[float]
    by_rcode: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answers / self.seconds


def run(
    address: tuple[str, int],
    datagrams: Sequence[bytes],
    seconds: float,
    *,
    window: int = WINDOW,
    rate: float | None = None,
    latencies: bool = False,
    core: int | None = None,
) -> LoadResult:
    """Send queries in turn, again and again, and count the answers.

    Args:
        address: the address of the server.
        datagrams: the queries, all of one length; their ids are overwritten.
        seconds: the duration of the run.
        window: the number of outstanding queries.
        rate: queries per second, sent in small bursts at even intervals; without it, queries are
            sent as fast as answers arrive.
        latencies: whether to record the latency of each answer.
        core: the core that this process is pinned to during the run, if that is allowed.

    Raises:
        ValueError: there are no datagrams, more than ``MAX_DATAGRAMS``, or some of another length.
        OSError: the address refuses datagrams, or the system cannot send in batches.
    """
    if not 0 < len(datagrams) <= MAX_DATAGRAMS or len({len(octets) for octets in datagrams}) > 1:
        raise ValueError(f"expected 1 to {MAX_DATAGRAMS} datagrams of one length")
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    before = pin(core)
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, len(datagrams[0]))
            return _Runner(sock, datagrams, window, rate, latencies).run(seconds)
    finally:
        if before:
            os.sched_setaffinity(0, before)


def pin(core: int | None) -> set[int]:
    """Pin this process to one core.

    Returns:
        The cores that the process could use before; empty if nothing changed.
    """
    if core is None or not hasattr(os, "sched_setaffinity"):
        return set()
    before = os.sched_getaffinity(0)
    if core not in before:
        return set()
    os.sched_setaffinity(0, {core})
    return before


class _Inbox:
    """Buffers for a batch of answers, and the system call that fills them."""

    def __init__(self, descriptor: int, slots: int) -> None:
        self._memory = ctypes.create_string_buffer(slots * ANSWER_SLOT)
        self._headers = (_Mmsghdr * slots)()
        self._iovecs = (_Iovec * slots)()
        base = ctypes.addressof(self._memory)
        for index in range(slots):
            self._iovecs[index] = _Iovec(base + index * ANSWER_SLOT, ANSWER_SLOT)
            self._headers[index].iov = ctypes.pointer(self._iovecs[index])
            self._headers[index].iovlen = 1
        self._call = _find_recvmmsg()
        self._arguments = (
            descriptor,
            ctypes.addressof(self._headers),
            slots,
            socket.MSG_DONTWAIT,
            None,
        )
        octets = memoryview(self._memory).cast("B")
        self._ids = octets.cast("H")[:: ANSWER_SLOT // 2]
        self._flags = octets[3::ANSWER_SLOT]

    def receive(self) -> int:
        """Receive the answers that have arrived, without waiting, and return their number.

        Raises:
            OSError: no server listens on the address.
        """
        received: int = self._call(*self._arguments)
        if received >= 0:
            return received
        code = ctypes.get_errno()
        if code in (errno.EAGAIN, errno.EINTR):
            return 0
        raise OSError(code, os.strerror(code))

    def read_ids(self, count: int) -> list[int]:
        """Return the ids of the first ``count`` answers."""
        return self._ids[:count].tolist()

    def read_rcodes(self, count: int) -> list[int]:
        """Return the RCODEs of the first ``count`` answers."""
        return [flags & 0x0F for flags in self._flags[:count].tolist()]


class _Runner:
    """The state of one run."""

    def __init__(
        self,
        sock: socket.socket,
        datagrams: Sequence[bytes],
        window: int,
        rate: float | None,
        latencies: bool,
    ) -> None:
        self._sock = sock
        self._inbox = _Inbox(sock.fileno(), window)
        self._window = window
        self._batch = min(MAX_BATCH if rate is None else BURST, max(1, window // 4))
        self._interval_s = 0.0 if rate is None else self._batch / rate
        self._count = len(datagrams)
        self._size = len(datagrams[0])
        numbered = (struct.pack("=H", n) + octets[2:] for n, octets in enumerate(datagrams))
        self._out = memoryview(b"".join(numbered))
        self._sent_at = [0] * self._count
        self._latencies: list[int] | None = [] if latencies else None
        self._by_rcode: dict[int, int] = {}
        self._next = 0

    def run(self, seconds: float) -> LoadResult:
        answers = lost = outstanding = 0
        idle = 0.0
        started = received_at = now = due = time.perf_counter()
        end = started + seconds
        while now < end:
            if outstanding <= self._window - self._batch and now >= due:
                outstanding += self._send()
                due += self._interval_s
            received = self._receive(counting=answers < self._count)
            then, now = now, time.perf_counter()
            if received:
                received_at = now
                answers += received
                outstanding = max(0, outstanding - received)
            else:
                idle += now - then
                if now - received_at > LOSS_TIMEOUT_S:
                    lost += outstanding
                    outstanding, received_at = 0, now
        return LoadResult(
            seconds=now - started,
            idle_s=idle,
            answers=answers,
            lost=lost,
            latencies_us=[nanoseconds / 1_000 for nanoseconds in self._latencies or ()],
            by_rcode=self._by_rcode,
        )

    def _send(self) -> int:
        """Send the next batch and return its size; no batch spans the end of the datagrams."""
        first = self._next
        end = min(first + self._batch, self._count)
        self._sock.send(self._out[first * self._size : end * self._size])
        if self._latencies is not None:
            self._sent_at[first:end] = [time.perf_counter_ns()] * (end - first)
        self._next = end % self._count
        return end - first

    def _receive(self, *, counting: bool) -> int:
        received = self._inbox.receive()
        if self._latencies is not None:
            now, sent_at = time.perf_counter_ns(), self._sent_at
            self._latencies += [now - sent_at[index] for index in self._inbox.read_ids(received)]
        if counting:
            for rcode in self._inbox.read_rcodes(received):
                self._by_rcode[rcode] = self._by_rcode.get(rcode, 0) + 1
        return received


def _find_recvmmsg() -> Any:
    call = ctypes.CDLL(None, use_errno=True).recvmmsg
    call.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]
    return call
