"""Bind UDP and TCP sockets on each address, once the zones are loaded.

Each process binds its own sockets with SO_REUSEPORT; the kernel distributes the clients among them.
"""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Final

from zonegit.containment import keep_running
from zonegit.errors import Unavailable
from zonegit.nameserver.acl import Address
from zonegit_resolver.dispatcher import MessageDispatcher
from zonegit_resolver.listen.tcp import Streams
from zonegit_resolver.listen.udp import Datagrams, DropCounters

_BACKLOG: Final = 4_096
"""Connections that wait to be accepted; the kernel may grant fewer."""
_SEND_BUFFER: Final = 256 * 1024
_RECEIVE_BUFFER: Final = 64 * 1024
"""Octets of each connection, which the kernel doubles. By default it keeps megabytes for a client
that does not read."""
_BUFFER: Final = 4 * 1024 * 1024
"""Octets requested for each direction of a UDP socket, for bursts; the kernel may grant fewer."""
_MAX_ATTEMPTS: Final = 32
"""Attempts to find a port that is free for both UDP and TCP."""


def raise_fd_limit() -> None:
    """Raise the soft limit of open files to the hard limit.

    The usual limit of 1,024 can be used up by connections of clients, so none would be left for the
    bus and the disk.
    """
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


@asynccontextmanager
async def listen(
    addresses: Sequence[Address],
    dispatcher: MessageDispatcher,
    streams: Streams,
    drops: DropCounters,
) -> AsyncIterator[list[Address]]:
    """Answer queries from entry to exit; yield the addresses with their actual ports.

    Raises:
        Unavailable: An address cannot be bound; the error names it.
    """
    async with asyncio.TaskGroup() as group:
        accepting: list[asyncio.Task[None]] = []
        with ExitStack() as open_sockets:
            actual = []
            for address in addresses:
                udp, tcp = bind(address)
                open_sockets.callback(tcp.close)
                datagrams = Datagrams(udp, dispatcher, drops, group)
                open_sockets.callback(datagrams.close)
                datagrams.start()
                accept = partial(streams.accept, tcp)
                accepting.append(group.create_task(keep_running("connection", accept)))
                actual.append(Address(*tcp.getsockname()[:2]))
            try:
                yield actual
            finally:
                for task in accepting:
                    task.cancel()


def bind(address: Address) -> tuple[socket.socket, socket.socket]:
    """Bind a UDP socket and a listening TCP socket to one port.

    Raises:
        Unavailable: They cannot be bound.
    """
    for attempt in range(_MAX_ATTEMPTS):
        udp = _bind_socket(address, socket.SOCK_DGRAM)
        port = udp.getsockname()[1]
        try:
            tcp = _bind_socket(Address(address.host, port), socket.SOCK_STREAM)
        except Unavailable:
            udp.close()
            if address.port or attempt == _MAX_ATTEMPTS - 1:
                raise
            continue
        tcp.listen(_BACKLOG)
        return udp, tcp
    raise AssertionError("unreachable")


def _bind_socket(address: Address, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_DGRAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise Unavailable(
            f"cannot listen on {address}: {error.strerror}",
            hint="ports below 1024 need the capability net_bind_service",
        ) from error
    return sock
