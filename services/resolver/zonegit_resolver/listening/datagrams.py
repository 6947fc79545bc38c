"""UDP: datagrams in, replies out, as many a wake-up as the loop can bear.

A reader callback on a non-blocking socket that drains what is there costs a third of what
asyncio's datagram transport costs a query.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from zonegit_resolver.answering.zones import Zones
from zonegit_resolver.messages.query import DATAGRAM

Respond = Callable[[bytes, Zones, str, int], bytes | None]

AT_ONCE: Final = 64
"""Datagrams taken a wake-up: about half a millisecond, after which others have their turn."""
_LARGEST: Final = 4_096
"""A longer query is cut off, and then malformed."""

_IPV4_PKTINFO: Final = 8  # IP_PKTINFO of Linux; the socket module has no name for it
_IN_PKTINFO: Final = struct.Struct("=I4s4s")
_IN6_PKTINFO: Final = struct.Struct("=16sI")
_SPACE: Final = socket.CMSG_SPACE(_IN6_PKTINFO.size)
_LINK_LOCAL: Final = b"\xfe\x80"

log = structlog.get_logger()


@dataclass(slots=True)
class Losses:
    """Queries without a reply, by what went wrong: the send buffer was full or the peer cannot be
    reached; a bug."""

    unsent: int = 0
    failed: int = 0

    def bug(self, error: Exception) -> None:
        """Notes a bug that a query has met. The log has the first of them and then ever fewer, so
        that whoever can trigger one cannot fill the disk."""
        self.failed += 1
        if self.failed & (self.failed - 1) == 0:
            log.error("query.failed", times=self.failed, exc_info=error)


class Datagrams:
    """Answers what arrives on one bound socket, from :meth:`start` to :meth:`close`."""

    def __init__(self, sock: socket.socket, zones: Zones, respond: Respond, losses: Losses) -> None:
        self._sock = sock
        self._zones = zones
        self._respond = respond
        self._losses = losses
        self._loop = asyncio.get_running_loop()
        host = sock.getsockname()[0]
        self._is_wildcard = host in ("0.0.0.0", "::")  # noqa: S104 compares, does not bind
        if self._is_wildcard:
            _ask_for_destinations(sock)

    def start(self) -> None:
        """From now on queries are answered."""
        self._loop.add_reader(
            self._sock, self._drain_wildcard if self._is_wildcard else self._drain
        )

    def close(self) -> None:
        """Closes the socket at once: one that nobody reads swallows its share of the queries."""
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def _drain(self) -> None:
        receive, send = self._sock.recvfrom, self._sock.sendto
        respond, zones = self._respond, self._zones
        for _ in range(AT_ONCE):
            try:
                wire, peer = receive(_LARGEST)
            except OSError:
                return  # nothing more, or an error that the next datagram does not share
            try:
                reply = respond(wire, zones, peer[0], DATAGRAM)
            except Exception as error:
                self._losses.bug(error)
                continue
            if reply is not None:
                try:
                    send(reply, peer)
                except OSError:
                    self._losses.unsent += 1

    def _drain_wildcard(self) -> None:
        """As :meth:`_drain`, and replies come from the address that was asked (RFC 2181 section
        4.1), which on a host with several has to be said."""
        for _ in range(AT_ONCE):
            try:
                wire, ancillary, _, peer = self._sock.recvmsg(_LARGEST, _SPACE)
            except OSError:
                return
            try:
                reply = self._respond(wire, self._zones, peer[0], DATAGRAM)
            except Exception as error:
                self._losses.bug(error)
                continue
            if reply is not None:
                try:
                    self._sock.sendmsg([reply], _sources(ancillary), 0, peer)
                except OSError:
                    self._losses.unsent += 1


def _ask_for_destinations(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IPV4_PKTINFO, 1)


def _sources(ancillary: list[tuple[int, int, bytes]]) -> list[tuple[int, int, Any]]:
    """What to send with a reply, from what came with its query. The route decides the interface,
    except where an address is one of a link."""
    found: list[tuple[int, int, Any]] = []
    for level, kind, octets in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IPV4_PKTINFO):
            _, local, _ = _IN_PKTINFO.unpack(octets)
            found.append((level, kind, _IN_PKTINFO.pack(0, local, bytes(4))))
        elif (level, kind) == (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO):
            local, interface = _IN6_PKTINFO.unpack(octets)
            kept = interface if local.startswith(_LINK_LOCAL) else 0
            found.append((level, kind, _IN6_PKTINFO.pack(local, kept)))
    return found
