"""Answer queries over UDP, up to a batch in each callback of the event loop.

A reader callback on a non-blocking socket, which reads all available datagrams, costs a third of
what the datagram transport of asyncio costs for each query.
"""

import asyncio
import socket
import struct
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final, Protocol

import structlog

from zonegit_resolver.dispatcher import DnsRequest, MessageDispatcher
from zonegit_resolver.listen import udp_batch
from zonegit_resolver.listen.udp_batch import (
    DATAGRAMS_BATCH,
    LINK_LOCAL,
    MAX_OCTETS,
    Batches,
    Origin,
)

_IPV4_PKTINFO: Final = 8  # IP_PKTINFO of Linux; the socket module has no name for it
_IN_PKTINFO: Final = struct.Struct("=I4s4s")
_IN6_PKTINFO: Final = struct.Struct("=16sI")
_SPACE: Final = socket.CMSG_SPACE(_IN6_PKTINFO.size)

log = structlog.get_logger()


@dataclass(slots=True)
class DropCounters:
    """Counters of queries without a reply.

    Attributes:
        unsent: The send buffer was full, or the client cannot be reached.
        failed: Answering raised an unexpected exception.
    """

    unsent: int = 0
    failed: int = 0

    def count_failure(self, error: Exception) -> None:
        """Count an unexpected exception. The 1st, 2nd, 4th, 8th and so on is logged, so a client
        that can trigger one cannot fill the disk."""
        self.failed += 1
        if self.failed & (self.failed - 1) == 0:
            log.error("query.failed", times=self.failed, exc_info=error)


class Channel(Protocol):
    """Receives and sends datagrams: :class:`Batches`, or :class:`SingleDatagrams` as a fallback."""

    def receive(self, limit: int) -> Sequence[tuple[bytes, str]]:
        """Receive the queries that have arrived, each with the IP address of its client; at most
        ``limit``."""

    def origin(self, slot: int) -> Origin:
        """Return the origin of one of the queries last received, for a reply that is sent
        later."""

    def send(self, replies: Sequence[bytes | None]) -> int:
        """Send the replies to the queries last received; return how many could not be sent."""


class Datagrams:
    """Answers queries on one bound socket, from :meth:`start` to :meth:`close`."""

    def __init__(
        self,
        sock: socket.socket,
        dispatcher: MessageDispatcher,
        drops: DropCounters,
        group: asyncio.TaskGroup,
    ) -> None:
        self._sock = sock
        self._channel = open_channel(sock)
        self._dispatcher = dispatcher
        self._drops = drops
        self._latency = dispatcher.latency
        self._group = group
        self._running: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        """Start to answer queries."""
        self._loop.add_reader(self._sock, self._drain)

    def close(self) -> None:
        """Close the socket at once: the kernel sends a socket that is not read its share of the
        queries. Operations that run are cancelled."""
        self._loop.remove_reader(self._sock)
        for task in self._running:
            task.cancel()
        self._sock.close()

    def _drain(self) -> None:
        """Answer at most ``DATAGRAMS_BATCH`` queries, about a third of a millisecond of work.

        The event loop then runs other callbacks before the next batch.
        """
        left = DATAGRAMS_BATCH
        try:
            while left and (queries := self._channel.receive(left)):
                began = perf_counter()
                left -= len(queries)
                self._drops.unsent += self._channel.send(self._make_replies(queries))
                self._latency.observe(perf_counter() - began, len(queries))
        except Exception as error:
            self._drops.count_failure(error)

    def _make_replies(self, queries: Sequence[tuple[bytes, str]]) -> list[bytes | None]:
        try_fast, zones = self._dispatcher.try_fast, self._dispatcher.zones
        limit = zones.options.max_udp_size
        replies: list[bytes | None] = []
        for wire, peer in queries:
            try:
                reply = try_fast(wire, zones, peer, limit)
                if reply is None:
                    reply = self._respond(wire, peer, limit, len(replies))
                replies.append(reply)
            except Exception as error:
                self._drops.count_failure(error)
                replies.append(None)
        return replies

    def _respond(self, wire: bytes, peer: str, limit: int, slot: int) -> bytes | None:
        """Return the reply to a message that is no ordinary query; None if there is none, or if an
        operation was started that sends it later."""
        reply = self._dispatcher.respond(wire, peer, limit)
        if not isinstance(reply, DnsRequest):
            return reply
        task = self._group.create_task(self._run_operation(reply, self._channel.origin(slot)))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(lambda _: reply.close())
        return None

    async def _run_operation(self, request: DnsRequest, origin: Origin) -> None:
        ancillary, address = origin
        try:
            async with aclosing(self._dispatcher.run(request)) as replies:
                async for reply in replies:
                    self._sock.sendmsg([reply], _source_control(ancillary), 0, address)
        except OSError:
            self._drops.unsent += 1
        except Exception as error:
            self._drops.count_failure(error)


def open_channel(sock: socket.socket) -> Channel:
    """Return the fastest channel that works for a bound socket.

    On a wildcard address, replies are sent from the address to which the query was sent (RFC 2181
    section 4.1), which must be requested from the kernel.
    """
    is_wildcard = sock.getsockname()[0] in ("0.0.0.0", "::")  # noqa: S104 compares, does not bind
    if is_wildcard:
        _request_destinations(sock)
    if udp_batch.is_supported(sock):
        return Batches(sock, destinations=is_wildcard)
    return SingleDatagrams(sock)


class SingleDatagrams:
    """Receives and sends one datagram for each system call, with the socket module."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._origins: list[Origin] = []

    def receive(self, limit: int) -> list[tuple[bytes, str]]:
        """Receive queries as :meth:`Batches.receive` does."""
        self._origins.clear()
        queries = []
        for _ in range(limit):
            try:
                wire, ancillary, _, peer = self._sock.recvmsg(MAX_OCTETS, _SPACE)
            except OSError:
                break  # no more datagrams, or an error that concerns one datagram
            self._origins.append((ancillary, peer))
            queries.append((wire, peer[0]))
        return queries

    def origin(self, slot: int) -> Origin:
        """Return the origin of a query as :meth:`Batches.origin` does."""
        return self._origins[slot]

    def send(self, replies: Sequence[bytes | None]) -> int:
        """Send replies as :meth:`Batches.send` does."""
        lost = 0
        for reply, (ancillary, peer) in zip(replies, self._origins, strict=True):
            if reply is not None:
                try:
                    self._sock.sendmsg([reply], _source_control(ancillary), 0, peer)
                except OSError:
                    lost += 1
        return lost


def _request_destinations(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IPV4_PKTINFO, 1)


def _source_control(ancillary: list[tuple[int, int, bytes]]) -> list[tuple[int, int, Any]]:
    """Return the ancillary data for a reply, from that of its query.

    The route decides the interface, except for a link-local address.
    """
    found: list[tuple[int, int, Any]] = []
    for level, kind, octets in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IPV4_PKTINFO):
            _, local, _ = _IN_PKTINFO.unpack(octets)
            found.append((level, kind, _IN_PKTINFO.pack(0, local, bytes(4))))
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            local, interface = _IN6_PKTINFO.unpack(octets)
            kept = interface if local.startswith(LINK_LOCAL) else 0
            found.append((level, kind, _IN6_PKTINFO.pack(local, kept)))
    return found
