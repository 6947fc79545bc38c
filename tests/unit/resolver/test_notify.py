"""NOTIFY to secondaries (RFC 1996), received by a real peer on a UDP socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import pytest
import structlog
from tests.dns.local_server import parse_zone
from tests.support.waiting import eventually
from tests.unit.resolver.backend import Backend, run_resolver

from zonegit.nameserver.acl import Address, Secondary
from zonegit.nameserver.message.tsig import TsigKey
from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.zone import names
from zonegit_resolver.xfr import notify
from zonegit_resolver.xfr.notify import Notifier

ZONE = names.parse("foo.com.")
KEY = TsigKey(names.parse("k."), "hmac-sha256", b"0123456789abcdef0123456789abcdef")


def zone(serial: int) -> ZoneSnapshot:
    return compile_zone(ZONE, parse_zone("foo.com.", f"@ 300 SOA ns1 admin {serial} 2 3 4 5"))


@dataclass
class NotifyPeer(asyncio.DatagramProtocol):
    """A secondary that receives, and answers while ``answers`` is true."""

    answers: bool = True
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR
    key: dns.tsig.Key | None = None
    signs: bool = True
    heard: list[dns.message.Message] = field(default_factory=list)
    senders: list[tuple[str, int]] = field(default_factory=list)
    transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, wire: bytes, sender: tuple[str, int]) -> None:
        message = dns.message.from_wire(wire, keyring={self.key.name: self.key} if self.key else {})
        self.heard.append(message)
        self.senders.append(sender)
        if self.answers:
            self.answer(message, sender)

    def answer(self, message: dns.message.Message, sender: tuple[str, int]) -> None:
        reply = dns.message.make_response(message)
        if not self.signs:
            reply.tsig = None
        reply.set_rcode(self.rcode)
        assert self.transport is not None
        self.transport.sendto(reply.to_wire(), sender)

    @property
    def serials(self) -> list[int]:
        return [message.answer[0][0].serial for message in self.heard]

    @property
    def secondary(self) -> Secondary:
        assert self.transport is not None
        key = KEY.name if self.key is not None else None
        return Secondary(Address(*self.transport.get_extra_info("sockname")[:2]), key)


@asynccontextmanager
async def listening(peer: NotifyPeer, host: str = "127.0.0.1") -> AsyncIterator[NotifyPeer]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: peer, local_addr=(host, 0))
    yield peer
    transport.close()


@asynccontextmanager
async def notifying(*peers: NotifyPeer, min_retry_s: float = 0.01) -> AsyncIterator[Notifier]:
    secondaries = tuple(peer.secondary for peer in peers)
    notifier = Notifier(lambda _: secondaries, lambda: {KEY.name: KEY}, min_retry_s)
    task = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_notify_has_the_soa(host: str) -> None:
    """RFC 1996 section 3.7; AA as in section 3.3."""
    async with listening(NotifyPeer(), host) as peer, notifying(peer, min_retry_s=60) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: notifier.counters.answered)
    (message,) = peer.heard
    assert message.opcode() == dns.opcode.NOTIFY
    assert message.flags & dns.flags.AA
    assert not message.flags & dns.flags.RD
    assert message.question[0].to_text() == "foo.com. IN SOA"
    assert (
        message.answer[0].to_text() == "foo.com. 300 IN SOA ns1.foo.com. admin.foo.com. 7 2 3 4 5"
    )
    assert notifier.silent == 0


async def test_a_notify_is_repeated_until_it_is_answered() -> None:
    """RFC 1996 section 3.6."""
    async with listening(NotifyPeer(answers=False)) as peer, notifying(peer) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: len(peer.heard) >= 3)
        assert notifier.silent == 1
        peer.answers = True
        await eventually(lambda: notifier.counters.answered)
    assert len({message.id for message in peer.heard}) == 1
    assert notifier.silent == 0


async def test_a_secondary_that_never_answers_is_given_up_and_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notify, "MAX_RETRY_S", 0.01)
    async with listening(NotifyPeer(answers=False)) as peer, notifying(peer) as notifier:
        with structlog.testing.capture_logs() as said:
            notifier.notify(ZONE, zone(7))
            await eventually(lambda: notifier.counters.unanswered)
    (line,) = [each for each in said if each["event"] == "notify.unanswered"]
    assert (line["zone"], line["serial"]) == ("foo.com.", 7)
    assert line["secondary"] == str(peer.secondary)
    assert len(peer.heard) == notify.MAX_ATTEMPTS


async def test_the_newest_serial_replaces_an_older_one() -> None:
    async with listening(NotifyPeer(answers=False)) as peer, notifying(peer) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: peer.heard)
        notifier.notify(ZONE, zone(8))
        await eventually(lambda: 8 in peer.serials)
        count = len(peer.heard)
        peer.answers = True
        await eventually(lambda: notifier.counters.answered)
    assert set(peer.serials[count:]) == {8}
    assert peer.serials == sorted(peer.serials)


async def test_an_answer_to_an_earlier_notify_ends_nothing() -> None:
    async with listening(NotifyPeer(answers=False)) as peer, notifying(peer) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: peer.heard)
        old, sender = peer.heard[0], peer.senders[0]
        notifier.notify(ZONE, zone(8))
        peer.answer(old, sender)
        await eventually(lambda: peer.serials.count(8) >= 2)
        assert notifier.counters.answered == 0


async def test_an_answer_from_elsewhere_ends_nothing() -> None:
    async with (
        listening(NotifyPeer(answers=False)) as peer,
        listening(NotifyPeer()) as stranger,
        notifying(peer) as notifier,
    ):
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: peer.heard)
        stranger.answer(peer.heard[0], peer.senders[0])
        await eventually(lambda: len(peer.heard) >= 3)
        assert notifier.counters.answered == 0


async def test_a_refused_notify_is_not_repeated_and_is_logged() -> None:
    async with listening(NotifyPeer(rcode=dns.rcode.REFUSED)) as peer, notifying(peer) as notifier:
        with structlog.testing.capture_logs() as said:
            notifier.notify(ZONE, zone(7))
            await eventually(lambda: notifier.counters.refused)
    assert [each["rcode"] for each in said if each["event"] == "notify.refused"] == ["REFUSED"]


async def test_a_notify_to_a_secondary_with_a_key_is_signed() -> None:
    """RFC 8945."""
    peer = NotifyPeer(key=KEY.primitive)
    async with listening(peer), notifying(peer) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: notifier.counters.answered)
    assert all(message.had_tsig for message in peer.heard)


async def test_an_unsigned_answer_to_a_signed_notify_does_not_count() -> None:
    """RFC 8945 section 5.3."""
    peer = NotifyPeer(key=KEY.primitive, signs=False)
    async with listening(peer), notifying(peer) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: len(peer.heard) >= 2)
        assert notifier.counters.answered == 0
        peer.signs = True
        await eventually(lambda: notifier.counters.answered)


async def test_garbage_ends_nothing() -> None:
    async with listening(NotifyPeer(answers=False)) as peer, notifying(peer) as notifier:
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: peer.heard)
        identity = peer.heard[0].id.to_bytes(2, "big")
        assert peer.transport is not None
        for octets in (b"", identity, identity + bytes(10), identity + b"\xa0" + bytes(300)):
            peer.transport.sendto(octets, peer.senders[0])
        await eventually(lambda: len(peer.heard) >= 3)
        assert notifier.counters.answered == 0


async def test_a_peer_that_never_answers_delays_no_other() -> None:
    """Each of 1,000 zones has a secondary that answers and one that does not. A datagram lost at a
    full socket is sent again, as on any network."""
    async with (
        listening(NotifyPeer()) as peer,
        listening(NotifyPeer(answers=False)) as silent,
        notifying(silent, peer, min_retry_s=notify.MIN_RETRY_S) as notifier,
    ):
        for number in range(1_000):
            apex = names.parse(f"z{number}.example.")
            notifier.notify(apex, compile_zone(apex, parse_zone(f"z{number}.example.", SOA)))
        await eventually(lambda: notifier.counters.answered == 1_000)


SOA = "@ 300 SOA ns1 admin 1 2 3 4 5"


async def test_more_zones_than_there_are_message_ids_do_not_use_them_up() -> None:
    """There are 65,536 for one address; the search for a free one must end."""
    secondary = Secondary(Address("192.0.2.1", 53))
    notifier = Notifier(lambda _: (secondary,), dict)
    state = zone(7)
    for number in range(65_537):
        notifier.notify(names.parse(f"z{number}.example."), state)
    assert notifier.counters.unanswered == 65_537 - notify.MAX_PENDING_OF_ADDRESS


async def test_a_removed_secondary_gets_no_further_notify() -> None:
    async with listening(NotifyPeer(answers=False)) as peer:
        secondaries = [peer.secondary]
        notifier = Notifier(lambda _: tuple(secondaries), dict, 0.01)
        task = asyncio.create_task(notifier.run())
        notifier.notify(ZONE, zone(7))
        await eventually(lambda: len(peer.heard) >= 2)
        secondaries.clear()
        await eventually(lambda: notifier.silent == 0)
        task.cancel()
        await asyncio.wait([task])


async def test_a_resolver_notifies_when_it_starts_and_after_each_commit(
    backend: Backend, tmp_path: Path
) -> None:
    async with listening(NotifyPeer()) as peer:
        async with run_resolver(backend.url, tmp_path, notify=(peer.secondary,)):
            for serial in (7, 8):
                await backend.commit("foo.com.", f"www 300 A 192.0.2.{serial}\n", serial=serial)
                await eventually(lambda serial=serial: serial in peer.serials)
        async with run_resolver(backend.url, tmp_path, notify=(peer.secondary,)):
            await eventually(lambda: len(peer.serials) == 3)
    assert peer.serials == [7, 8, 8]
