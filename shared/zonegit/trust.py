"""Record which settings files of folders the operator trusts, and with which settings.

The record of a file is a digest of its settings that need trust. A change of one of them needs
trust again, a change of another setting does not.
"""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from zonegit.errors import Unavailable
from zonegit.files import replace_file

FILE: Final = "trusted.json"
MAX_OCTETS: Final = 1 << 20


def digest(settings: Mapping[str, str]) -> str:
    """Return the digest of settings, which does not depend on their order."""
    text = json.dumps(dict(settings), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find(home: Path, file: Path) -> str | None:
    """Return the digest of the settings that the operator trusts a file with; None if there is
    none.

    Args:
        home: The state folder of this operator.
        file: The settings file, with all links of its folder resolved.
    """
    return _read(home).get(str(file))


def keep(home: Path, file: Path, allowed: str | None) -> None:
    """Record the digest of the trusted settings of a file; None to remove it.

    Raises:
        Unavailable: The record cannot be written.
    """
    known = _read(home)
    known.pop(str(file), None)
    if allowed is not None:
        known[str(file)] = allowed
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(home / FILE, msgspec.json.format(msgspec.json.encode(known)))
    except OSError as error:
        raise Unavailable(f"cannot write {home / FILE}: {error.strerror}") from error


def _read(home: Path) -> dict[str, str]:
    """Return all records; none if others than the operator could have written them."""
    try:
        descriptor = os.open(home / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        is_others = found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if is_others or not stat.S_ISREG(found.st_mode):
            return {}
        try:
            return msgspec.json.decode(file.read(MAX_OCTETS), type=dict[str, str])
        except (OSError, msgspec.MsgspecError, RecursionError):
            return {}
