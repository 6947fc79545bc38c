"""TCP (RFC 7766): framed messages, one conversation a connection, all of it bounded.

A conversation handles a few messages at a time, one after the other, and waits until their replies
are on their way, so a client that does not read holds less than 1 MiB, with the kernel's buffers,
and not for long.
"""

import asyncio
import socket
from collections import Counter
from contextlib import ExitStack, aclosing, closing, suppress
from dataclasses import dataclass
from typing import Final

from zonegit.containment import isolate
from zonegit.nameserver.answer.canary import peer_subnet
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.message.query import STREAM, Query, parse
from zonegit_resolver.listen.framing import Frames, frame
from zonegit_resolver.listen.udp import DropCounters, Respond
from zonegit_resolver.xfr.outgoing import Outgoing, is_transfer, may_be_transfer

MESSAGES_BATCH: Final = 16
"""Messages of one client, before others have their turn."""
_READ_BUFFER: Final = 16 * 1024
_WRITE_BUFFER: Final = 64 * 1024
_RETRY_ACCEPT_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """``idle_s`` is how long a client may take for its next message, from its first octet to its
    last; ``stall_s`` how long it may not read; ``total_s`` how long it may go on asking. All in
    seconds. How many connections there may be is for ``Conduct`` to say."""

    idle_s: float = 10.0
    stall_s: float = 10.0
    total_s: float = 300.0


class Streams:
    """Answers what arrives on connections."""

    def __init__(
        self,
        zones: ZoneTable,
        respond: Respond,
        drops: DropCounters,
        limits: ConnectionLimits = ConnectionLimits(),
        outgoing: Outgoing | None = None,
    ) -> None:
        self._zones = zones
        self._respond = respond
        self._drops = drops
        self._limits = limits
        self._outgoing = outgoing or Outgoing(zones)
        self._subnets: Counter[bytes] = Counter()

    @property
    def connections(self) -> int:
        """How many there are."""
        return self._subnets.total()

    async def accept(self, listening: socket.socket) -> None:
        """Takes connections until cancelled; their conversations end with it."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    sock, address = await loop.sock_accept(listening)
                except OSError:
                    await asyncio.sleep(_RETRY_ACCEPT_S)  # out of file descriptors, most likely
                    continue
                with isolate("connection"):
                    self._start_connection(group, sock, address[0])
                await asyncio.sleep(0)  # whoever comes by the thousand keeps nobody waiting

    def _start_connection(self, group: asyncio.TaskGroup, sock: socket.socket, peer: str) -> None:
        """Converse with a client, if there is room for one more."""
        with ExitStack() as refusing:
            refusing.callback(sock.close)
            subnet = peer_subnet(peer)
            if self._has_room(subnet):
                refusing.pop_all()
                self._subnets[subnet] += 1  # at once: the conversation begins some time later
                group.create_task(self._serve_client(sock, peer, subnet))

    def _has_room(self, subnet: bytes) -> bool:
        conduct = self._zones.options
        return (
            self.connections < conduct.connections
            and self._subnets[subnet] < conduct.connections_of_subnet
        )

    async def _serve_client(self, sock: socket.socket, peer: str, subnet: bytes) -> None:
        try:
            with closing(sock):  # also where nothing comes of it
                reader, writer = await asyncio.open_connection(sock=sock, limit=_READ_BUFFER)
                writer.transport.set_write_buffer_limits(high=_WRITE_BUFFER)
                try:
                    await self._serve_messages(reader, writer, peer)
                finally:
                    await self._close(writer)
        except (TimeoutError, OSError):
            pass  # it has gone, or is to go
        except Exception as error:
            self._drops.count_failure(error)
        finally:
            self._subnets[subnet] -= 1
            if not self._subnets[subnet]:
                del self._subnets[subnet]

    async def _serve_messages(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        """Messages as they come, until one is empty. A client that has closed its side is answered
        what it has asked (RFC 7766 section 6.2.4), and a transfer that has begun is not broken off
        by ``total_s``."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._limits.total_s
        frames = Frames()
        while (now := loop.time()) < end:
            wires = frames.take(MESSAGES_BATCH)
            if not wires:
                async with asyncio.timeout_at(min(end, now + self._limits.idle_s)):
                    wires = await _read_messages(reader, frames)
            if not await self._reply(wires, peer, writer):
                return
            if len(wires) == MESSAGES_BATCH:
                await asyncio.sleep(0)  # who sends much, even what gets no reply, is not alone

    async def _reply(self, wires: list[bytes], peer: str, writer: asyncio.StreamWriter) -> bool:
        """Answers in the order of the questions; whether there may be more of them."""
        replies = bytearray()
        for wire in wires:
            if not wire:
                break
            query = parse(wire) if may_be_transfer(wire) else None
            if query is not None and is_transfer(query):
                await self._send(replies, writer)
                await self._transfer(wire, query, peer, writer)
                replies = bytearray()
            elif (reply := self._respond(wire, self._zones, peer, STREAM)) is not None:
                replies += frame(reply)
            if len(replies) > _WRITE_BUFFER:
                await self._send(replies, writer)
                replies = bytearray()
        await self._send(replies, writer)
        return bool(wires) and all(wires)

    async def _transfer(
        self, wire: bytes, query: Query, peer: str, writer: asyncio.StreamWriter
    ) -> None:
        async with aclosing(
            self._outgoing.replies(wire, query, peer, writer.is_closing)
        ) as replies:
            async for reply in replies:
                await self._send(frame(reply), writer)

    async def _send(self, octets: bytes | bytearray, writer: asyncio.StreamWriter) -> None:
        """Returns once the client has taken all but ``_WRITE_BUFFER`` octets of what it is sent."""
        if writer.is_closing():
            raise ConnectionResetError
        writer.write(octets)
        if writer.transport.get_write_buffer_size() > _WRITE_BUFFER:
            async with asyncio.timeout(self._limits.stall_s):
                await writer.drain()

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        try:
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._limits.stall_s):
                    await writer.wait_closed()
        finally:
            writer.transport.abort()  # what is not sent by now never will be


async def _read_messages(reader: asyncio.StreamReader, frames: Frames) -> list[bytes]:
    """The next messages, once there is one; none when the client will send no more."""
    while octets := await reader.read(_READ_BUFFER):
        frames.feed(octets)
        if wires := frames.take(MESSAGES_BATCH):
            return wires
    return []
