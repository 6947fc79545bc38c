"""Seeds of hostile input, and the rules for the answer to any input."""

import struct
import time

import dns.edns
import dns.message
import dns.opcode
from tests.dns.local_server import LocalServer

from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.query import DATAGRAM, STREAM
from zonegit.nameserver.message.tsig import TsigKey
from zonegit.zone import names

NOW = time.time()
KEY = TsigKey(names.parse("key."), "hmac-sha256", b"shared by two")
SERVER_OPTIONS = ServerOptions(
    keys={KEY.name: KEY}, nsid=b"one of many", server_version="zonegit", identity="one"
)
MAX_SIZES = (DATAGRAM, STREAM)

ZONE = """
@ 300 NS ns.sub
@ 300 NSEC sub NS SOA NSEC
www 300 A 192.0.2.1
*.wild 300 CNAME www
*.mx.wild 300 MX 5 www
loop 300 CNAME loop
sub 300 NS ns.sub
sub 300 DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
sub 300 NSEC @ NS DS NSEC
ns.sub 300 A 192.0.2.2
d 300 DNAME www
away 300 DNAME foo.net.
svc 300 HTTPS 1 www alpn=h2
"""
ZONES = {"foo.com.": ZONE, "foo.net.": "b 300 DNAME d.foo.com.", ".": "@ 300 NS a."}


def make_servers() -> list[LocalServer]:
    """Yield the same zones without and with a canary; with one, the client subnet is parsed."""
    split = LocalServer(ZONES, Canary("canary", 50), SERVER_OPTIONS)
    split.put("foo.com.", ZONE, canary=ZONE)
    made = [LocalServer(ZONES, conduct=SERVER_OPTIONS), split]
    for server in made:
        server.zones.clock = lambda: NOW  # otherwise two replies to one query might differ
    return made


def check_reply(server: LocalServer, wire: bytes, limit: int) -> None:
    """Fail unless an input gets no reply or one valid reply.

    Only replies and fragments get none. A reply belongs to its query, can be parsed, and gets no
    reply itself.
    """
    reply = server.exchange(wire, limit=limit)
    if reply is None:
        assert len(wire) < 12 or wire[2] & 0x80
        return
    assert reply[:2] == wire[:2]
    assert reply[2] & 0x80
    assert (reply[2] ^ wire[2]) & 0x79 == 0  # the opcode and RD are the query's
    dns.message.from_wire(reply, keyring=False)
    assert server.exchange(reply) is None


def make_queries() -> dict[str, bytes]:
    """Return one message for each kind that is parsed differently."""
    made = {
        "plain": dns.message.make_query("www.foo.com.", "A", id=1),
        "root": dns.message.make_query(".", "NS", id=2),
        "wildcard": dns.message.make_query("a.mx.wild.foo.com.", "MX", id=3, want_dnssec=True),
        "alias": dns.message.make_query("a.b.away.foo.com.", "AAAA", id=4, use_edns=0),
        "referral": dns.message.make_query("a.sub.foo.com.", "A", id=5, want_dnssec=True),
        "any": dns.message.make_query("foo.com.", "ANY", id=6, use_edns=0, payload=512),
        "subnet": _with(dns.edns.ECSOption("192.0.2.0", 24)),
        "subnet of IPv6": _with(dns.edns.ECSOption("2001:db8::", 56)),
        "identity": _with(dns.edns.NSIDOption(b"")),
        "several options": _with(
            dns.edns.NSIDOption(b""),
            dns.edns.CookieOption(b"8 octets", b""),
            dns.edns.GenericOption(65_001, b"x" * 40),
            dns.edns.ECSOption("192.0.2.0", 24),
        ),
        "chaos": dns.message.make_query("version.bind.", "TXT", "CH", id=8),
        "increment": _increment(),
        "notify": _notify(),
        "signed": _signed(),
    }
    return {name: query.to_wire() for name, query in made.items()}


def _with(*options: dns.edns.Option) -> dns.message.QueryMessage:
    return dns.message.make_query("a.wild.foo.com.", "A", id=7, use_edns=0, options=list(options))


def _increment() -> dns.message.QueryMessage:
    query = dns.message.make_query("foo.com.", "IXFR", id=9)
    text = "ns1.example. hostmaster.example. 6 1 1 1 1"
    query.authority.append(dns.rrset.from_text("foo.com.", 0, "IN", "SOA", text))
    return query


def _notify() -> dns.message.QueryMessage:
    query = dns.message.make_query("foo.com.", "SOA", id=10, flags=0)
    query.set_opcode(dns.opcode.NOTIFY)
    return query


def _signed() -> dns.message.QueryMessage:
    query = dns.message.make_query("www.foo.com.", "A", id=11, use_edns=0)
    query.use_tsig(KEY.primitive)
    return query


def make_question(name: bytes, tail: bytes = b"\0\1\0\1", flags: int = 0) -> bytes:
    """Return a query whose name has these octets."""
    return struct.pack("!HHHHHH", 12, flags, 1, 0, 0, 0) + name + tail
