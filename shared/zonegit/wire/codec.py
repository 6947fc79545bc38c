"""Encode messages to msgpack, and decode them.

Unknown fields are ignored, missing or mistyped ones refused. The size is checked before the octets
are parsed.
"""

from typing import Final, TypeVar

import msgspec

from zonegit.errors import Invalid

T = TypeVar("T", bound=msgspec.Struct)

MAX_MESSAGE: Final = 1_000_000
"""The maximum octets of a message; with headers less than max_payload of the bus (1 MiB)."""

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[type, msgspec.msgpack.Decoder[object]] = {}


def encode(message: msgspec.Struct) -> bytes:
    """Encode a message.

    Raises:
        Invalid: The message is larger than ``MAX_MESSAGE``, or has text that is not Unicode, such
            as an argument of a command line in another encoding.
    """
    try:
        octets = _encoder.encode(message)
    except UnicodeEncodeError as error:
        raise Invalid(
            f"{error.object[:80]!r} is not valid UTF-8", hint="set the terminal to UTF-8"
        ) from error
    if len(octets) > MAX_MESSAGE:
        raise Invalid(f"a {type(message).__name__} of {len(octets)} octets is too large to send")
    return octets


def decode(octets: bytes, kind: type[T], limit: int = MAX_MESSAGE) -> T:
    """Decode a message.

    Raises:
        Invalid: It has more octets than ``limit``, or is not of that kind; the error names the
            field.
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
