"""Serial number arithmetic (RFC 1982, SERIAL_BITS = 32), and the date in a serial."""

from datetime import UTC, datetime

MODULUS = 1 << 32
HALF = 1 << 31
FIRST_YEAR = 1983
"""The earliest year in a serial; RFC 882 is from November 1983."""


def is_later(a: int, b: int) -> bool:
    """Return whether ``a`` comes after ``b`` (RFC 1982 section 3.2); False if that is undefined."""
    return 0 < (a - b) % MODULUS < HALF


def increment(serial: int) -> int:
    """Return the next serial (RFC 1982 section 3.1)."""
    return (serial + 1) % MODULUS


def lead(serial: int, other: int) -> int:
    """Return the number of steps by which ``serial`` is ahead of ``other`` (RFC 1982 section 3.2).

    It is negative if ``serial`` is behind, and ``-HALF`` if the order is undefined.
    """
    return (serial - other + HALF) % MODULUS - HALF


def advance(serial: int, steps: int) -> int:
    """Return the serial after ``steps`` increments, 0 to ``HALF - 1`` (RFC 1982 section 3.1)."""
    return (serial + steps) % MODULUS


def latest(a: int, b: int) -> int:
    """Return the later of two serials, or the first if their order is undefined."""
    return b if is_later(b, a) else a


def parse_time(serial: int) -> int | None:
    """Return the time in a serial of the form YYYYMMDDnn (RFC 1912 section 2.2).

    Returns:
        Seconds since 1970: midnight UTC of that day plus ``nn`` minutes; None if the serial does
        not contain a date.
    """
    day, number = divmod(serial, 100)
    try:
        midnight = datetime(day // 10_000, day // 100 % 100, day % 100, tzinfo=UTC)
    except ValueError:
        return None
    return int(midnight.timestamp()) + 60 * number if midnight.year >= FIRST_YEAR else None
