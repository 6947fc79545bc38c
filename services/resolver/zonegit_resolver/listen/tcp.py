"""Answer queries over TCP (RFC 7766): framed messages, all resources of a connection bounded.

A connection handles a few messages at a time, in order, and waits until their replies are sent. A
client that does not read occupies less than 1 MiB, including the buffers of the kernel, and for a
bounded time.
"""

import asyncio
import socket
from collections import Counter
from contextlib import ExitStack, aclosing, closing, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from zonegit.containment import isolate
from zonegit.nameserver.answer.canary import peer_subnet
from zonegit.nameserver.message.query import STREAM
from zonegit_resolver.dispatcher import DnsRequest, MessageDispatcher
from zonegit_resolver.listen.framing import Frames, frame
from zonegit_resolver.listen.udp import DropCounters

MESSAGES_BATCH: Final = 16
"""Messages of one client that are handled before other connections continue."""
_READ_BUFFER: Final = 16 * 1024
_WRITE_BUFFER: Final = 64 * 1024
_RETRY_ACCEPT_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of a connection, in seconds. ``ServerOptions`` has the maximum number of connections.

    Attributes:
        idle_s: The time for the next message, from its first octet to its last.
        stall_s: The time for which a client may not read.
        total_s: The time after which no further message is read.
    """

    idle_s: float = 10.0
    stall_s: float = 10.0
    total_s: float = 300.0


class Streams:
    """Answers queries on TCP connections."""

    def __init__(
        self,
        dispatcher: MessageDispatcher,
        drops: DropCounters,
        limits: ConnectionLimits = ConnectionLimits(),
    ) -> None:
        self._dispatcher = dispatcher
        self._drops = drops
        self._limits = limits
        self._subnets: Counter[bytes] = Counter()

    @property
    def connections(self) -> int:
        """Return the number of connections."""
        return self._subnets.total()

    async def accept(self, listener: socket.socket) -> None:
        """Accept connections until cancelled; this also cancels their tasks."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    sock, address = await loop.sock_accept(listener)
                except OSError:
                    await asyncio.sleep(_RETRY_ACCEPT_S)  # out of file descriptors, most likely
                    continue
                with isolate("connection"):
                    self._start_connection(group, sock, address[0])
                await asyncio.sleep(0)  # thousands of new connections do not delay other tasks

    def _start_connection(self, group: asyncio.TaskGroup, sock: socket.socket, peer: str) -> None:
        """Start to serve a client, if the limits allow one more connection."""
        with ExitStack() as on_refusal:
            on_refusal.callback(sock.close)
            subnet = peer_subnet(peer)
            if self._has_room(subnet):
                on_refusal.pop_all()
                self._subnets[subnet] += 1  # before the task starts
                group.create_task(self._serve_client(sock, peer, subnet))

    def _has_room(self, subnet: bytes) -> bool:
        options = self._dispatcher.zones.options
        return (
            self.connections < options.max_tcp
            and self._subnets[subnet] < options.max_tcp_per_subnet
        )

    async def _serve_client(self, sock: socket.socket, peer: str, subnet: bytes) -> None:
        try:
            with closing(sock):  # also if open_connection fails
                reader, writer = await asyncio.open_connection(sock=sock, limit=_READ_BUFFER)
                writer.transport.set_write_buffer_limits(high=_WRITE_BUFFER)
                try:
                    await self._serve_messages(reader, writer, peer)
                finally:
                    await self._close(writer)
        except (TimeoutError, OSError):
            pass  # the client is gone, or has exceeded a limit
        except Exception as error:
            self._drops.count_failure(error)
        finally:
            self._subnets[subnet] -= 1
            if not self._subnets[subnet]:
                del self._subnets[subnet]

    async def _serve_messages(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        """Answer messages until one is empty.

        A client that has closed its side gets the replies to what it sent (RFC 7766 section 6.2.4).
        ``total_s`` does not interrupt an operation.
        """
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
                await asyncio.sleep(0)  # a client that sends many messages does not delay others

    async def _reply(self, wires: list[bytes], peer: str, writer: asyncio.StreamWriter) -> bool:
        """Answer messages in their order, and return whether the client may send more."""
        dispatcher, replies = self._dispatcher, bytearray()
        for wire in wires:
            if not wire:
                break
            began = perf_counter()
            reply: bytes | DnsRequest | None
            reply = dispatcher.try_fast(wire, dispatcher.zones, peer, STREAM)
            if reply is None:
                reply = dispatcher.respond(wire, peer, STREAM)
            if isinstance(reply, DnsRequest):
                with closing(reply):
                    await self._send(replies, writer)
                    replies = bytearray()
                    await self._run_operation(reply, writer)
            elif reply is not None:
                replies += frame(reply)
                dispatcher.latency.observe(perf_counter() - began)
            if len(replies) > _WRITE_BUFFER:
                await self._send(replies, writer)
                replies = bytearray()
        await self._send(replies, writer)
        return bool(wires) and all(wires)

    async def _run_operation(self, request: DnsRequest, writer: asyncio.StreamWriter) -> None:
        request.is_gone = writer.is_closing
        async with aclosing(self._dispatcher.run(request)) as replies:
            async for reply in replies:
                await self._send(frame(reply), writer)

    async def _send(self, octets: bytes | bytearray, writer: asyncio.StreamWriter) -> None:
        """Send octets, and wait until the client has read all but ``_WRITE_BUFFER`` of what it was
        sent."""
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
            writer.transport.abort()  # discards what is not sent


async def _read_messages(reader: asyncio.StreamReader, frames: Frames) -> list[bytes]:
    """Read the next messages; an empty list if the client sends no more."""
    while octets := await reader.read(_READ_BUFFER):
        frames.feed(octets)
        if wires := frames.take(MESSAGES_BATCH):
            return wires
    return []
