"""Draw well-formed RDATA in wire form, for every type, with Hypothesis."""

from collections.abc import Iterable
from typing import Final

from hypothesis import strategies as st

from zonegit.zone import rrtypes

Octets = st.SearchStrategy[bytes]


def number(size: int) -> Octets:
    return st.integers(0, (1 << 8 * size) - 1).map(lambda value: value.to_bytes(size, "big"))


def exactly(size: int) -> Octets:
    return st.binary(min_size=size, max_size=size)


def counted(least: int = 0, most: int = 255, of: Octets | None = None) -> Octets:
    found = st.binary(min_size=least, max_size=most) if of is None else of
    return found.map(lambda octets: bytes((len(octets),)) + octets)


def joined(parts: Iterable[Octets]) -> Octets:
    return st.tuples(*parts).map(b"".join)


def one_of(*values: bytes) -> Octets:
    return st.sampled_from(values)


labels = st.text("abXYZ019-_*", min_size=1, max_size=8).map(str.encode) | st.binary(
    min_size=1, max_size=12
)
names = st.lists(labels, max_size=4).map(
    lambda parts: b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
)
strings = counted(most=40)
texts = st.lists(strings, min_size=1, max_size=4).map(b"".join)
rest = st.binary(min_size=1, max_size=80)
any_rest = st.binary(max_size=80)


def _bitmap(types: set[int]) -> bytes:
    windows: dict[int, bytearray] = {}
    for rdtype in sorted(types):
        bitmap = windows.setdefault(rdtype >> 8, bytearray())
        bitmap.extend(bytes(max(0, (rdtype & 255) // 8 + 1 - len(bitmap))))
        bitmap[(rdtype & 255) // 8] |= 0x80 >> rdtype % 8
    return b"".join(bytes((window, len(bits))) + bits for window, bits in windows.items())


def _flat_bitmap(bits: set[int]) -> bytes:
    bitmap = bytearray(max(bits) // 8 + 1 if bits else 0)
    for bit in bits:
        bitmap[bit // 8] |= 0x80 >> bit % 8
    return bytes(bitmap)


types = st.sets(
    st.sampled_from(sorted(rrtypes.MNEMONICS)) | st.integers(1, 65_535), max_size=8
).map(_bitmap)

_FIELDS: Final = {
    "b": number(1),
    "h": number(2),
    "w": number(4),
    "q": number(8),
    "n": names,
    "s": strings,
    "S": texts,
    "x": rest,
    "o": any_rest,
    "t": types,
    "4": exactly(4),
    "6": exactly(16),
    "8": exactly(8),
}
"""Numbers of one, two, four and eight octets, name, string, strings, the rest, perhaps none of it,
types, and addresses."""

_LAYOUTS: Final = """
    A=4 NS=n MD=n MF=n CNAME=n SOA=nnwwwww MB=n MG=n MR=n PTR=n HINFO=ss MINFO=nn MX=hn TXT=S RP=nn
    AFSDB=hn X25=s RT=hn NSAP=x NSAP-PTR=n SIG=hbbwwwhnx PX=hnn AAAA=6 EID=x NIMLOC=x SRV=hhhn
    NAPTR=hhsssn KX=hn CERT=hhbx DNAME=n SINK=bbbo RRSIG=hbbwwwhnx NSEC=nt DNSKEY=hbbx DHCID=x
    NINFO=S RKEY=hbbx TALINK=nn CDNSKEY=hbbx OPENPGPKEY=x CSYNC=wht DSYNC=hbhn HHIT=x BRID=x SPF=S
    NID=h8 L32=h4 L64=h8 LP=hn EUI64=8 URI=hhx AVC=S DOA=wwbso RESINFO=S WALLET=S CLA=S IPN=q
"""


def _digest(head: str, by_kind: dict[int, int]) -> Octets:
    """Draw a head, the kind of a digest, and the octets of a digest of that kind."""
    known = [
        joined((*(_FIELDS[each] for each in head), st.just(bytes((kind,))), exactly(size)))
        for kind, size in by_kind.items()
    ]
    other = st.integers(max(by_kind) + 1, 255).map(lambda kind: bytes((kind,)))
    unknown = joined(
        (*(_FIELDS[each] for each in head), other, st.binary(min_size=12, max_size=70))
    )
    return st.one_of(*known, unknown)


_gateways = (
    st.just((0, b""))
    | exactly(4).map(lambda octets: (1, octets))
    | exactly(16).map(lambda octets: (2, octets))
    | names.map(lambda octets: (3, octets))
)
_real = st.from_regex(r"[-+]?[0-9]{1,3}(\.[0-9]{0,4})?", fullmatch=True).map(
    lambda text: bytes((len(text),)) + text.encode()
)


@st.composite
def _loc(draw: st.DrawFn) -> bytes:
    degrees = 3_600_000
    size = st.builds(lambda digit, power: digit << 4 | power, st.integers(1, 9), st.integers(0, 9))
    latitude = (1 << 31) + draw(st.integers(-90 * degrees, 90 * degrees))
    longitude = (1 << 31) + draw(st.integers(-180 * degrees, 180 * degrees))
    sizes = (
        bytes(draw(st.just(0) | size) for _ in range(3)) if draw(st.booleans()) else b"\x12\x16\x13"
    )
    return (
        b"\0" + sizes + latitude.to_bytes(4, "big") + longitude.to_bytes(4, "big") + draw(number(4))
    )


@st.composite
def _apl(draw: st.DrawFn) -> bytes:
    items = []
    for _ in range(draw(st.integers(1, 4))):
        family, most = draw(st.sampled_from([(1, 4), (2, 16), (7, 127)]))
        address = draw(st.binary(max_size=most)).rstrip(b"\0")
        prefix = draw(st.integers(0, min(255, 8 * most)))
        negated = draw(st.sampled_from([0, 0x80]))
        items.append(family.to_bytes(2, "big") + bytes((prefix, negated | len(address))) + address)
    return b"".join(items)


@st.composite
def _a6(draw: st.DrawFn) -> bytes:
    bits = draw(st.integers(0, 128))
    suffix = draw(st.integers(0, (1 << 128 - bits) - 1)).to_bytes(16, "big")[bits // 8 :]
    return bytes((bits,)) + (suffix if bits < 128 else b"") + (draw(names) if bits else b"")


@st.composite
def _hip(draw: st.DrawFn) -> bytes:
    hit, key = draw(st.binary(min_size=1, max_size=20)), draw(rest)
    servers = draw(st.lists(names, max_size=3))
    head = bytes((len(hit),)) + draw(number(1)) + len(key).to_bytes(2, "big")
    return head + hit + key + b"".join(servers)


def _key() -> Octets:
    with_key = joined((number(2), number(1), number(1), rest))
    return with_key | joined((one_of(b"\xc0\0", b"\xc3\x0f"), number(1), number(1)))


_tags = st.from_regex("[A-Za-z0-9]{1,15}", fullmatch=True).map(str.encode)
_digits = st.text("0123456789", min_size=1, max_size=20).map(str.encode)
_flat_bits = st.sets(st.integers(0, 65_535), max_size=6).map(_flat_bitmap)
_nxt_bits = st.sets(st.integers(1, 127), max_size=6).map(_flat_bitmap)
_DIGESTS: Final = {1: 20, 2: 32, 3: 32, 4: 48}
_ds = _digest("hb", _DIGESTS)
_tlsa = _digest("bb", {1: 32, 2: 64}) | joined((number(1), number(1), st.just(b"\0"), rest))
_svcb = one_of(
    b"\0\0\1a\0",
    b"\0\1\0",
    b"\0\1\0\0\1\0\3\2h2",
    b"\0\1\0\0\0\0\4\0\1\0\3\0\1\0\3\2h2\0\3\0\2\0\x35",
    b"\0\2\0\0\4\0\4\xc0\0\2\1\0\6\0\x10" + bytes(15) + b'\1\xff\xf0\0\3a"\\',
)

STRATEGIES: Final[dict[str, Octets]] = {
    **{
        mnemonic: joined(_FIELDS[each] for each in layout)
        for mnemonic, _, layout in (pair.partition("=") for pair in _LAYOUTS.split())
    },
    "WKS": joined((exactly(4), number(1), _flat_bits)),
    "ISDN": st.lists(strings, min_size=1, max_size=2).map(b"".join),
    "KEY": _key(),
    "GPOS": joined((_real, _real, _real)),
    "LOC": _loc(),
    "NXT": joined((names, _nxt_bits)),
    "ATMA": joined((st.just(b"\0"), rest)) | joined((st.just(b"\1"), _digits)),
    "A6": _a6(),
    "APL": _apl(),
    "DS": _ds,
    "CDS": _ds | st.just(b"\0\0\0\0\0"),
    "DLV": _ds,
    "TA": _ds,
    "SSHFP": _digest("b", {1: 20, 2: 32}),
    "IPSECKEY": st.builds(
        lambda head, gateway, key: bytes((head[0], gateway[0], head[1])) + gateway[1] + key,
        exactly(2),
        _gateways,
        any_rest,
    ),
    "AMTRELAY": st.builds(
        lambda head, optional, relay: head + bytes((optional | relay[0],)) + relay[1],
        exactly(1),
        st.sampled_from([0, 0x80]),
        _gateways,
    ),
    "NSEC3": joined((number(1), number(1), number(2), counted(most=20), counted(1, 40), types)),
    "NSEC3PARAM": joined((number(1), number(1), number(2), counted(most=20))),
    "TLSA": _tlsa,
    "SMIMEA": _tlsa,
    "HIP": _hip(),
    "ZONEMD": joined((number(4), one_of(b"\1\1"), exactly(48)))
    | joined((number(4), one_of(b"\1\2"), exactly(64)))
    | joined((number(4), one_of(b"\xf0\xf1"), exactly(12))),
    "SVCB": _svcb,
    "HTTPS": _svcb,
    "EUI48": exactly(6),
    "CAA": joined((number(1), counted(of=_tags), any_rest)),
}
"""By mnemonic: octets that have a presentation form."""
