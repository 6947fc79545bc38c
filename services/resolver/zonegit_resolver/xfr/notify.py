"""Send NOTIFY to secondaries (RFC 1996) after each change of a served zone.

A secondary gets one message for each zone, repeated after growing pauses until it answers; a newer
serial replaces an older one. Each resolver process notifies after its own swap.
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
from zonegit_resolver.xfr.secondary_states import Secondaries, SecondaryStates

MIN_RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 60.0
"""RFC 1996 section 3.6 proposes 60 seconds between all attempts. The usual reason for a missing
answer is a lost datagram, so the first repetitions are sent sooner."""
MAX_ATTEMPTS: Final = 9
"""Attempts within about three minutes; a secondary that did not answer queries the SOA when its
refresh timer runs out."""
MESSAGES_BATCH: Final = 8
"""Messages sent in one cycle of the event loop: about a millisecond of work."""
PAUSE_S: Final = 0.002
"""Seconds between two batches: thousands of zones change when a resolver starts."""
MAX_PENDING: Final = 100_000
"""The maximum number of notifications that wait for an answer; further ones are not sent."""
MAX_PENDING_OF_ADDRESS: Final = 32_768
"""The maximum for one address: half of all message IDs, so that a free one is found quickly."""

SocketAddress = tuple[str, int]
Send = Callable[[bytes, SocketAddress], None]
_Key = tuple[Name, Secondary]

log = structlog.get_logger()


@dataclass(slots=True)
class NotifyCounters:
    """The number of messages sent, and of notifications by outcome."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    unanswered: int = 0


@dataclass(slots=True, eq=False)
class _Notification:
    """The notification of one secondary about the SOA of a zone. ``sent`` is the last message
    sent."""

    zone: Name
    secondary: Secondary
    soa: ZoneRecord
    id: int
    attempts: int = 0
    sent: dns.message.Message | None = None
    problem: str = "no answer"


class Notifier:
    """Sends notifications.

    Args:
        secondaries: Returns the secondaries of a zone.
        keys: Returns the TSIG keys.
        min_retry_s: Seconds until the first repetition.

    Attributes:
        states: What each secondary was notified of and answered.
    """

    def __init__(
        self,
        secondaries: Secondaries,
        keys: Callable[[], Keys],
        min_retry_s: float = MIN_RETRY_S,
    ) -> None:
        self.counters = NotifyCounters()
        self.states = SecondaryStates(secondaries)
        self._secondaries = secondaries
        self._keys = keys
        self._min_retry_s = min_retry_s
        self._pending: dict[_Key, _Notification] = {}
        self._by_id: dict[tuple[SocketAddress, int], _Notification] = {}
        self._of_address: Counter[SocketAddress] = Counter()
        self._due: list[tuple[float, int, _Notification]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()

    @property
    def silent(self) -> int:
        """Return the number of notifications that were repeated and have no answer."""
        return sum(notification.attempts > 1 for notification in self._pending.values())

    def notify(self, zone: Name, snapshot: ZoneSnapshot) -> None:
        """Queue notifications of the secondaries of a zone; :meth:`run` sends them."""
        for secondary in self._secondaries(zone):
            self._drop((zone, secondary))
            self.states.record_notify(zone, secondary, snapshot.serial)
            if self._is_full(secondary):
                self.counters.unanswered += 1
                self.states.record_answer(zone, secondary, "too many notifications wait")
                continue
            notification = _Notification(
                zone, secondary, soa_record(snapshot), self._choose_id(secondary)
            )
            self._pending[zone, secondary] = notification
            self._by_id[secondary.address, notification.id] = notification
            self._of_address[secondary.address] += 1
            self._schedule(notification, 0.0)

    def _is_full(self, secondary: Secondary) -> bool:
        of_address = self._of_address.get(secondary.address, 0)
        return len(self._pending) >= MAX_PENDING or of_address >= MAX_PENDING_OF_ADDRESS

    def _choose_id(self, secondary: Secondary) -> int:
        while (secondary.address, found := secrets.randbits(16)) in self._by_id:
            pass
        return found

    def _schedule(self, notification: _Notification, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._order), notification))
        self._wake.set()

    def _drop(self, key: _Key) -> None:
        notification = self._pending.pop(key, None)
        if notification is not None:
            address = notification.secondary.address
            del self._by_id[address, notification.id]
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

    async def run(self) -> None:
        """Send notifications until cancelled."""
        loop = asyncio.get_running_loop()
        async with _open_sockets(self._on_reply) as send:
            while True:
                self._wake.clear()
                if self._send_due(send, loop.time()):
                    await asyncio.sleep(PAUSE_S)
                    continue
                delay = self._due[0][0] - loop.time() if self._due else None
                with suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await self._wake.wait()

    def _send_due(self, send: Send, now: float) -> bool:
        """Send the next batch of due notifications, and return whether more may be due."""
        for _ in range(MESSAGES_BATCH):
            if not self._due or self._due[0][0] > now:
                return False
            notification = heapq.heappop(self._due)[2]
            key = notification.zone, notification.secondary
            if self._pending.get(key) is not notification:
                continue  # answered, or replaced by a newer serial
            if notification.secondary not in self._secondaries(notification.zone):
                self._drop(key)
            elif notification.attempts == MAX_ATTEMPTS:
                self._drop(key)
                self.counters.unanswered += 1
                self.states.record_answer(*key, notification.problem)
                log.warning(
                    "notify.unanswered", **_log_fields(notification), problem=notification.problem
                )
            else:
                with isolate("notify", telling=partial(_log_fields, notification)):
                    self._send(notification, send, now)
        return True

    def _send(self, notification: _Notification, send: Send, now: float) -> None:
        pause = self._min_retry_s * 2**notification.attempts
        notification.attempts += 1
        self.states.record_attempt(notification.zone, notification.secondary)
        self._schedule(notification, now + min(pause, MAX_RETRY_S))
        name = notification.secondary.key
        key = self._keys().get(name) if name is not None else None
        if name is not None and key is None:
            notification.problem = "no such key"
            return
        notification.sent = _make_message(notification, key)
        self.counters.sent += 1
        send(notification.sent.to_wire(), notification.secondary.address)

    def _on_reply(self, wire: bytes, sender: SocketAddress) -> None:
        """End a notification if its secondary answered with the same ID from the same address (RFC
        1996 section 3.6)."""
        notification = self._by_id.get((sender, int.from_bytes(wire[:2], "big")))
        if notification is None or notification.sent is None:
            return
        sent = notification.sent
        try:
            reply = dns.message.from_wire(wire, keyring=sent.keyring, request_mac=sent.mac)
        except (dns.exception.DNSException, ValueError) as error:
            notification.problem = str(error) or type(error).__name__
            return
        if not sent.is_response(reply) or (sent.had_tsig and not reply.had_tsig):
            notification.problem = "its answer does not match the message or is not signed"
            return
        key = notification.zone, notification.secondary
        self._drop(key)
        if reply.rcode() == dns.rcode.NOERROR:
            self.counters.answered += 1
            self.states.record_answer(*key)
        else:
            self.counters.refused += 1
            rcode = dns.rcode.to_text(reply.rcode())
            self.states.record_answer(*key, rcode, refused=True)
            log.warning("notify.refused", **_log_fields(notification), rcode=rcode)


def _make_message(notification: _Notification, key: TsigKey | None) -> dns.message.Message:
    """Return a NOTIFY message with the new SOA in the answer section as a hint (RFC 1996 section
    3.7)."""
    owner, record = names.to_dnspython(notification.zone), notification.soa
    flags = int(dns.flags.AA)
    message = dns.message.make_query(owner, dns.rdatatype.SOA, flags=flags, id=notification.id)
    message.set_opcode(dns.opcode.NOTIFY)
    kind = dns.rdataclass.IN, dns.rdatatype.SOA
    rdata = dns.rdata.from_wire(*kind, record.rdata, 0, len(record.rdata))
    message.answer.append(dns.rrset.from_rdata(owner, record.ttl, rdata))
    if key is not None:
        message.use_tsig(key.primitive)
    return message


def _log_fields(notification: _Notification) -> dict[str, object]:
    return {
        "zone": names.text(notification.zone),
        "secondary": str(notification.secondary),
        "serial": int.from_bytes(notification.soa.rdata[-20:-16], "big"),
        "attempts": notification.attempts,
    }


class _ReplyProtocol(asyncio.DatagramProtocol):
    def __init__(self, on_reply: Callable[[bytes, SocketAddress], None]) -> None:
        self._on_reply = on_reply

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._on_reply(data, (addr[0], addr[1]))


@asynccontextmanager
async def _open_sockets(on_reply: Callable[[bytes, SocketAddress], None]) -> AsyncIterator[Send]:
    """Open a socket of each address family of this host at a random port, and yield a function that
    sends."""
    loop = asyncio.get_running_loop()
    transports: dict[bool, asyncio.DatagramTransport] = {}
    async with AsyncExitStack() as stack:
        for is_ipv6, host in ((False, "0.0.0.0"), (True, "::")):  # noqa: S104 it only sends
            with suppress(OSError):
                made = loop.create_datagram_endpoint(
                    lambda: _ReplyProtocol(on_reply), local_addr=(host, 0)
                )
                transports[is_ipv6], _ = await made
                stack.callback(transports[is_ipv6].close)

        def send(wire: bytes, address: SocketAddress) -> None:
            transport = transports.get(":" in address[0])
            if transport is not None:
                transport.sendto(wire, tuple(address))

        yield send
