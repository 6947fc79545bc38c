"""Dispatch DNS messages by opcode and type: to the synchronous responder, or to an operation that
waits (docs/adr/0052-dispatcher.md).

UDP and TCP first try ``MessageDispatcher.try_fast``, which answers an ordinary query without
parsing it. Any other message is given to :meth:`MessageDispatcher.respond`, which parses it
once.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from zonegit.nameserver.answer import fast_path, responder
from zonegit.nameserver.answer.canary import peer_subnet
from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.message import edns
from zonegit.nameserver.message.fragment import SERVFAIL
from zonegit.nameserver.message.query import OPCODE, STREAM, Query, encode_error, parse
from zonegit_resolver.histogram import Histogram

LATENCY_BOUNDS_S: Final = (
    *(0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005),
    *(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)

Respond = Callable[[bytes, ZoneTable, str, int], bytes | None]
"""Return the reply to a message, without waiting; None if there is none."""


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """Limits of one operation, which the dispatcher enforces.

    Attributes:
        max_running: The maximum number of requests at a time; another one gets SERVFAIL.
        max_running_of_subnet: The same, for the clients of one subnet.
        max_datagrams: The same, for requests over UDP, whose source address may be forged. So they
            leave places to clients with connections.
        reply_s: The time for each message of a reply, without the time that the client needs to
            read. A request that takes longer gets SERVFAIL, or its connection is closed if a part
            of the reply was sent.
    """

    max_running: int = 64
    max_running_of_subnet: int = 16
    max_datagrams: int = 32
    reply_s: float = 10.0


@dataclass(frozen=True, slots=True)
class DnsOperation:
    """A kind of DNS message that is answered by work that waits.

    Attributes:
        opcode: The opcode as in the header of a message, such as ``query.NOTIFY``.
        types: The types of its question; None for all types.
        run: Yields the messages of the reply; at most one if datagrams are accepted. It gets the
            request, and calls ``request.is_gone`` to learn that the client has disconnected.
        limits: None if ``run`` limits itself.
        is_stream_only: Whether messages in datagrams are left to the responder.
    """

    opcode: int
    types: tuple[int, ...] | None
    run: Callable[["DnsRequest"], AsyncGenerator[bytes, None]]
    limits: OperationLimits | None
    is_stream_only: bool = False


def _is_never_gone() -> bool:
    return False


class DnsRequest:
    """A message for an operation. It occupies a place of the operation until it is closed.

    Attributes:
        wire: The message.
        query: The message as parsed. For opcodes that ``query.parse`` does not know, it has the id,
            the flags and EDNS, and the operation reads the sections from ``wire``.
        peer: The IP address of the sender.
        limit: The maximum size of the reply in octets; ``query.STREAM`` on a stream.
        is_gone: Returns whether the client has disconnected.
    """

    __slots__ = ("_release", "is_gone", "limit", "operation", "peer", "query", "wire")

    def __init__(
        self,
        operation: DnsOperation,
        query: Query,
        wire: bytes,
        peer: str,
        limit: int,
        release: Callable[["DnsRequest"], None],
    ) -> None:
        self.operation = operation
        self.query = query
        self.wire = wire
        self.peer = peer
        self.limit = limit
        self.is_gone: Callable[[], bool] = _is_never_gone
        self._release: Callable[[DnsRequest], None] | None = release

    def close(self) -> None:
        """Leave the place; again without effect."""
        release, self._release = self._release, None
        if release is not None:
            release(self)


class _Places:
    """The places of one operation, and which requests occupy them."""

    def __init__(self, limits: OperationLimits) -> None:
        self._limits = limits
        self._subnets: Counter[bytes] = Counter()
        self._datagrams = 0

    def has_room(self, peer: str, *, is_datagram: bool) -> bool:
        limits = self._limits
        return (
            self._subnets.total() < limits.max_running
            and self._subnets[peer_subnet(peer)] < limits.max_running_of_subnet
            and not (is_datagram and self._datagrams >= limits.max_datagrams)
        )

    def take(self, request: DnsRequest) -> None:
        self._subnets[peer_subnet(request.peer)] += 1
        self._datagrams += request.limit != STREAM

    def release(self, request: DnsRequest) -> None:
        subnet = peer_subnet(request.peer)
        self._subnets[subnet] -= 1
        if not self._subnets[subnet]:
            del self._subnets[subnet]
        self._datagrams -= request.limit != STREAM


class MessageDispatcher:
    """Answers all DNS messages of a resolver, over UDP and TCP.

    Args:
        zones: The zones that are served.
        operations: The operations; each opcode, or type of QUERY, has at most one.
        try_fast: Answers ordinary queries; None leaves a message to :meth:`respond`.
    """

    def __init__(
        self,
        zones: ZoneTable,
        operations: Iterable[DnsOperation] = (),
        try_fast: Respond = fast_path.try_fast,
    ) -> None:
        self.zones: Final = zones
        self.try_fast: Final = try_fast
        self.latency: Final = Histogram(LATENCY_BOUNDS_S)
        """Seconds from reading a query until its reply is sent; the transports record it."""
        self._operations: dict[int, dict[int | None, DnsOperation]] = {}
        self._places: dict[DnsOperation, _Places] = {}
        for operation in operations:
            self._register(operation)

    def _register(self, operation: DnsOperation) -> None:
        by_type = self._operations.setdefault(operation.opcode, {})
        for rdtype in operation.types or (None,):
            if rdtype in by_type:
                raise ValueError(f"two operations for opcode {operation.opcode >> 11}")
            by_type[rdtype] = operation
        if operation.limits is not None:
            self._places[operation] = _Places(operation.limits)

    def respond(self, wire: bytes, peer: str, limit: int) -> bytes | DnsRequest | None:
        """Return the reply to a message for which ``try_fast`` has none.

        Args:
            wire: The message.
            peer: The IP address of the sender.
            limit: The maximum size of the reply in octets; ``query.STREAM`` on a stream.

        Returns:
            The reply, or a request that :meth:`run` answers and the caller closes; None if the
            message gets no reply.
        """
        query = parse(wire)
        if query is None:
            return None
        operation = self._find_operation(query, limit)
        if operation is None:
            return responder.respond_to(query, wire, self.zones, peer, limit)
        places = self._places.get(operation)
        if places is None:
            return DnsRequest(operation, query, wire, peer, limit, _release_nothing)
        if not places.has_room(peer, is_datagram=limit != STREAM):
            return self._encode_failure(query, peer)
        request = DnsRequest(operation, query, wire, peer, limit, places.release)
        places.take(request)
        return request

    def _find_operation(self, query: Query, limit: int) -> DnsOperation | None:
        """Return the operation of a message. A malformed message has none: the responder answers
        it."""
        by_type = self._operations.get(query.flags & OPCODE)
        if by_type is None or query.is_malformed:
            return None
        operation = by_type.get(query.qtype) or by_type.get(None)
        if operation is not None and operation.is_stream_only and limit != STREAM:
            return None
        return operation

    async def run(self, request: DnsRequest) -> AsyncGenerator[bytes, None]:
        """Yield the messages of the reply to a request.

        Raises:
            TimeoutError: The operation took too long after its first message.
            Exception: The operation failed.
        """
        limits = request.operation.limits
        reply_s = limits.reply_s if limits is not None else None
        is_first = True
        async with aclosing(request.operation.run(request)) as replies:
            while True:
                try:
                    async with asyncio.timeout(reply_s):
                        reply = await anext(replies, None)
                except TimeoutError:
                    if not is_first:
                        raise
                    yield self._encode_failure(request.query, request.peer)
                    return
                if reply is None:
                    return
                is_first = False
                yield reply

    def _encode_failure(self, query: Query, peer: str) -> bytes:
        """Encode the reply to a request that exceeds a limit: SERVFAIL, Not Ready (RFC 8914 section
        4.15). It is not signed, because the request was not authenticated yet."""
        client = Client(query, peer, None)
        client.error = edns.NOT_READY
        options = responder.encode_options(query, self.zones.options, client)
        return encode_error(query, SERVFAIL, options=options)


def _release_nothing(_: DnsRequest) -> None:
    pass
