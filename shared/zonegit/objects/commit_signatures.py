"""Ed25519 signatures of commits and tags (RFC 8032), and their keys.

Pure: the caller reads key files and decides which keys are trusted. Only this module uses the
cryptography library. Its messages never contain a key.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Final, NewType

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zonegit.errors import Invalid
from zonegit.objects.codec import encode
from zonegit.objects.headers import strip_signature
from zonegit.objects.model import Commit, Tag

PublicKey = NewType("PublicKey", bytes)
"""32 octets (RFC 8032 section 5.1.5)."""

KEY_OCTETS: Final = 32
"""Octets of a seed, and of a public key."""
PAIR_OCTETS: Final = 64
"""Octets of a seed followed by its public key: a private key in the format of the original
zonegit."""
SIGNATURE_OCTETS: Final = 64

_HINT: Final = "a key file is one line of base64; zonegit keygen writes a pair of them"


class SigningKey:
    """A private key. Its ``repr`` does not show it; only :meth:`text` does."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw())

    def sign(self, payload: bytes) -> str:
        """Return the deterministic signature of a payload without signature line, in base64."""
        return base64.b64encode(self._key.sign(payload)).decode()

    def text(self) -> bytes:
        """Return the content of a private key file, which is secret."""
        return base64.b64encode(self._key.private_bytes_raw() + self.public) + b"\n"


class GoodSignature(msgspec.Struct, frozen=True):
    """The signature is valid; it was made with ``key``."""

    key: PublicKey


class Unsigned(msgspec.Struct, frozen=True):
    """The object has no signature."""


class MalformedSignature(msgspec.Struct, frozen=True):
    """The signature header is malformed."""

    why: str


class UnknownKey(msgspec.Struct, frozen=True):
    """The signature is not valid for any trusted key.

    It was made with another key, or the content was changed. A signature does not name its key, so
    these cases cannot be distinguished.
    """


SignatureVerdict = GoodSignature | Unsigned | MalformedSignature | UnknownKey


class Keyring:
    """The trusted keys."""

    def __init__(self, keys: Iterable[PublicKey]) -> None:
        self._keys = [(key, Ed25519PublicKey.from_public_bytes(key)) for key in keys]

    def verify(self, value: Commit | Tag) -> SignatureVerdict:
        """Verify the signature of a commit or tag."""
        if value.signature is None:
            return Unsigned()
        try:
            signature = _from_base64(value.signature.encode())
        except Invalid as error:
            return MalformedSignature(error.message)
        if len(signature) != SIGNATURE_OCTETS:
            return MalformedSignature(
                f"{len(signature)} octets, where a signature has {SIGNATURE_OCTETS}"
            )
        payload = extract_signed_payload(value)
        for key, checker in self._keys:
            if _is_valid(checker, signature, payload):
                return GoodSignature(key)
        return UnknownKey()


def extract_signed_payload(value: Commit | Tag) -> bytes:
    """Return the octets that the signature of a commit or tag covers."""
    return strip_signature(encode(value).payload)


def parse_signing_key(text: bytes) -> SigningKey:
    """Parse a private key file.

    It is the base64 of a seed and its public key (64 octets, the format of the original zonegit),
    or of a seed alone (32 octets).

    Raises:
        Invalid: the file is malformed, or the public key does not match the seed.
    """
    octets = _from_base64(text.strip(), _HINT)
    if len(octets) not in (KEY_OCTETS, PAIR_OCTETS):
        raise _length_error("private", f"{PAIR_OCTETS} or {KEY_OCTETS}", octets)
    key = SigningKey(octets[:KEY_OCTETS])
    if octets[KEY_OCTETS:] not in (b"", key.public):
        raise Invalid("its public half does not match its private half", hint=_HINT)
    return key


def parse_public_key(text: bytes) -> PublicKey:
    """Parse a public key file: one line of base64.

    Raises:
        Invalid: the file is malformed, or has a private key.
    """
    octets = _from_base64(text.strip(), _HINT)
    if len(octets) == PAIR_OCTETS:
        raise Invalid(
            f"{PAIR_OCTETS} octets are a private key; expected a public key",
            hint="zonegit keygen writes the public key to a file with the suffix .pub",
        )
    if len(octets) != KEY_OCTETS:
        raise _length_error("public", str(KEY_OCTETS), octets)
    return PublicKey(octets)


def format_public_key(key: PublicKey) -> bytes:
    """Return the content of a public key file."""
    return base64.b64encode(key) + b"\n"


def fingerprint(key: PublicKey) -> str:
    """Return the first 16 hex digits of the SHA-256 of a public key, for messages."""
    return hashlib.sha256(key).hexdigest()[:16]


def _from_base64(text: bytes, hint: str | None = None) -> bytes:
    """Decode standard base64 in its canonical form (RFC 4648 sections 4 and 3.5)."""
    try:
        octets = base64.b64decode(text, validate=True)
    except binascii.Error:
        octets = b""
    if not octets or base64.b64encode(octets) != text:
        raise Invalid("it is not base64", hint=hint)
    return octets


def _length_error(kind: str, wanted: str, octets: bytes) -> Invalid:
    return Invalid(f"a {kind} key has {wanted} octets, not {len(octets)}", hint=_HINT)


def _is_valid(checker: Ed25519PublicKey, signature: bytes, payload: bytes) -> bool:
    try:
        checker.verify(signature, payload)
    except InvalidSignature:
        return False
    return True
