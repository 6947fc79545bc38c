"""zonegit keygen: generate a key pair to sign commits with."""

import secrets
from pathlib import Path

import click

from zonegit.objects import commit_signatures
from zonegit.objects.commit_signatures import SigningKey
from zonegit_cli import options
from zonegit_cli.parse import key_files
from zonegit_cli.session import Session


@options.session_command("keygen")
@click.argument("file", type=click.Path(path_type=Path))
async def command(session: Session, file: Path) -> None:
    """Generate an Ed25519 key pair: the private key in FILE, the public key in FILE.pub.

    FILE is readable by its owner only. Existing files are not overwritten. Give FILE.pub to those
    who verify your signatures.

    \b
    zonegit keygen ~/.config/zonegit/alice
    zonegit set www A 300 192.0.2.7 --sign ~/.config/zonegit/alice
    zonegit verify --key ~/.config/zonegit/alice.pub
    """
    key = SigningKey(secrets.token_bytes(commit_signatures.KEY_OCTETS))
    public = key_files.write_pair(file, key)
    fingerprint = commit_signatures.fingerprint(key.public)
    data = {
        "private": str(file),
        "public": str(public),
        "fingerprint": fingerprint,
        "key": commit_signatures.format_public_key(key.public).decode().strip(),
    }
    lines = [
        f"private key {file}: keep it secret (--sign {file}, or the setting signing_key)",
        f"public key {public}: publish it (verify --key {public}, or the setting trusted_keys)",
        f"fingerprint {fingerprint}",
    ]
    session.output.print_result(data, lines)
