"""Codecs of types and lists of types in RDATA (RFC 4034 section 4.1.2, RFC 2535 section 5.2).

The mnemonics are those of ``rrtypes``. ``TYPEnnn`` is read for any type, and written for a type
without a mnemonic.
"""

from typing import Final

from zonegit.zone import rrtypes
from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets
from zonegit.zone.rdata.scalars import Codec, read_name, write_name

MAX_BITMAP: Final = 32
"""Octets of one window (RFC 4034 section 4.1.2)."""
MAX_NXT_TYPE: Final = 127
"""The highest type in the bitmap of an NXT (RFC 2535 section 5.2)."""

_READ_ONLY: Final = {
    **rrtypes.QUESTION_ONLY,
    "OPT": rrtypes.OPT,
    "NXNAME": rrtypes.NXNAME,
    "TKEY": rrtypes.TKEY,
    "TSIG": rrtypes.TSIG,
}
"""Mnemonics of types that cannot be in a zone; they are written as ``TYPEnnn``."""


def parse_type(text: str) -> int:
    """Return the number of a type, also of one that cannot be in a zone.

    Raises:
        MalformedRdata: the text is neither a mnemonic nor ``TYPE0`` to ``TYPE65535``.
    """
    upper = text.upper()
    found = rrtypes.NUMBERS.get(upper, _READ_ONLY.get(upper))
    if found is None and (generic := rrtypes.GENERIC.fullmatch(upper)):
        found = int(generic[1])
    if found is None or found > 0xFFFF:
        raise MalformedRdata(f"{text[:40]!r} is not a record type")
    return found


def _read_types(fields: Fields) -> set[int]:
    types = set()
    while fields.has_more():
        types.add(parse_type(fields.take_text()))
    if 0 in types:
        raise MalformedRdata("TYPE0 cannot be in a list of types")
    return types


def _read_bitmap(fields: Fields) -> bytes:
    windows: dict[int, bytearray] = {}
    for rdtype in sorted(_read_types(fields)):
        bitmap = windows.setdefault(rdtype >> 8, bytearray())
        _set_bit(bitmap, rdtype & 0xFF)
    return b"".join([bytes((each, len(bitmap))) + bitmap for each, bitmap in windows.items()])


def _set_bit(bitmap: bytearray, bit: int) -> None:
    bitmap.extend(bytes(max(0, bit // 8 + 1 - len(bitmap))))
    bitmap[bit // 8] |= 0x80 >> bit % 8


def list_set_bits(bitmap: bytes) -> list[int]:
    """Return the numbers of the bits that are set, from the left."""
    return [
        at * 8 + bit for at, octet in enumerate(bitmap) if octet for bit in _BITS_OF_OCTET[octet]
    ]


_BITS_OF_OCTET: Final = tuple(
    tuple(bit for bit in range(8) if octet & (0x80 >> bit)) for octet in range(256)
)


def _write_bitmap(octets: Octets) -> str:
    types = []
    last = -1
    while octets.has_more():
        window = octets.take_number(1)
        size = octets.take_number(1)
        if window <= last or not 0 < size <= MAX_BITMAP:
            raise MalformedRdata("a type bitmap has a window out of order, or of a wrong size")
        last = window
        bitmap = octets.take(size)
        if not bitmap[-1]:
            raise MalformedRdata("a type bitmap ends in an octet of zeros")
        types += [rrtypes.to_text(window << 8 | bit) for bit in list_set_bits(bitmap)]
    return " ".join(types)


def _read_nxt(fields: Fields) -> bytes:
    target = read_name(fields.take_bare(), fields)
    bitmap = bytearray()
    for rdtype in sorted(_read_types(fields)):
        if rdtype > MAX_NXT_TYPE:
            raise MalformedRdata(
                f"an NXT cannot list {rrtypes.to_text(rdtype)}: it ends at TYPE127"
            )
        _set_bit(bitmap, rdtype)
    return target + bitmap


def _write_nxt(octets: Octets) -> str:
    target = write_name(octets)
    bitmap = octets.take_rest()
    if len(bitmap) > (MAX_NXT_TYPE + 1) // 8 and not bitmap[0] & 0x80:
        raise MalformedRdata(f"the bitmap of an NXT has {len(bitmap)} octets, more than 16")
    return " ".join([target, *map(rrtypes.to_text, list_set_bits(bitmap))])


TYPE: Final = Codec(
    lambda fields: parse_type(fields.take_text()).to_bytes(2, "big"),
    lambda octets: rrtypes.to_text(octets.take_number(2)),
)
TYPES: Final = Codec(_read_bitmap, _write_bitmap)
"""The rest of the RDATA as a list of types, possibly empty."""
NXT: Final = Codec(_read_nxt, _write_nxt)
