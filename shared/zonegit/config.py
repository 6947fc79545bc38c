"""Settings: where the bus is, where data lies, who is asking.

A flag wins over ``ZONEGIT_*``, that over ``.zonegit.toml`` in the working folder, that over a
context, that over the local stack that ``zonegit up`` recorded. Read once, at a process's edge:
everything below is handed values.
"""

import getpass
import json
import os
import re
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from zonegit import settings_file
from zonegit.errors import Invalid, NotFound
from zonegit.files import open_file
from zonegit.settings_file import FOLDER_FILE, SettingsFile

STACK_FILE: Final = "stack.json"
MAX_STACK_OCTETS: Final = 1 << 20
MAX_LOGIN: Final = 64


class HeadOverride(msgspec.Struct, frozen=True):
    """A setting that wins over HEAD, with where it was found, for messages."""

    value: str
    source: str


class BusSettings(msgspec.Struct, frozen=True):
    """How to reach the bus. ``url`` may hold a user and a password; ``creds`` is a NATS
    credentials file, ``ca`` a PEM file of authorities for ``tls://``, ``cert`` and ``key`` the PEM
    files of the certificate that is shown to the bus, where ``key`` None: the key is in ``cert``,
    too. None: not used."""

    url: str
    creds: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def shown(self) -> str:
        """The URL without secrets, for logs and messages."""
        return strip_secrets(self.url)


class ClientSettings(msgspec.Struct, frozen=True):
    """What one process was told, from all its sources. ``signing_key`` is a private key's file,
    ``trusted_keys`` a public key's, or a folder of such; None: no commit is signed, no key
    trusted. ``date`` is the time that commits bear, with its offset; None: that of the clock.
    ``workspace_scheme`` is how zones lie as files, None: not said; ``zone_schemes`` those of some
    zones, by their names as they were written. ``ttl`` is that of new RRsets for which none is
    typed, as text; None: not said. ``zone`` and ``branch`` are those that commands work in, None:
    HEAD decides. ``include_folders`` are those that master files may include from, in addition
    to their own."""

    data: Path
    actor: str
    name: str
    email: str
    bus: BusSettings | None
    signing_key: Path | None = None
    trusted_keys: Path | None = None
    date: datetime | None = None
    workspace_scheme: str | None = None
    zone_schemes: Mapping[str, str] = {}  # msgspec copies it
    ttl: str | None = None
    zone: HeadOverride | None = None
    branch: HeadOverride | None = None
    include_folders: Sequence[Path] = ()


def strip_secrets(url: str) -> str:
    """A URL without its user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def load(
    env: Mapping[str, str], folder: Path, *, data: Path | None = None, role: str = "cli"
) -> ClientSettings:
    """Merges all sources. ``data`` is the flag, ``role`` the user of the local stack to be.

    Raises:
        Invalid: a settings file or the date is malformed; names it.
        NotFound: the context that was asked for does not exist.
        Denied: the folder's file sets what the operator does not trust it with.
    """
    here = settings_file.read_trusted(folder, default_state(env), _trusted_folders(env))
    context = env.get("ZONEGIT_CONTEXT") or here.values.get("context")
    named = _read_context(env, context) if context else SettingsFile({}, {})
    merged = {**named.values, **here.values}
    root = data or _expand_path(env.get("ZONEGIT_DATA") or merged.get("data")) or default_data(env)
    login = _read_login()
    actor = env.get("ZONEGIT_ACTOR") or merged.get("actor") or _make_actor(login)
    return ClientSettings(
        data=root,
        actor=actor,
        name=env.get("ZONEGIT_AUTHOR_NAME") or merged.get("name") or actor,
        email=env.get("ZONEGIT_AUTHOR_EMAIL")
        or merged.get("email")
        or f"{actor}@{socket.gethostname()}",
        # A stack that was named is meant, whatever a file says of another bus.
        bus=_find_bus(env, [] if data or env.get("ZONEGIT_DATA") else [here, named], root, role),
        signing_key=_expand_path(env.get("ZONEGIT_SIGNING_KEY") or merged.get("signing_key")),
        trusted_keys=_expand_path(env.get("ZONEGIT_TRUSTED_KEYS") or merged.get("trusted_keys")),
        date=_parse_date(env.get("ZONEGIT_DATE")),
        workspace_scheme=env.get("ZONEGIT_WORKSPACE_SCHEME") or merged.get("workspace-scheme"),
        zone_schemes={
            zone: found["workspace-scheme"]
            for zone, found in {**named.zones, **here.zones}.items()
            if "workspace-scheme" in found
        },
        ttl=env.get("ZONEGIT_TTL") or merged.get("ttl"),
        zone=_choose_override(env, "ZONEGIT_ZONE", here.values, merged, "default-zone"),
        branch=_choose_override(env, "ZONEGIT_BRANCH", here.values, merged, "default-branch"),
        include_folders=_split_folders(env.get("ZONEGIT_INCLUDE_FOLDERS")),
    )


def _choose_override(
    env: Mapping[str, str],
    variable: str,
    here: Mapping[str, str],
    merged: Mapping[str, str],
    key: str,
) -> HeadOverride | None:
    """Return what wins over HEAD: a variable, else a key of the folder's file or the context."""
    if value := env.get(variable):
        return HeadOverride(value, variable)
    if value := merged.get(key):
        return HeadOverride(value, f"{key} in {FOLDER_FILE if key in here else 'the context'}")
    return None


def default_data(env: Mapping[str, str]) -> Path:
    """Where a stack keeps its data when nobody said."""
    home = env.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(home) / "zonegit"


def default_state(env: Mapping[str, str]) -> Path:
    """Where an operator's commands keep what is not done yet."""
    home = env.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "zonegit"


def read_stack(data: Path) -> dict[str, Any] | None:
    """What ``zonegit up`` recorded below ``data``; None when no stack was started there.

    Raises:
        Invalid: the record is malformed.
    """
    try:
        with open_file(data / STACK_FILE) as file:
            record = json.loads(file.read(MAX_STACK_OCTETS))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid(f"cannot read {data / STACK_FILE}: {error.strerror}") from error
    except (ValueError, RecursionError):
        record = None
    match record:
        case {"bus": {"url": str(), "users": dict()}, "pid": int(), "dns": [str(), *_]}:
            return dict(record)
        case _:
            raise Invalid(
                f"{data / STACK_FILE} is not the record of a stack",
                hint="zonegit up writes one; remove this one if no stack runs from there",
            )


def _find_bus(
    env: Mapping[str, str], files: Sequence[SettingsFile], data: Path, role: str
) -> BusSettings | None:
    # A file's credentials travel to the server that this file names, and to no other.
    source = next((each.values for each in files if each.values.get("url")), {})
    url = env.get("ZONEGIT_NATS_URL")
    if url:
        source = {}
    url = url or source.get("url")
    if url:
        return BusSettings(
            url,
            _expand_path(env.get("ZONEGIT_NATS_CREDS") or source.get("creds")),
            _expand_path(env.get("ZONEGIT_NATS_CA") or source.get("ca")),
            _expand_path(env.get("ZONEGIT_NATS_CERT") or source.get("cert")),
            _expand_path(env.get("ZONEGIT_NATS_KEY") or source.get("key")),
        )
    record = read_stack(data)
    if record is None:
        return None
    bus = record["bus"]
    parts = urlsplit(bus["url"])
    password = bus["users"].get(role)
    netloc = f"{role}:{password}@{parts.netloc}" if password else parts.netloc
    return BusSettings(urlunsplit(parts._replace(netloc=netloc)))


def _split_folders(text: str | None) -> list[Path]:
    return [Path(each).expanduser() for each in (text or "").split(os.pathsep) if each]


def _trusted_folders(env: Mapping[str, str]) -> list[Path]:
    """Return the folders that the environment trusts, which is for CI."""
    named = (env.get("ZONEGIT_TRUSTED_FOLDERS") or "").split(os.pathsep)
    return [Path(each).resolve() for each in named if os.path.isabs(each)]


def _read_context(env: Mapping[str, str], name: str) -> SettingsFile:
    home = Path(env.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))
    path = home / "zonegit" / "contexts" / f"{name}.toml"
    if "/" in name or not path.is_file():
        raise NotFound(f"there is no context {name!r}", hint=f"a context is a file {path}")
    return settings_file.read(path)


def _parse_date(text: str | None) -> datetime | None:
    """Raises:
    Invalid: it is no time since 1970, or one without an offset to the minute.
    """
    if not text:
        return None
    try:
        seconds = re.fullmatch(r"\d{1,12}", text, re.ASCII)
        date = datetime.fromtimestamp(int(text), UTC) if seconds else datetime.fromisoformat(text)
        offset = date.utcoffset()
        if offset is not None and not offset.seconds % 60 and date.timestamp() >= 0:
            return date
    except (ValueError, OverflowError, OSError):
        pass
    raise Invalid(
        f"ZONEGIT_DATE is {text[:40]!r}, which is no time since 1970 with an offset",
        hint="write 2026-11-21T08:30:00+01:00, or seconds since 1970",
    )


def _expand_path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _read_login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def _make_actor(login: str) -> str:
    """A login name as an operator's: ``CORP\\ann`` of a directory service is ``CORP-ann``."""
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", login).lstrip("._@+-")[:MAX_LOGIN] or "operator"
