"""Read settings files: that of a working folder, and the contexts of the operator.

A folder can come from others: an archive, a repository, a shared disk. Settings of its file that
say how to work take effect. Settings that choose the bus, the identity or keys take effect only
after the operator has trusted the file with them (:mod:`zonegit.trust`).
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
"""Keys in the file of a folder that need trust: they choose the bus, the identity or keys."""
MAX_FILE_OCTETS: Final = 1 << 20
ZONES: Final = "zone"
"""The table of a settings file with a table for each zone that has settings of its own."""
ZONE_KEYS: Final = frozenset({"workspace-scheme"})


class SettingsFile(NamedTuple):
    """A settings file: its top-level settings, and those of zones."""

    values: dict[str, str]
    zones: dict[str, dict[str, str]]


class FolderFile(NamedTuple):
    """The settings file of a folder: its path without links, its owner, and those of its settings
    that need trust."""

    path: Path
    owner: int
    restricted: Mapping[str, str]


def read_folder(folder: Path) -> FolderFile:
    """Return the settings of the file of a folder that need trust.

    Raises:
        Invalid: It is malformed; the error names it.
    """
    return _read_folder(folder)[0]


def _read_folder(folder: Path) -> tuple[FolderFile, SettingsFile]:
    content, owner = _read_owned(folder / FOLDER_FILE)
    restricted = {key: content.values[key] for key in content.values if key in RESTRICTED_KEYS}
    return FolderFile(folder.resolve() / FOLDER_FILE, owner, restricted), content


def read_trusted(folder: Path, home: Path, trusted: Collection[Path]) -> SettingsFile:
    """Return the settings of the file of a folder.

    Args:
        folder: The folder.
        home: The state folder of this operator.
        trusted: Folders, with all links resolved, whose files are trusted with all settings.

    Raises:
        Invalid: The file is malformed; the error names it.
        Denied: It sets something that it is not trusted with.
    """
    file, content = _read_folder(folder)
    if file.restricted and file.path.parent not in trusted:
        require_owned(file)
        allowed = trust.find(home, file.path)
        if allowed != trust.digest(file.restricted):
            changed = "" if allowed is None else ": it was changed"
            raise Denied(
                f"{file.path} sets {', '.join(sorted(file.restricted))} and is not trusted"
                f" with that{changed}",
                hint="read the file, then run zonegit config trust",
            )
    return content


def require_owned(file: FolderFile) -> None:
    """Check the owner of a file: another user could change it at any time.

    Raises:
        Denied: It belongs to neither this user nor root.
    """
    if file.owner not in (os.geteuid(), 0):
        raise Denied(
            f"{file.path} belongs to another user and sets {', '.join(sorted(file.restricted))}",
            hint="write a file of your own, or name its folder in ZONEGIT_TRUSTED_FOLDERS",
        )


def read(path: Path) -> SettingsFile:
    """Return the settings of a file; none if it does not exist.

    Raises:
        Invalid: It is malformed; the error names it.
    """
    return _read_owned(path)[0]


def _read_owned(path: Path) -> tuple[SettingsFile, int]:
    """Return the settings of a file, none if it does not exist, and the user it belongs to.

    Raises:
        Invalid: It is malformed or cannot be read; the error names it.
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
        raise Invalid(f"{path} is not valid TOML: {error}") from error
    zones = content.pop(ZONES, {})
    if not isinstance(zones, dict):
        raise Invalid(
            f"{path}: {ZONES!r} is not a setting, but a table of zones",
            hint=f"default-zone sets the zone to work in; [{ZONES}.NAME] begins a table",
        )
    _check_keys(str(path), content, KNOWN_KEYS)
    for zone, values in zones.items():
        _check_keys(f"{path}: {ZONES} {zone!r}", values, ZONE_KEYS)
    return SettingsFile(content, zones)


def _check_keys(where: str, values: Any, known: AbstractSet[str]) -> None:
    """Check a table of settings.

    Raises:
        Invalid: It is not a table, or a setting is unknown or not a string.
    """
    for key, value in values.items() if isinstance(values, dict) else [(values, None)]:
        if key not in known or not isinstance(value, str):
            listed = ", ".join(sorted(known))
            raise Invalid(
                f"{where}: {key!r} is not a setting", hint=f"settings, all strings: {listed}"
            )
