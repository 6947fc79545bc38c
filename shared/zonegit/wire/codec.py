"""Messages to msgpack and back, in one place.

Unknown fields are ignored, missing or mistyped ones refused; the size is bounded before a single
octet is parsed.
"""

from typing import Final, TypeVar

import msgspec

from zonegit.errors import Invalid

T = TypeVar("T", bound=msgspec.Struct)

MAX_MESSAGE: Final = 1_000_000
"""Octets of a message at the most; below the bus's max_payload of 1 MiB with its headers."""

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[type, msgspec.msgpack.Decoder[object]] = {}


def encode(message: msgspec.Struct) -> bytes:
    """Raises:
    Invalid: the message is larger than ``MAX_MESSAGE``, or a text in it is no Unicode: a word of a
        command line in another encoding.
    """
    try:
        octets = _encoder.encode(message)
    except UnicodeEncodeError as error:
        raise Invalid(
            f"{error.object[:80]!r} is not UTF-8", hint="set the terminal to UTF-8"
        ) from error
    if len(octets) > MAX_MESSAGE:
        raise Invalid(f"a {type(message).__name__} of {len(octets)} octets is too large to send")
    return octets


def decode(octets: bytes, kind: type[T], limit: int = MAX_MESSAGE) -> T:
    """Raises:
    Invalid: more octets than ``limit``, or not a message of that kind; says which field.
    """
    if len(octets) > limit:
        raise Invalid(f"a {kind.__name__} of {len(octets)} octets is too large")
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind)
    try:
        return decoder.decode(octets)  # type: ignore[return-value]  # the decoder is kind's own
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"malformed {kind.__name__}: {error}") from error
