"""Zones served on real sockets of the loopback interface."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.dns.local_server import LocalServer

from zonegit.nameserver.acl import Address
from zonegit_resolver.dispatcher import DnsOperation, MessageDispatcher
from zonegit_resolver.listen.sockets import listen
from zonegit_resolver.listen.tcp import ConnectionLimits, Streams
from zonegit_resolver.listen.udp import DropCounters
from zonegit_resolver.xfr.outgoing import Outgoing

DEFAULT_LIMITS = ConnectionLimits()


@asynccontextmanager
async def serve_on_loopback(
    server: LocalServer,
    limits: ConnectionLimits = DEFAULT_LIMITS,
    host: str = "127.0.0.1",
    outgoing: Outgoing | None = None,
    operations: Sequence[DnsOperation] = (),
) -> AsyncIterator[tuple[Address, Streams]]:
    """Serve ``server``, and yield its address and its streams; fail if a query met a bug."""
    drops = DropCounters()
    transfers = (outgoing or Outgoing(server.zones)).make_operation()
    dispatcher = MessageDispatcher(server.zones, [transfers, *operations])
    streams = Streams(dispatcher, drops, limits)
    async with listen([Address(host, 0)], dispatcher, streams, drops) as (address,):
        yield address, streams
    assert drops.failed == 0
