"""Which settings files of folders the operator trusts, and with what in them.

What was allowed is kept as a digest of those settings that need trust, so a change of one of them
has to be allowed again, and a change of another does not.
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
    """Return what stands for settings: the same for the same keys and values in any order."""
    text = json.dumps(dict(settings), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find(home: Path, file: Path) -> str | None:
    """Return the digest of what the operator allowed a settings file; None: nothing.

    Args:
        home: the folder of what this operator's commands keep.
        file: the settings file, with all links of its folder resolved.
    """
    return _read(home).get(str(file))


def keep(home: Path, file: Path, allowed: str | None) -> None:
    """Remember what a settings file is allowed, None: nothing any more.

    Raises:
        Unavailable: there is nowhere to keep it.
    """
    known = _read(home)
    known.pop(str(file), None)
    if allowed is not None:
        known[str(file)] = allowed
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(home / FILE, msgspec.json.format(msgspec.json.encode(known)))
    except OSError as error:
        raise Unavailable(f"cannot keep what is trusted in {home}: {error.strerror}") from error


def _read(home: Path) -> dict[str, str]:
    """Return all that is kept; nothing where others than the operator could have written it."""
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
