"""Verify the TSIG of queries and sign their replies (RFC 8945).

dnspython computes the digests; this module has the server's rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hmac import compare_digest
from typing import Final

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.wire
from dns.rdtypes.ANY.TSIG import TSIG

from zonegit.nameserver.message.fragment import FORMERR, HEADER, NOTAUTH
from zonegit.nameserver.message.query import Query, encode_error
from zonegit.zone import names
from zonegit.zone.names import Name

ALGORITHMS: Final = {
    "hmac-sha256": dns.tsig.HMAC_SHA256,
    "hmac-sha384": dns.tsig.HMAC_SHA384,
    "hmac-sha512": dns.tsig.HMAC_SHA512,
}
"""Algorithms by their names in key files. Weaker ones may be omitted (RFC 8945 section 6)."""
MAX_KEY_NAME: Final = 100
"""Octets of a key's name. With it a signature always fits after the longest question in 512
octets, for clients without EDNS."""
FUDGE_S: Final = 300
"""Allowed difference between the clocks, as RFC 8945 section 10 recommends."""

BADSIG: Final = 16
BADKEY: Final = 17
BADTIME: Final = 18
BADTRUNC: Final = 22

_ANY_CLASS: Final = b"\0\xfa\0\xff\0\0\0\0"
"""Type TSIG, class ANY, TTL 0."""

Clock = Callable[[], float]
"""Seconds since 1970."""


@dataclass(frozen=True)
class TsigKey:
    """A secret that two hosts share. ``algorithm`` is one of :data:`ALGORITHMS`; ``secret`` is
    never printed."""

    name: Name
    algorithm: str
    secret: bytes = field(repr=False)

    @cached_property
    def primitive(self) -> dns.tsig.Key:
        """Return dnspython's form of the key. Its ``repr`` prints the secret."""
        name = names.to_dnspython(self.name)
        return dns.tsig.Key(name, self.secret, ALGORITHMS[self.algorithm])

    @cached_property
    def size(self) -> int:
        """Return the octets that a signature by this key adds to a message."""
        algorithm = ALGORITHMS[self.algorithm]
        rdata = _make_rdata(algorithm, 0, bytes(dns.tsig.mac_sizes[algorithm]), 0)
        return len(_encode_record(self.primitive.name, rdata))


Keys = Mapping[Name, TsigKey]


@dataclass(frozen=True, slots=True)
class TsigRefused:
    """A query whose signature is invalid, and the ``reply`` to it."""

    reply: bytes


class Signer:
    """Signs the replies to one query, in the order in which they are sent. Each signature after
    the first covers the one before it (RFC 8945 section 5.3.1)."""

    __slots__ = ("_clock", "_context", "_original_id", "_request_mac", "key")

    def __init__(self, key: TsigKey, request_mac: bytes, original_id: int, clock: Clock) -> None:
        self.key = key
        self._request_mac = request_mac
        self._original_id = original_id
        self._clock = clock
        self._context: dns.tsig.HMACTSig | None = None

    def sign(self, message: bytes) -> bytes:
        """Return ``message`` with its signature, ``key.size`` octets more."""
        rdata = _make_rdata(ALGORITHMS[self.key.algorithm], 0, b"", self._original_id)
        rdata, self._context = dns.tsig.sign(
            message,
            self.key.primitive,
            rdata,
            int(self._clock()),
            self._request_mac,
            self._context,
            True,
        )
        return _append(message, self.key.primitive.name, rdata)


def verify(wire: bytes, query: Query, keys: Keys, clock: Clock) -> Signer | TsigRefused | None:
    """Verify the signature of ``query``, parsed from ``wire``.

    The checks and their order are those of RFC 8945 section 5.2.

    Returns:
        The signer of the replies; None if the query is not signed.
    """
    if query.tsig is None:
        return None
    try:
        owner, rdata = _parse_record(wire, query.tsig)
    except (dns.exception.DNSException, ValueError):
        return TsigRefused(encode_error(query, FORMERR))
    key = keys.get(names.from_wire(_to_octets(owner)))
    if key is None or ALGORITHMS[key.algorithm] != rdata.algorithm:
        return _refuse_unsigned(query, owner, rdata, BADKEY)
    if not _has_mac(rdata) or rdata.error:  # a query has no error to report
        return TsigRefused(encode_error(query, FORMERR))
    try:
        dns.tsig.validate(wire, key.primitive, owner, rdata, int(clock()), b"", query.tsig)
    except dns.tsig.BadSignature:
        if _is_truncated(wire, query.tsig, key, rdata):
            return _refuse_signed(query, key, rdata, BADTRUNC)
        return _refuse_unsigned(query, owner, rdata, BADSIG)
    except dns.tsig.BadTime:
        return _refuse_signed(query, key, rdata, BADTIME, other=int(clock()).to_bytes(6, "big"))
    return Signer(key, rdata.mac, rdata.original_id, clock)


def _parse_record(wire: bytes, at: int) -> tuple[dns.name.Name, TSIG]:
    """Parse the record that ``query.parse`` found at that offset.

    Raises:
        DNSException, ValueError: it is malformed.
    """
    parser = dns.wire.Parser(wire, at)
    owner = parser.get_name()
    _, rdclass, ttl, length = parser.get_struct("!HHIH")
    if rdclass != dns.rdataclass.ANY or ttl:
        raise dns.exception.FormError("the class of TSIG is ANY, its TTL 0")
    with parser.restrict_to(length):
        rdata = TSIG.from_wire_parser(rdclass, dns.rdatatype.TSIG, parser)
    return owner, rdata


def _has_mac(rdata: TSIG) -> bool:
    """Return whether the MAC has a valid length (RFC 8945 section 5.2.2.1)."""
    size = dns.tsig.mac_sizes[rdata.algorithm]
    return max(10, size // 2) <= len(rdata.mac) <= size


def _is_truncated(wire: bytes, at: int, key: TsigKey, theirs: TSIG) -> bool:
    """Return whether the MAC is the beginning of the right one. It is valid, but only complete
    MACs are accepted here (RFC 8945 section 5.2.4)."""
    count = int.from_bytes(wire[HEADER - 2 : HEADER], "big") - 1
    signed = wire[: HEADER - 2] + count.to_bytes(2, "big") + wire[HEADER:at]
    whole, _ = dns.tsig.sign(signed, key.primitive, theirs, theirs.time_signed)
    return compare_digest(whole.mac[: len(theirs.mac)], theirs.mac)


def _refuse_unsigned(query: Query, owner: dns.name.Name, theirs: TSIG, error: int) -> TsigRefused:
    """Return an unsigned error reply, because the client's key is not verified (RFC 8945 section
    5.3.2)."""
    rdata = _replace(theirs, mac=b"", error=error)
    return TsigRefused(_append(encode_error(query, NOTAUTH), owner, rdata))


def _refuse_signed(
    query: Query, key: TsigKey, theirs: TSIG, error: int, other: bytes = b""
) -> TsigRefused:
    """Return a signed error reply with the client's own time (RFC 8945 sections 5.2.3 and
    5.3.2)."""
    rdata = _replace(theirs, fudge=FUDGE_S, error=error, other=other)
    reply = encode_error(query, NOTAUTH)
    rdata, _ = dns.tsig.sign(reply, key.primitive, rdata, theirs.time_signed, theirs.mac)
    return TsigRefused(_append(reply, key.primitive.name, rdata))


def _make_rdata(algorithm: dns.name.Name, time: int, mac: bytes, original_id: int) -> TSIG:
    kind = dns.rdataclass.ANY, dns.rdatatype.TSIG
    return TSIG(*kind, algorithm, time, FUDGE_S, mac, original_id, 0, b"")


def _replace(rdata: TSIG, **fields: object) -> TSIG:
    found = rdata.replace(**fields)
    assert isinstance(found, TSIG)
    return found


def _to_octets(written: dns.name.Name | TSIG) -> bytes:
    octets = written.to_wire()
    assert octets is not None  # it is None only when written into a file
    return octets


def _encode_record(owner: dns.name.Name, rdata: TSIG) -> bytes:
    octets = _to_octets(rdata)
    return b"".join((_to_octets(owner), _ANY_CLASS, len(octets).to_bytes(2, "big"), octets))


def _append(message: bytes, owner: dns.name.Name, rdata: TSIG) -> bytes:
    """Return the message with a record added to its additional section."""
    count = int.from_bytes(message[HEADER - 2 : HEADER], "big") + 1
    head = message[: HEADER - 2] + count.to_bytes(2, "big")
    return b"".join((head, message[HEADER:], _encode_record(owner, rdata)))
