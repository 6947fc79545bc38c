"""Read and write key files: private keys to sign with, and trusted public keys.

A file of 32 octets may be a private or a public key. It is read according to its use: a signing key
as a seed, a trusted key as a public key. If a public key were used as a seed by mistake, anyone
could make the same signatures, so the name of a signing key's file must not end in ``.pub``.
"""

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.files import open_file
from zonegit.objects import commit_signatures
from zonegit.objects.commit_signatures import PublicKey, SigningKey

PUBLIC: Final = ".pub"
MAX_OCTETS: Final = 4_096
MAX_TRUSTED: Final = 1_024
"""Public keys in a folder."""

T = TypeVar("T")


def read_signing_key(path: Path) -> SigningKey:
    """Read the private key in a file.

    Raises:
        NotFound: the file cannot be read.
        Invalid: it is not a private key.
    """
    if path.suffix == PUBLIC:
        raise Invalid(
            f"{path} is the name of a public key; signing needs the private key",
            hint=f"use {path.with_suffix('')}",
        )
    return _read(path, commit_signatures.parse_signing_key)


def is_exposed(path: Path) -> bool:
    """Return whether other users of this machine can read a file."""
    mode = path.stat().st_mode
    return stat.S_ISREG(mode) and bool(mode & (stat.S_IRGRP | stat.S_IROTH))


def read_trusted(paths: Iterable[Path]) -> dict[PublicKey, str]:
    """Read the public keys in files, and in the ``*.pub`` files of folders.

    Returns:
        The name of each key, which is the file's name without ``.pub``.

    Raises:
        NotFound: there is no such file or folder, or a folder has no key.
        Invalid: a file is not a public key, or a folder has more than ``MAX_TRUSTED``.
    """
    found: dict[PublicKey, str] = {}
    for path in paths:
        for file in _list_files(path):
            found.setdefault(
                _read(file, commit_signatures.parse_public_key), file.name.removesuffix(PUBLIC)
            )
    return found


def _list_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob(f"*{PUBLIC}"))
    if not files:
        raise NotFound(
            f"no public key in {path}", hint=f"the name of a public key ends in {PUBLIC}"
        )
    if len(files) > MAX_TRUSTED:
        raise Invalid(f"{path} has {len(files)} public keys, more than {MAX_TRUSTED}")
    return files


def _read(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        with open_file(path) as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as error:
        raise NotFound(f"cannot read the key {path}: {error.strerror}") from error
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"{path} is not a key: it is larger than {MAX_OCTETS} octets")
    try:
        return parse(octets)
    except Invalid as error:
        raise Invalid(f"{path}: {error.message}", hint=error.hint) from None


def write_pair(path: Path, key: SigningKey) -> Path:
    """Write a private key, readable by its owner only, and its public key; return the path of the
    public key.

    Raises:
        Conflict: one of the files exists; a key is never overwritten.
        OSError: one cannot be written.
    """
    public = path.with_name(path.name + PUBLIC)
    _write_new(public, commit_signatures.format_public_key(key.public), 0o644)
    try:
        _write_new(path, key.text(), 0o600)
    except BaseException:
        public.unlink()
        raise
    return public


def _write_new(path: Path, octets: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise Conflict(
            f"{path} already exists; a key is never overwritten", hint="use another name"
        ) from None
    try:
        with open(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink()
        raise
