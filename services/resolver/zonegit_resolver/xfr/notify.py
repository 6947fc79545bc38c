"""NOTIFY out (RFC 1996): secondaries hear of each change as soon as it is served here.

One is sent to each secondary of a zone, and again after a growing pause until it answers; a newer
serial takes the place of an older one. Every resolver process tells, after its own swap.
"""

import asyncio
import heapq
import itertools
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import structlog

from zonegit.containment import isolate
from zonegit.nameserver.acl import Secondary
from zonegit.nameserver.message.tsig import Keys, TsigKey
from zonegit.nameserver.zone.records import ZoneRecord, soa_record
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit.zone.names import Name

MIN_RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 60.0
"""RFC 1996 section 3.6 proposes that from the start; but a datagram that was lost is the usual
case, and cheap to repeat."""
MAX_ATTEMPTS: Final = 9
"""Then a secondary is given up, after some three minutes: it asks by itself when its refresh timer
runs out."""
MESSAGES_BATCH: Final = 8
"""Messages made in one turn of the event loop: about a millisecond."""
PAUSE_S: Final = 0.002
"""After as many: thousands of zones are served anew when a resolver starts."""
MAX_PENDING: Final = 100_000
"""Secondaries of zones that have not answered; what comes on top is not sent."""
MAX_PENDING_OF_ADDRESS: Final = 32_768
"""As many of one address: half of all message IDs, so that a free one is found soon."""

SocketAddress = tuple[str, int]
Send = Callable[[bytes, SocketAddress], None]
_Key = tuple[Name, Secondary]

log = structlog.get_logger()


@dataclass(slots=True)
class NotifyCounters:
    """How many messages were sent, and how each telling ended."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    unanswered: int = 0


@dataclass(slots=True, eq=False)
class _Notification:
    """A secondary that is to hear of a zone's SOA. ``sent`` is the last message to it, which its
    answer is held against."""

    zone: Name
    secondary: Secondary
    soa: ZoneRecord
    id: int
    attempts: int = 0
    sent: dns.message.Message | None = None
    problem: str = "it does not answer"


class Notifier:
    """``secondaries`` says who is to hear of a zone now, ``keys`` what there are to sign with."""

    def __init__(
        self,
        secondaries: Callable[[Name], tuple[Secondary, ...]],
        keys: Callable[[], Keys],
        retry_first_s: float = MIN_RETRY_S,
    ) -> None:
        self.tally = NotifyCounters()
        self._secondaries = secondaries
        self._keys = keys
        self._retry_first_s = retry_first_s
        self._tellings: dict[_Key, _Notification] = {}
        self._by_id: dict[tuple[SocketAddress, int], _Notification] = {}
        self._of_address: Counter[SocketAddress] = Counter()
        self._due: list[tuple[float, int, _Notification]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()

    @property
    def silent(self) -> int:
        """Secondaries of zones that have been told more than once, and have not answered."""
        return sum(telling.attempts > 1 for telling in self._tellings.values())

    def tell(self, zone: Name, snapshot: ZoneSnapshot) -> None:
        """Whoever is to hear of the zone will. Nothing is sent before :meth:`run` runs."""
        for secondary in self._secondaries(zone):
            self._end((zone, secondary))
            if self._is_full(secondary):
                self.tally.unanswered += 1
                continue
            telling = _Notification(zone, secondary, soa_record(snapshot), self._free_id(secondary))
            self._tellings[zone, secondary] = telling
            self._by_id[secondary.address, telling.id] = telling
            self._of_address[secondary.address] += 1
            self._schedule(telling, 0.0)

    def _is_full(self, secondary: Secondary) -> bool:
        of_address = self._of_address.get(secondary.address, 0)
        return len(self._tellings) >= MAX_PENDING or of_address >= MAX_PENDING_OF_ADDRESS

    def _free_id(self, secondary: Secondary) -> int:
        while (secondary.address, found := secrets.randbits(16)) in self._by_id:
            pass
        return found

    def _schedule(self, telling: _Notification, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._order), telling))
        self._wake.set()

    def _end(self, key: _Key) -> None:
        telling = self._tellings.pop(key, None)
        if telling is not None:
            address = telling.secondary.address
            del self._by_id[address, telling.id]
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    async def run(self) -> None:
        """Tells until cancelled."""
        loop = asyncio.get_running_loop()
        async with _open_sockets(self._hear) as send:
            while True:
                self._wake.clear()
                if self._attempt_some(send, loop.time()):
                    await asyncio.sleep(PAUSE_S)
                    continue
                delay = self._due[0][0] - loop.time() if self._due else None
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._wake.wait()

    def _attempt_some(self, send: Send, now: float) -> bool:
        """Whether there may be more to do at once."""
        for _ in range(MESSAGES_BATCH):
            if not self._due or self._due[0][0] > now:
                return False
            telling = heapq.heappop(self._due)[2]
            key = telling.zone, telling.secondary
            if self._tellings.get(key) is not telling:
                continue  # answered, or something newer is told
            if telling.secondary not in self._secondaries(telling.zone):
                self._end(key)
            elif telling.attempts == MAX_ATTEMPTS:
                self._end(key)
                self.tally.unanswered += 1
                log.warning("notify.unanswered", **_fields(telling), problem=telling.problem)
            else:
                with isolate("notify", telling=partial(_fields, telling)):
                    self._attempt(telling, send, now)
        return True

    def _attempt(self, telling: _Notification, send: Send, now: float) -> None:
        pause = self._retry_first_s * 2**telling.attempts
        telling.attempts += 1
        self._schedule(telling, now + min(pause, MAX_RETRY_S))
        name = telling.secondary.key
        key = self._keys().get(name) if name is not None else None
        if name is not None and key is None:
            telling.problem = "there is no such key"
            return
        telling.sent = _make_message(telling, key)
        self.tally.sent += 1
        send(telling.sent.to_wire(), telling.secondary.address)

    def _hear(self, wire: bytes, sender: SocketAddress) -> None:
        """RFC 1996 section 3.6: an answer with the same ID from that address ends it."""
        telling = self._by_id.get((sender, int.from_bytes(wire[:2], "big")))
        if telling is None or telling.sent is None:
            return
        sent = telling.sent
        try:
            reply = dns.message.from_wire(wire, keyring=sent.keyring, request_mac=sent.mac)
        except (dns.exception.DNSException, ValueError) as error:
            telling.problem = str(error) or type(error).__name__
            return
        if not sent.is_response(reply) or (sent.had_tsig and not reply.had_tsig):
            telling.problem = "it answers something else, or without a signature"
            return
        self._end((telling.zone, telling.secondary))
        if reply.rcode() == dns.rcode.NOERROR:
            self.tally.answered += 1
        else:
            self.tally.refused += 1
            rcode = dns.rcode.to_text(reply.rcode())
            log.warning("notify.refused", **_fields(telling), rcode=rcode)


def _make_message(telling: _Notification, key: TsigKey | None) -> dns.message.Message:
    """RFC 1996 section 3.7: the new SOA stands in the answer section, as a hint."""
    owner, record = names.for_dnspython(telling.zone), telling.soa
    flags = int(dns.flags.AA)
    message = dns.message.make_query(owner, dns.rdatatype.SOA, flags=flags, id=telling.id)
    message.set_opcode(dns.opcode.NOTIFY)
    kind = dns.rdataclass.IN, dns.rdatatype.SOA
    rdata = dns.rdata.from_wire(*kind, record.rdata, 0, len(record.rdata))
    message.answer.append(dns.rrset.from_rdata(owner, record.ttl, rdata))
    if key is not None:
        message.use_tsig(key.primitive)
    return message


def _fields(telling: _Notification) -> dict[str, object]:
    return {
        "zone": names.text(telling.zone),
        "secondary": str(telling.secondary),
        "serial": int.from_bytes(telling.soa.rdata[-20:-16], "big"),
        "attempts": telling.attempts,
    }


class _ReplyProtocol(asyncio.DatagramProtocol):
    def __init__(self, hear: Callable[[bytes, SocketAddress], None]) -> None:
        self._hear = hear

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._hear(data, (addr[0], addr[1]))


@asynccontextmanager
async def _open_sockets(hear: Callable[[bytes, SocketAddress], None]) -> AsyncIterator[Send]:
    """What sends by a socket of each family that this host has, at a port nobody can guess."""
    loop = asyncio.get_running_loop()
    transports: dict[bool, asyncio.DatagramTransport] = {}
    async with AsyncExitStack() as stack:
        for is_ipv6, host in ((False, "0.0.0.0"), (True, "::")):  # noqa: S104 it only sends
            with suppress(OSError):
                made = loop.create_datagram_endpoint(
                    lambda: _ReplyProtocol(hear), local_addr=(host, 0)
                )
                transports[is_ipv6], _ = await made
                stack.callback(transports[is_ipv6].close)

        def send(wire: bytes, address: SocketAddress) -> None:
            transport = transports.get(":" in address[0])
            if transport is not None:
                transport.sendto(wire, tuple(address))

        yield send
