"""Signatures of commits and tags: their coverage, their keys, and invalid ones."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import strategies

from zonegit.errors import Corrupt, Invalid
from zonegit.objects import commit_signatures, headers
from zonegit.objects.codec import decode, encode
from zonegit.objects.commit_signatures import (
    GoodSignature,
    Keyring,
    MalformedSignature,
    SigningKey,
    UnknownKey,
    Unsigned,
)
from zonegit.objects.ids import ObjectId, create_object
from zonegit.objects.model import Commit, Identity, Tag

ALICE = SigningKey(bytes(32))
BOB = SigningKey(bytes(31) + b"\1")
WHO = Identity("Ada", "ada@example.com", 1_750_000_000)
COMMIT = Commit(ObjectId(bytes(32)), (), WHO, WHO, "first")

VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555f"
        "b8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da08"
        "5ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18"
        "ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

signable = st.one_of(strategies.commits, strategies.tags)
seeds = st.binary(min_size=32, max_size=32)


def signed(value: Commit | Tag, key: SigningKey = ALICE) -> Commit | Tag:
    signature = key.sign(commit_signatures.extract_signed_payload(value))
    return msgspec.structs.replace(value, signature=signature)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), VECTORS)
def test_keys_and_signatures_match_the_vectors_of_the_rfc(
    seed: str, public: str, message: str, signature: str
) -> None:
    """RFC 8032 section 7.1, tests 1 to 3."""
    key = SigningKey(bytes.fromhex(seed))
    assert key.public.hex() == public
    assert base64.b64decode(key.sign(bytes.fromhex(message))).hex() == signature


@given(signable, seeds)
def test_a_signature_is_verified_with_the_public_key(value: Commit | Tag, seed: bytes) -> None:
    key = SigningKey(seed)
    assert Keyring([BOB.public, key.public]).verify(signed(value, key)) == GoodSignature(key.public)


@given(signable)
def test_the_signature_of_another_key_is_not_verified(value: Commit | Tag) -> None:
    assert Keyring([BOB.public]).verify(signed(value)) == UnknownKey()
    assert Keyring([]).verify(signed(value)) == UnknownKey()


@given(signable, st.data())
def test_no_octet_of_a_signed_object_can_change_unnoticed(
    value: Commit | Tag, data: st.DataObject
) -> None:
    """A changed octet gives another object or none, and the signature of that object does not
    verify."""
    raw = encode(signed(value))
    at = data.draw(st.integers(0, len(raw.payload) - 1))
    flipped = raw.payload[at] ^ data.draw(st.integers(1, 255))
    changed = create_object(raw.kind, raw.payload[:at] + bytes((flipped,)) + raw.payload[at + 1 :])
    try:
        found = decode(changed)
    except Corrupt:
        return
    assert isinstance(found, Commit | Tag)
    assert not isinstance(Keyring([ALICE.public]).verify(found), GoodSignature)


@given(signable)
def test_a_signed_object_decoded_and_encoded_keeps_its_id(value: Commit | Tag) -> None:
    raw = encode(signed(value))
    assert encode(decode(raw)) == raw


@given(signable)
def test_a_signature_covers_the_object_as_it_was_before_it_was_signed(value: Commit | Tag) -> None:
    before = msgspec.structs.replace(value, signature=None)
    assert commit_signatures.extract_signed_payload(signed(before)) == encode(before).payload


def test_unknown_headers_are_covered_at_any_position() -> None:
    plain = encode(COMMIT).payload.replace(b"committer", b"x-note one\ncommitter", 1)
    signature = ALICE.sign(plain)
    line = b"signature ed25519:" + signature.encode() + b"\n"
    for before, after in ((line, b"x-last two\n"), (b"x-last two\n", line)):
        payload = plain.replace(b"\n\n", b"\n" + before + after + b"\n", 1)
        commit = headers.decode_commit(payload)
        assert commit_signatures.extract_signed_payload(commit) == payload.replace(line, b"")
        assert Keyring([ALICE.public]).verify(commit) == UnknownKey()  # x-last came later
        renewed = ALICE.sign(commit_signatures.extract_signed_payload(commit))
        fixed = headers.decode_commit(payload.replace(signature.encode(), renewed.encode()))
        assert Keyring([ALICE.public]).verify(fixed) == GoodSignature(ALICE.public)


def test_a_line_of_the_message_is_not_a_signature() -> None:
    message = "first\n\nsignature ed25519:AAAA"
    commit = msgspec.structs.replace(COMMIT, message=message)
    assert commit_signatures.extract_signed_payload(commit) == encode(commit).payload
    assert Keyring([ALICE.public]).verify(commit) == Unsigned()


_GOOD = ALICE.sign(commit_signatures.extract_signed_payload(COMMIT))
NO_SIGNATURES = {
    "nothing": "",
    "not base64": "%%%%",
    "not ASCII": "é",
    "too short": "AAAA",
    "too long": base64.b64encode(bytes(65)).decode(),
    "no padding": _GOOD.rstrip("="),
    "a space in it": _GOOD[:40] + " " + _GOOD[40:],
    "another spelling of the last digit": _GOOD[:-3] + chr(ord(_GOOD[-3]) + 1) + "==",
}


@pytest.mark.parametrize("text", NO_SIGNATURES.values(), ids=NO_SIGNATURES)
def test_a_malformed_signature_differs_from_a_wrong_one(text: str) -> None:
    commit = msgspec.structs.replace(COMMIT, signature=text)
    assert isinstance(Keyring([ALICE.public]).verify(commit), MalformedSignature)


def base64_of(octets: bytes) -> bytes:
    return base64.b64encode(octets)


@given(seeds, st.sampled_from([b"", b"\n", b"\r\n"]), st.sampled_from([b"", b" \t"]))
def test_key_files_may_have_white_space_around_the_key(
    seed: bytes, end: bytes, start: bytes
) -> None:
    key = SigningKey(seed)
    pair = base64_of(seed + key.public)
    for text in (pair, base64_of(seed), key.text()):
        assert commit_signatures.parse_signing_key(start + text + end).public == key.public
    assert commit_signatures.parse_public_key(start + base64_of(key.public) + end) == key.public
    assert (
        commit_signatures.parse_public_key(commit_signatures.format_public_key(key.public))
        == key.public
    )


def test_a_key_file_in_the_format_of_the_original_is_read() -> None:
    """Go's ed25519.PrivateKey is seed and public key; this pair is test 1 of RFC 8032."""
    seed, public, message, signature = VECTORS[0]
    key = commit_signatures.parse_signing_key(base64_of(bytes.fromhex(seed + public)))
    assert base64.b64decode(key.sign(bytes.fromhex(message))).hex() == signature


BAD_KEYS = {
    "empty": (b"", "not base64"),
    "one line end": (b"\n", "not base64"),
    "not base64": (b"hello, world", "not base64"),
    "PEM": (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not base64"),
    "broken over lines": (
        base64_of(bytes(64))[:44] + b"\n" + base64_of(bytes(64))[44:],
        "not base",
    ),
    "NUL octets": (bytes(88), "not base64"),
    "16 octets": (base64_of(bytes(16)), "not 16"),
    "33 octets": (base64_of(bytes(33)), "not 33"),
    "96 octets": (base64_of(bytes(96)), "not 96"),
}


@pytest.mark.parametrize(("text", "said"), BAD_KEYS.values(), ids=BAD_KEYS)
def test_an_invalid_key_is_refused_with_a_reason(text: bytes, said: str) -> None:
    for read in (commit_signatures.parse_signing_key, commit_signatures.parse_public_key):
        with pytest.raises(Invalid, match=said) as caught:
            read(text)
        assert "zonegit keygen" in (caught.value.hint or "")


def test_keys_that_are_not_a_pair_are_refused() -> None:
    with pytest.raises(Invalid, match="public half"):
        commit_signatures.parse_signing_key(base64_of(bytes(32) + BOB.public))


def test_a_private_key_is_refused_in_place_of_a_public_one() -> None:
    with pytest.raises(Invalid, match="private key"):
        commit_signatures.parse_public_key(ALICE.text())


@given(st.binary(max_size=200))
def test_any_octets_are_a_key_or_are_refused(text: bytes) -> None:
    for read in (commit_signatures.parse_signing_key, commit_signatures.parse_public_key):
        try:
            read(text)
        except Invalid as error:
            assert len(text) < 8 or text.decode("latin-1") not in error.message  # noqa: PT017


def test_the_text_of_a_private_key_has_no_secret() -> None:
    shown = f"{ALICE!r} {ALICE}"
    assert ALICE.text().decode().strip() not in shown
    assert bytes(32).hex() not in shown


def test_different_keys_have_different_fingerprints() -> None:
    assert commit_signatures.fingerprint(ALICE.public) != commit_signatures.fingerprint(BOB.public)
    assert len(commit_signatures.fingerprint(ALICE.public)) == 16
