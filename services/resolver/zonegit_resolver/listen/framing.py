"""Split a stream into messages, each after two octets with its length (RFC 1035 section 4.2.2)."""

from typing import Final

LENGTH: Final = 2


class Frames:
    """Collects octets, and returns complete messages."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> None:
        """Add octets of the stream."""
        self._octets += octets

    def take(self, limit: int) -> list[bytes]:
        """Return the complete messages that were not returned before, at most ``limit``."""
        octets, at = self._octets, 0
        found: list[bytes] = []
        while len(found) < limit and at + LENGTH <= len(octets):
            start = at + LENGTH
            end = start + (octets[at] << 8 | octets[at + 1])
            if end > len(octets):
                break
            found.append(bytes(octets[start:end]))
            at = end
        del octets[:at]
        return found


def frame(message: bytes) -> bytes:
    """Return a message with its length in front."""
    return len(message).to_bytes(LENGTH, "big") + message
