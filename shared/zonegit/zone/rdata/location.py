"""Codecs of LOC (RFC 1876) and GPOS (RFC 1712). LOC uses integers only, so no value is rounded."""

import re
from typing import Final

from zonegit.zone.rdata.cursor import Fields, MalformedRdata, Octets
from zonegit.zone.rdata.scalars import MAX_U32, Codec, read_string, take_counted

EQUATOR: Final = 1 << 31
"""The stored value of latitude and longitude 0; the unit is a thousandth of a second of arc."""
SEA_LEVEL_CM: Final = 10_000_000
"""The stored value of altitude 0, in centimetres: altitudes count from 100,000 m below the
spheroid."""
DEFAULT_SIZES: Final = bytes((0x12, 0x16, 0x13))
"""Size 1 m, horizontal precision 10,000 m, vertical precision 10 m (RFC 1876 section 3)."""
MAX_SIZE_CM: Final = 9 * 10**9

_POWERS: Final = tuple(int(f"1{'0' * exponent}") for exponent in range(10))
_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_DEGREE: Final = 60 * _MINUTE
_SECONDS: Final = re.compile(r"(\d{1,2})(?:\.(\d{1,3}))?", re.ASCII)
_METRES: Final = re.compile(r"([-+]?)(?=\.?\d)(\d{0,8})(?:\.(\d{0,2}))?m?", re.ASCII)
_REAL: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)", re.ASCII)


def _read_loc(fields: Fields) -> bytes:
    latitude = _read_angle(fields, 90, "NS")
    longitude = _read_angle(fields, 180, "EW")
    altitude = SEA_LEVEL_CM + _parse_metres(fields.take_text())
    if not 0 <= altitude <= MAX_U32:
        raise MalformedRdata("the altitude is not from -100000.00m to 42849672.95m")
    sizes = bytearray(DEFAULT_SIZES)
    for at in range(len(sizes)):
        if fields.has_more():
            sizes[at] = _encode_size(_parse_metres(fields.take_text()))
    numbers = (latitude, longitude, altitude)
    return b"\0" + sizes + b"".join([each.to_bytes(4, "big") for each in numbers])


def _read_angle(fields: Fields, max_degrees: int, hemispheres: str) -> int:
    """Read degrees, optional minutes and seconds, and the letter of the hemisphere."""
    parts: list[str] = []
    while (word := fields.take_text()).upper() not in tuple(hemispheres):
        parts.append(word)
        if len(parts) > 3:
            raise MalformedRdata(f"{word[:40]!r} is neither of {' and '.join(hemispheres)}")
    thousandths = 0
    for text, unit, highest in zip(
        parts, (_DEGREE, _MINUTE, _SECOND), (max_degrees, 59, 59), strict=False
    ):
        found = _SECONDS.fullmatch(text) if unit == _SECOND else _WHOLE.fullmatch(text)
        if found is None or int(found[1]) > highest:
            raise MalformedRdata(f"{text[:40]!r} is not a number from 0 to {highest}")
        thousandths += int(found[1]) * unit
        if unit == _SECOND and found[2]:
            thousandths += int(found[2].ljust(3, "0"))
    if not parts:
        raise MalformedRdata(f"degrees are missing before {word}")
    return EQUATOR + (thousandths if word.upper() == hemispheres[0] else -thousandths)


_WHOLE: Final = re.compile(r"(\d{1,3})", re.ASCII)


def _parse_metres(text: str) -> int:
    found = _METRES.fullmatch(text)
    if found is None:
        raise MalformedRdata(f"{text[:40]!r} is not a length in metres, such as 12.34m")
    centimetres = int(found[2] or 0) * 100 + int((found[3] or "").ljust(2, "0"))
    return -centimetres if found[1] == "-" else centimetres


def _encode_size(centimetres: int) -> int:
    """Return a size as one digit and a power of ten; further digits are dropped, as in other
    servers."""
    if not 0 <= centimetres <= MAX_SIZE_CM:
        raise MalformedRdata("a size or precision is not from 0.00m to 90000000.00m")
    digits = str(centimetres)
    return int(digits[0]) << 4 | len(digits) - 1


def _write_loc(octets: Octets) -> str:
    if octets.take_number(1):
        raise MalformedRdata("the version of a LOC is not 0")
    sizes = octets.take(3)
    texts = [_format_metres(_decode_size(size)) for size in sizes]
    latitude = _write_angle(octets.take_number(4) - EQUATOR, "NS")
    longitude = _write_angle(octets.take_number(4) - EQUATOR, "EW")
    altitude = _format_metres(octets.take_number(4) - SEA_LEVEL_CM)
    words = [latitude, longitude, altitude]
    return " ".join(words if sizes == DEFAULT_SIZES else words + texts)


def _write_angle(thousandths: int, hemispheres: str) -> str:
    rest = abs(thousandths)
    degrees, rest = divmod(rest, _DEGREE)
    minutes, rest = divmod(rest, _MINUTE)
    hemisphere = hemispheres[thousandths < 0]
    return f"{degrees} {minutes} {rest // _SECOND}.{rest % _SECOND:03} {hemisphere}"


def _decode_size(size: int) -> int:
    digit, exponent = size >> 4, size & 0xF
    if digit > 9 or exponent > 9:
        raise MalformedRdata("a size or precision of a LOC has a digit or exponent above 9")
    return digit * _POWERS[exponent]


def _format_metres(centimetres: int) -> str:
    sign = "-" if centimetres < 0 else ""
    return f"{sign}{abs(centimetres) // 100}.{abs(centimetres) % 100:02}m"


def _read_real(fields: Fields) -> bytes:
    string = read_string(fields.take())
    _check_real(string[1:])
    return string


def _write_real(octets: Octets) -> str:
    string = take_counted(octets)
    _check_real(string)
    return string.decode()


def _check_real(string: bytes) -> None:
    if _REAL.fullmatch(string.decode("latin-1")) is None:
        raise MalformedRdata(f"{string[:40].decode('latin-1')!r} is not a number such as -32.6882")


LOC: Final = Codec(_read_loc, _write_loc)
REAL: Final = Codec(_read_real, _write_real)
"""A number as a character-string. The range is not checked: in the text of RFC 1712 the longitude
comes first, in its examples the latitude."""
