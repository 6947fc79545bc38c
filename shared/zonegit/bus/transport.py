"""Replace the socket of the client library: with TLS, and without unbounded waits.

The TCP transport of the library waits without end after a failed TLS handshake: it waits for the
end of a connection that the handshake took over. Its stream also handles the end of a TLS
connection in a way that asyncio warns of. And it sends a password in clear text to a server that
does not require TLS, even if the URL does.
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
"""Seconds for both ends to close a connection; then it is aborted."""
SEND_TIMEOUT: Final = 5.0
"""Seconds for sending a command."""


class PlaintextError(nats.errors.Error):
    """The server does not use TLS, although the URL requires it."""

    def __str__(self) -> str:
        return "it does not use TLS"


class EndedError(nats.errors.Error):
    """The server closed the connection before it accepted the client."""

    def __init__(self, *, is_encrypted: bool) -> None:
        super().__init__()
        self.is_encrypted = is_encrypted

    def __str__(self) -> str:
        return "it closed the connection"


class BoundedTransport(TcpTransport):
    """A TCP connection that can be upgraded to TLS."""

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
        """Upgrade the connection to TLS.

        Raises:
            ssl.SSLError: The handshake fails.
            OSError: The connection is lost, or the handshake takes longer than ``connect_timeout``.
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
            assert transport is not None  # None is for servers on closed sockets only
        except BaseException:
            writer.transport.abort()
            self._io_reader = self._io_writer = None
            raise
        protocol.connection_made(transport)
        self._io_reader = reader
        self._io_writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self.is_encrypted = True

    def cut(self) -> None:
        """Abort the connection; what was not sent is lost."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed; abort it if that takes too long."""
        writer = self._io_writer
        if writer is None:
            return
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await writer.wait_closed()
        except TimeoutError:
            self.cut()


class BoundedClient(Client):
    """A connection of the client library over :class:`BoundedTransport`.

    The flush of the library writes a PING ahead of commands that it still buffers, so the PONG says
    nothing about them: a new subscription may not be active yet, and one that is drained loses
    messages. When the first PONG arrives the commands are written, so the second PONG answers for
    them.

    A flush is never cancelled, only no longer waited for: the library breaks its connection when
    the PONG of a cancelled flush arrives, and can lose the cancellation.
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
        """Drop a message that cannot be decoded, such as one whose subject is not UTF-8. The
        library would stop reading, and receive nothing until a PING times out."""
        with isolate("message"):
            await super()._process_msg(*message)

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        # Each publish, subscription and close ends here, and the bus may have stopped reading.
        async with asyncio.timeout(SEND_TIMEOUT):
            return await super()._flush_pending(force_flush)

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        """Close permanently, and report it also if the connection breaks or stalls meanwhile.

        If the bus reports an error, the library closes in a separate task. An exception there is
        lost, and with it the report: the process would keep a closed connection.
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
