"""Messages on a stream, each behind two octets that say its length (RFC 1035 section 4.2.2)."""

from typing import Final

LENGTH: Final = 2


class Frames:
    """Takes octets as they come, and gives messages as they are complete."""

    __slots__ = ("_octets",)

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> None:
        """What came next."""
        self._octets += octets

    def take(self, most: int) -> list[bytes]:
        """The messages that are complete, at most so many; none of them is given again."""
        octets, at = self._octets, 0
        found: list[bytes] = []
        while len(found) < most and at + LENGTH <= len(octets):
            start = at + LENGTH
            end = start + (octets[at] << 8 | octets[at + 1])
            if end > len(octets):
                break
            found.append(bytes(octets[start:end]))
            at = end
        del octets[:at]
        return found


def frame(message: bytes) -> bytes:
    """A message as it goes onto a stream."""
    return len(message).to_bytes(LENGTH, "big") + message
