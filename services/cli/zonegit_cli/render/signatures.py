"""What a signature is worth, in words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, assert_never

from zonegit.objects import commit_signatures
from zonegit.objects.commit_signatures import (
    GoodSignature,
    Keyring,
    MalformedSignature,
    PublicKey,
    SignatureVerdict,
    Unknown,
    Unsigned,
)
from zonegit.objects.model import Commit, Tag
from zonegit_cli.parse import key_files

STATES: Final[Mapping[type[SignatureVerdict], str]] = {
    GoodSignature: "good",
    Unsigned: "unsigned",
    MalformedSignature: "malformed",
    Unknown: "unknown",
}
"""The states of a signature as programs read them."""
Names = Mapping[PublicKey, str]
"""What the trusted keys are called."""


def said(verdict: SignatureVerdict, trusted: Names) -> str:
    """The verdict on a commit or tag, to stand after its name."""
    match verdict:
        case GoodSignature(key):
            return f"signed by {who(key, trusted)}"
        case Unsigned():
            return "not signed"
        case MalformedSignature(why):
            return f"malformed signature ({why})"
        case Unknown():
            return "signed by none of the trusted keys, or changed after signing"
        case _:
            assert_never(verdict)


def who(key: PublicKey, trusted: Names) -> str:
    """A trusted key: its name and fingerprint."""
    return f"{trusted[key]} ({commit_signatures.fingerprint(key)})"


def by_keys_in(path: Path, value: Commit | Tag) -> str:
    """The verdict by the public key in a file, or by those in a folder."""
    trusted = key_files.trusted([path])
    return said(Keyring(trusted).verify(value), trusted)
