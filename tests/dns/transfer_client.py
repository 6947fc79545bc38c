"""The client side of zone transfers, with and without TSIG."""

import asyncio

import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import dns.tsig
from tests.dns.local_server import LocalServer
from tests.support.framing import frame, receive

from zonegit.nameserver.acl import Access, Address
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.tsig import TsigKey
from zonegit.zone import names

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = TsigKey(names.parse("axfr-key."), "hmac-sha256", SECRET)
KEYRING = {dns.name.from_text("axfr-key."): dns.tsig.Key("axfr-key.", SECRET, "hmac-sha256")}


def make_private_zone(text: str) -> LocalServer:
    """Return a zone that only clients with the key may transfer."""
    made = LocalServer({}, conduct=ServerOptions(keys={KEY.name: KEY}))
    made.transfer_to = Access(keys=frozenset([KEY.name]))
    made.put("foo.com.", text)
    return made


def sign_query(query: dns.message.Message) -> dns.message.Message:
    query.use_tsig(KEYRING, "axfr-key.")
    return query


def make_query(zone: str, rdtype: str = "AXFR", **make) -> dns.message.Message:
    return dns.message.make_query(zone, rdtype, use_edns=0, **make)


def make_ixfr_query(zone: str, serial: int, **make) -> dns.message.Message:
    """Return an IXFR query with the client's SOA in the authority section (RFC 1995 section 3)."""
    query = dns.message.make_query(zone, "IXFR", **make)
    query.authority = [dns.rrset.from_text(zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0")]
    return query


async def receive_transfer(
    address: Address, query: dns.message.Message
) -> list[dns.message.Message]:
    """Return the messages of a transfer: an error, a single SOA, or all up to the last SOA."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(frame(query.to_wire()))
    messages: list[dns.message.Message] = []
    while True:
        messages.append(
            dns.message.from_wire(
                await receive(reader),
                one_rr_per_rrset=True,
                keyring=query.keyring,
                request_mac=query.mac,
                multi=True,
                tsig_ctx=messages[-1].tsig_ctx if messages else None,
            )
        )
        if messages[-1].rcode() or is_complete([each for one in messages for each in one.answer]):
            break
    writer.close()
    return messages


def is_complete(found: list[dns.rrset.RRset]) -> bool:
    """Return whether the records end with the last SOA of a transfer.

    One sequence of differences has four SOAs (RFC 1995 section 4).
    """
    soas = sum(each.rdtype == dns.rdatatype.SOA for each in found)
    is_incremental = len(found) > 1 and found[1].rdtype == dns.rdatatype.SOA
    return len(found) == 1 or soas == (4 if is_incremental else 2)
