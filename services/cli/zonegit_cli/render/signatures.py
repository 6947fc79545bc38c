"""Format the verification of signatures."""

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
    UnknownKey,
    Unsigned,
)
from zonegit.objects.model import Commit, Tag
from zonegit_cli.parse import key_files

STATES: Final[Mapping[type[SignatureVerdict], str]] = {
    GoodSignature: "good",
    Unsigned: "unsigned",
    MalformedSignature: "malformed",
    UnknownKey: "unknown",
}
"""The states of a signature in JSON."""
Names = Mapping[PublicKey, str]
"""The names of trusted keys."""


def format_verdict(verdict: SignatureVerdict, trusted: Names) -> str:
    """Return the verdict on a commit or tag, to be printed after its id."""
    match verdict:
        case GoodSignature(key):
            return f"signed by {format_key(key, trusted)}"
        case Unsigned():
            return "not signed"
        case MalformedSignature(why):
            return f"malformed signature ({why})"
        case UnknownKey():
            return "not signed by a trusted key, or changed after signing"
        case _:
            assert_never(verdict)


def format_key(key: PublicKey, trusted: Names) -> str:
    """Return the name and the fingerprint of a trusted key."""
    return f"{trusted[key]} ({commit_signatures.fingerprint(key)})"


def verify_with_keys(path: Path, value: Commit | Tag) -> str:
    """Verify a commit or tag with the public key in a file, or with all in a folder."""
    trusted = key_files.read_trusted([path])
    return format_verdict(Keyring(trusted).verify(value), trusted)
