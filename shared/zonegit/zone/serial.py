"""Serial number arithmetic (RFC 1982, SERIAL_BITS = 32)."""

MODULUS = 1 << 32
HALF = 1 << 31


def later(a: int, b: int) -> bool:
    """Whether ``a`` comes after ``b`` (RFC 1982 section 3.2); False where that is undefined."""
    return 0 < (a - b) % MODULUS < HALF


def following(serial: int) -> int:
    """The next serial (RFC 1982 section 3.1)."""
    return (serial + 1) % MODULUS


def latest(a: int, b: int) -> int:
    """The later of two serials; the first where the order is undefined."""
    return b if later(b, a) else a
