"""A minimal client of the bus that sends any octets, and returns the replies of the bus.

It implements the NATS protocol (docs.nats.io, "NATS Protocol") on a socket, independently of
zonegit, so it can send whatever an attacker could.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tests.support.waiting import DEADLINE_S


@dataclass(frozen=True)
class ReceivedMessage:
    """A message that arrived."""

    subject: str
    reply: str
    payload: bytes


class RawClient:
    """One connection, made by :func:`connect_raw`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._subscriptions = 0
        self.received: list[ReceivedMessage] = []

    def subscribe(self, subject: str) -> None:
        """Subscribe to messages; they are in :attr:`received` after a later :meth:`flush`."""
        self._subscriptions += 1
        self._writer.write(f"SUB {subject} {self._subscriptions}\r\n".encode())

    def send(self, octets: bytes) -> None:
        """Send any octets."""
        self._writer.write(octets)

    def publish(self, subject: str, payload: bytes = b"", reply: str = "") -> None:
        """Publish with any reply subject."""
        head = f"PUB {subject} {reply} {len(payload)}" if reply else f"PUB {subject} {len(payload)}"
        self._writer.write(head.encode() + b"\r\n" + payload + b"\r\n")

    async def flush(self) -> list[str]:
        """Wait until the bus has processed all messages, and return the errors that it answered."""
        self._writer.write(b"PING\r\n")
        await self._writer.drain()
        errors: list[str] = []
        async with asyncio.timeout(DEADLINE_S):
            while (line := await self._line()) != "PONG":
                if line.startswith("-ERR"):
                    errors.append(line.removeprefix("-ERR ").strip("'"))
        return errors

    async def wait_for(self, subject: str) -> ReceivedMessage:
        """Return the first message on a subject with this prefix, as soon as it arrives."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for each in self.received:
                    if each.subject.startswith(subject):
                        return each
                await self._line()

    async def may_publish(self, subject: str) -> bool:
        """Return whether the bus accepts an empty message on this subject."""
        self.publish(subject)
        return not await self.flush()

    async def may_subscribe(self, subject: str) -> bool:
        """Return whether the bus allows this user to subscribe to the subject."""
        self.subscribe(subject)
        return not await self.flush()

    async def _line(self) -> str:
        """Return the next line; a message is stored in ``received`` first."""
        while True:
            line = (await self._reader.readline()).decode().rstrip("\r\n")
            if line == "PING":
                self._writer.write(b"PONG\r\n")
            elif line.startswith(("MSG ", "HMSG ")):
                await self._message(line.split(" "))
                return line
            elif line:
                return line
            else:
                raise ConnectionError("the bus closed the connection")

    async def _message(self, words: list[str]) -> None:
        has_headers = words[0] == "HMSG"
        counts = words[-2:] if has_headers else ["0", words[-1]]
        rest = words[3 : -2 if has_headers else -1]
        octets = await self._reader.readexactly(int(counts[1]) + 2)
        self.received.append(
            ReceivedMessage(words[1], rest[0] if rest else "", octets[int(counts[0]) : -2])
        )


@asynccontextmanager
async def connect_raw(url: str) -> AsyncIterator[RawClient]:
    """Connect as the user in the URL, if any."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    options: dict[str, object] = {"verbose": False, "headers": True, "no_responders": False}
    if parts.username:
        options |= {"user": unquote(parts.username), "pass": unquote(parts.password or "")}
    try:
        await reader.readline()  # INFO
        writer.write(b"CONNECT " + json.dumps(options).encode() + b"\r\n")
        client = RawClient(reader, writer)
        assert await client.flush() == []
        yield client
    finally:
        writer.close()
