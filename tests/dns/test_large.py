"""RRsets of the largest size that may be stored, over TCP: with EDNS, and in a signed transfer."""

import asyncio

import dns.flags
import dns.message
import pytest
from tests.dns.loopback import serve_on_loopback
from tests.dns.transfer_client import (
    KEY,
    make_private_zone,
    make_query,
    receive_transfer,
    sign_query,
)
from tests.support.framing import frame, receive

from zonegit.nameserver.acl import Access
from zonegit.zone import names, sizing

OWNER = names.parse("big.foo.com.")
RDATA_OCTETS = sizing.MAX_ANSWER - 16 - len(OWNER) - 12


def strings(octets: int) -> str:
    whole, last = divmod(octets, 256)
    return " ".join(['"' + "x" * 255 + '"'] * whole + ['"' + "x" * (last - 1) + '"'] * (last > 0))


ZONE = f"""
@ 3600 NS ns1
ns1 300 A 192.0.2.1
big 300 TXT {strings(RDATA_OCTETS)}
"""


@pytest.mark.parametrize("make", [{}, {"use_edns": 0, "payload": 1232, "want_dnssec": True}])
async def test_the_largest_rrset_is_answered_whole_over_tcp(make: dict[str, object]) -> None:
    world = make_private_zone(ZONE)
    query = dns.message.make_query("big.foo.com.", "TXT", **make)
    async with serve_on_loopback(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(query.to_wire()))
        reply = dns.message.from_wire(await receive(reader))
        writer.close()
    assert not reply.flags & dns.flags.TC
    assert len(reply.answer[0]) == 1


async def test_the_largest_rrset_is_answered_whole_with_edns_and_a_signature() -> None:
    world = make_private_zone(ZONE)
    world.query_from = Access(keys=frozenset([KEY.name]))
    query = sign_query(dns.message.make_query("big.foo.com.", "TXT", use_edns=0, want_dnssec=True))
    async with serve_on_loopback(world) as (address, _):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(frame(query.to_wire()))
        reply = dns.message.from_wire(
            await receive(reader), keyring=query.keyring, request_mac=query.mac
        )
        writer.close()
    assert reply.had_tsig
    assert not reply.flags & dns.flags.TC
    assert len(reply.answer[0]) == 1


async def test_the_largest_rrset_is_in_a_signed_transfer() -> None:
    async with serve_on_loopback(make_private_zone(ZONE)) as (address, _):
        messages = await receive_transfer(address, sign_query(make_query("foo.com.")))
    assert all(message.had_tsig for message in messages)
    found = [record for message in messages for record in message.answer]
    texts = [record for record in found if record.name.to_text() == "big.foo.com."]
    assert len(texts) == 1
    assert len(texts[0][0].to_wire()) == RDATA_OCTETS
