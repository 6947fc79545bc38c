"""The socket under the client library: TLS, and no wait without an end.

The library's own TCP transport waits without end where a TLS handshake has failed: it waits for the
end of a connection that the handshake took over. Its stream also answers the end of a TLS
connection in a way that asyncio warns of. And it sends a password in clear text to a server that
does not ask for TLS, whatever the URL says.
"""

import asyncio
import ssl
import time
from typing import Any, Final
from urllib.parse import ParseResult

import nats.errors
from nats.aio.client import DEFAULT_BUFFER_SIZE, Client, Srv
from nats.aio.transport import TcpTransport

from zonegit.containment import isolate

CLOSE_TIMEOUT: Final = 2.0
"""Seconds for the two ends to agree that a connection is over; then it is cut."""
SEND_TIMEOUT: Final = 5.0
"""Seconds for a command to be taken for sending."""


class PlaintextError(nats.errors.Error):
    """The server does not speak TLS, and the URL says that it must."""

    def __str__(self) -> str:
        return "it does not speak TLS"


class EndedError(nats.errors.Error):
    """The server ended the connection before it let the client in."""

    def __init__(self, *, is_encrypted: bool) -> None:
        super().__init__()
        self.is_encrypted = is_encrypted

    def __str__(self) -> str:
        return "it ended the connection"


class BoundedTransport(TcpTransport):
    """A TCP connection that may become a TLS one."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.is_encrypted = False

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        self.is_encrypted = False
        await super().connect(uri, buffer_size, connect_timeout)

    async def connect_tls(
        self,
        uri: str | ParseResult,
        ssl_context: ssl.SSLContext,
        buffer_size: int,
        connect_timeout: int,
    ) -> None:
        """Make a TLS connection of the plain one.

        Raises:
            ssl.SSLError: the two ends do not agree.
            OSError: the connection broke, or the handshake takes longer than ``connect_timeout``.
        """
        writer = self._io_writer
        assert writer is not None  # it is connected first
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            async with asyncio.timeout(connect_timeout):
                transport = await loop.start_tls(
                    writer.transport,
                    protocol,
                    ssl_context,
                    server_hostname=uri if isinstance(uri, str) else uri.hostname,
                )
            assert transport is not None  # it is so for servers on closed sockets only
        except BaseException:
            writer.transport.abort()
            self._io_reader = self._io_writer = None
            raise
        protocol.connection_made(transport)
        self._io_reader = reader
        self._io_writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self.is_encrypted = True

    def cut(self) -> None:
        """End the connection at once; what was not sent is lost."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is over; cut it when that takes too long."""
        writer = self._io_writer
        if writer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await writer.wait_closed()
        except TimeoutError:
            self.cut()


class BoundedClient(Client):
    """The client library's connection, over such a socket.

    Its own flush writes a PING ahead of commands that it still holds back, so the PONG says nothing
    of them: a subscription just made may not be in force, and one that is drained loses messages.
    By the time the first PONG is there they are written, so the second one is the answer.

    A flush is never cancelled, only left: the library's breaks its connection when the PONG of a
    cancelled one arrives, and may lose the cancellation.
    """

    def __init__(self, *, requires_tls: bool) -> None:
        super().__init__()
        self._requires_tls = requires_tls

    async def flush(self, timeout: int = 5) -> None:
        for _ in range(2):
            flushing = asyncio.ensure_future(super().flush(timeout))
            flushing.add_done_callback(lambda done: done.cancelled() or done.exception())
            await asyncio.shield(flushing)

    async def _process_msg(self, *message: Any) -> None:
        """Drop a message that cannot be read, such as one whose subject is not UTF-8: the library
        would end its reading for it, and the connection would be deaf until a PING times out."""
        with isolate("message"):
            await super()._process_msg(*message)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        # Each publish, subscription and goodbye ends here, and a bus may stop reading.
        async with asyncio.timeout(SEND_TIMEOUT):
            return await super()._flush_pending(force_flush)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        """Close for good, and report it also where the connection breaks or stalls meanwhile.

        The library closes in a task of its own when the bus reports an error. What that raises is
        lost, and with it the report: the process would keep a connection that is never made again.
        """
        try:
            async with asyncio.timeout(SEND_TIMEOUT + CLOSE_TIMEOUT):
                await super()._close(status, do_cbs)
        except (nats.errors.Error, OSError):  # TimeoutError is one
            if isinstance(self._transport, BoundedTransport):
                self._transport.cut()
            if do_cbs and self._closed_cb is not None:
                await self._closed_cb()

    async def _connect_to_server(self, s: Srv) -> None:
        if s.uri.scheme in ("ws", "wss"):
            await super()._connect_to_server(s)
            return
        s.last_attempt = time.monotonic()
        if not isinstance(self._transport, BoundedTransport):
            self._transport = BoundedTransport()
        await self._transport.connect(s.uri, DEFAULT_BUFFER_SIZE, self.options["connect_timeout"])

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except ConnectionError as error:
            raise EndedError(is_encrypted=self._is_encrypted) from error
        if not self.is_connected:
            raise EndedError(is_encrypted=self._is_encrypted)

    def _connect_command(self) -> bytes:
        if self._requires_tls and not self._is_encrypted:
            raise PlaintextError
        return super()._connect_command()

    @property
    def _is_encrypted(self) -> bool:
        if isinstance(self._transport, BoundedTransport):
            return self._transport.is_encrypted
        return self._requires_tls  # a web socket, which a wss:// URL encrypts from the start
