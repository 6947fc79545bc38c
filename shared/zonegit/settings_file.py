"""Settings files: that of a working folder, and contexts of the operator's own.

A folder may come from others: an archive, a repository, a shared disk. Its file takes effect where
it says how to work. Where it says whom to talk to, as whom and with which keys, it does so once the
operator trusts it with that (:mod:`zonegit.trust`).
"""

import os
import stat
import tomllib
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Final, NamedTuple

from zonegit import trust
from zonegit.errors import Denied, Invalid
from zonegit.files import open_file

FOLDER_FILE: Final = ".zonegit.toml"
KNOWN_KEYS: Final = frozenset({
    "url", "creds", "ca", "cert", "key", "actor", "name", "email", "data", "context",
    "signing_key", "trusted_keys", "workspace-scheme", "ttl", "default-zone", "default-branch",
})  # fmt: skip
RESTRICTED_KEYS: Final = frozenset({
    "url", "creds", "ca", "cert", "key", "context", "data", "actor", "signing_key", "trusted_keys",
})  # fmt: skip
"""Keys of a folder's file that take effect once the operator trusts them: they say whom to talk
to, as whom, and with which keys."""
MAX_FILE_OCTETS: Final = 1 << 20
ZONES: Final = "zone"
"""The table of a settings file that holds a table for each zone that is treated otherwise."""
ZONE_KEYS: Final = frozenset({"workspace-scheme"})


class SettingsFile(NamedTuple):
    """A settings file: its own keys, and those of each zone that it treats otherwise."""

    values: dict[str, str]
    zones: dict[str, dict[str, str]]


class FolderFile(NamedTuple):
    """A folder's settings file: its path without links, the user it belongs to, and those of its
    settings that need trust."""

    path: Path
    owner: int
    restricted: Mapping[str, str]


def read_folder(folder: Path) -> FolderFile:
    """Return what needs trust in a folder's settings file.

    Raises:
        Invalid: it is malformed; names it.
    """
    return _read_folder(folder)[0]


def _read_folder(folder: Path) -> tuple[FolderFile, SettingsFile]:
    content, owner = _read_owned(folder / FOLDER_FILE)
    restricted = {key: content.values[key] for key in content.values if key in RESTRICTED_KEYS}
    return FolderFile(folder.resolve() / FOLDER_FILE, owner, restricted), content


def read_trusted(folder: Path, home: Path, trusted: Collection[Path]) -> SettingsFile:
    """Return what a folder's settings file says.

    Args:
        folder: the folder.
        home: where this operator keeps what is trusted.
        trusted: folders, with all links resolved, whose files are trusted with anything.

    Raises:
        Invalid: the file is malformed; names it.
        Denied: it sets what it is not trusted with.
    """
    file, content = _read_folder(folder)
    if file.restricted and file.path.parent not in trusted:
        require_owned(file)
        allowed = trust.find(home, file.path)
        if allowed != trust.digest(file.restricted):
            changed = "" if allowed is None else " any more: it was changed"
            raise Denied(
                f"{file.path} sets {', '.join(sorted(file.restricted))} and is not trusted"
                f" with that{changed}",
                hint="read the file, then trust it: zonegit config trust",
            )
    return content


def require_owned(file: FolderFile) -> None:
    """Refuse the file of another user, who could change it at any time.

    Raises:
        Denied: it belongs to neither this user nor root.
    """
    if file.owner not in (os.geteuid(), 0):
        raise Denied(
            f"{file.path} belongs to another user and sets {', '.join(sorted(file.restricted))}",
            hint="write a file of your own, or name its folder in ZONEGIT_TRUSTED_FOLDERS",
        )


def read(path: Path) -> SettingsFile:
    """Return what a settings file says, nothing where there is none.

    Raises:
        Invalid: it is malformed; names it.
    """
    return _read_owned(path)[0]


def _read_owned(path: Path) -> tuple[SettingsFile, int]:
    """Return what a settings file says, nothing where there is none, and the user it belongs to.

    Raises:
        Invalid: it is no such file, or cannot be read; names it.
    """
    try:
        with open_file(path) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise Invalid(f"{path} is not a regular file")
            octets = file.read(MAX_FILE_OCTETS + 1)
    except FileNotFoundError:
        return SettingsFile({}, {}), os.geteuid()
    except OSError as error:
        raise Invalid(f"cannot read {path}: {error.strerror}") from error
    return _parse(path, octets), found.st_uid


def _parse(path: Path, octets: bytes) -> SettingsFile:
    if len(octets) > MAX_FILE_OCTETS:
        raise Invalid(f"{path} is longer than {MAX_FILE_OCTETS} octets")
    try:
        content = tomllib.loads(octets.decode())
    except (ValueError, RecursionError) as error:
        raise Invalid(f"{path} is not TOML: {error}") from error
    zones = content.pop(ZONES, {})
    if not isinstance(zones, dict):
        raise Invalid(
            f"{path}: {ZONES!r} is not a setting but a table for each zone",
            hint=f"set default-zone for the zone to work in; write [{ZONES}.NAME] for a table",
        )
    _check_keys(str(path), content, KNOWN_KEYS)
    for zone, values in zones.items():
        _check_keys(f"{path}: {ZONES} {zone!r}", values, ZONE_KEYS)
    return SettingsFile(content, zones)


def _check_keys(where: str, values: Any, known: AbstractSet[str]) -> None:
    """Raises:
    Invalid: this is no table of settings as text, or one of them is not known.
    """
    for key, value in values.items() if isinstance(values, dict) else [(values, None)]:
        if key not in known or not isinstance(value, str):
            listed = ", ".join(sorted(known))
            raise Invalid(f"{where}: {key!r} is not a setting", hint=f"settings, as text: {listed}")
