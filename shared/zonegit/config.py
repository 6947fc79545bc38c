"""Read the settings of a process: the bus, the data folder, the actor.

An option overrides ``ZONEGIT_*``, which overrides ``.zonegit.toml`` in the working folder, which
overrides a context, which overrides the local stack that ``zonegit up`` recorded. A process reads
its settings once, at the start, and passes on values.
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
    """A setting that overrides HEAD, with its source for messages."""

    value: str
    source: str


class BusSettings(msgspec.Struct, frozen=True):
    """The settings of a connection to the bus. None: not used.

    Attributes:
        url: The URL, which may contain a user and a password.
        creds: A NATS credentials file.
        ca: A PEM file of authorities for ``tls://``.
        cert: The PEM file of the client certificate.
        key: The PEM file of its key; None if the key is in ``cert``.
    """

    url: str
    creds: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @property
    def shown(self) -> str:
        """Return the URL without secrets, for logs and messages."""
        return strip_secrets(self.url)


class ClientSettings(msgspec.Struct, frozen=True):
    """The settings of one process, from all sources.

    Attributes:
        signing_key: The file of a private key; None to sign no commits.
        trusted_keys: The file of a public key, or a folder of such files; None to trust no key.
        date: The time of commits, with its offset; None for that of the clock.
        workspace_scheme: The scheme of zone files in workspaces; None if it is not set.
        zone_schemes: The schemes of single zones, by their names as written.
        ttl: The TTL of new RRsets that are given none, as text; None if it is not set.
        zone: The zone that commands work in; None if HEAD decides.
        branch: The branch that commands work on; None if HEAD decides.
        include_folders: Folders that master files may include from, in addition to their own.
    """

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
    """Return a URL without its user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def load(
    env: Mapping[str, str], folder: Path, *, data: Path | None = None, role: str = "cli"
) -> ClientSettings:
    """Merge all sources of settings.

    Args:
        env: The environment.
        folder: The working folder.
        data: The data folder of the option; None if it is not given.
        role: The user of the local stack.

    Raises:
        Invalid: A settings file or the date is malformed; the error names it.
        NotFound: The requested context does not exist.
        Denied: The file of the folder sets something that the operator does not trust it with.
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
        # A data folder that is given selects its stack; the bus of a settings file is ignored.
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
    """Return the override of HEAD: a variable, otherwise a key in the file of the folder or the
    context."""
    if value := env.get(variable):
        return HeadOverride(value, variable)
    if value := merged.get(key):
        return HeadOverride(value, f"{key} in {FOLDER_FILE if key in here else 'the context'}")
    return None


def default_data(env: Mapping[str, str]) -> Path:
    """Return the default data folder of a stack."""
    home = env.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(home) / "zonegit"


def default_state(env: Mapping[str, str]) -> Path:
    """Return the state folder of the commands of an operator."""
    home = env.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(home) / "zonegit"


def read_stack(data: Path) -> dict[str, Any] | None:
    """Return the record of ``zonegit up`` in a data folder; None if no stack was started there.

    Raises:
        Invalid: The record is malformed.
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
                hint="if no stack runs there, remove the file; zonegit up writes a new one",
            )


def _find_bus(
    env: Mapping[str, str], files: Sequence[SettingsFile], data: Path, role: str
) -> BusSettings | None:
    # The credentials of a file are sent only to the server that this file names.
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
        raise NotFound(f"there is no context {name!r}", hint=f"expected the file {path}")
    return settings_file.read(path)


def _parse_date(text: str | None) -> datetime | None:
    """Parse the date of commits.

    Raises:
        Invalid: It is before 1970, or has no offset in whole minutes.
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
        f"invalid ZONEGIT_DATE {text[:40]!r}: expected a time since 1970 with an offset",
        hint="for example 2026-11-21T08:30:00+01:00, or seconds since 1970",
    )


def _expand_path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _read_login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def _make_actor(login: str) -> str:
    """Return the name of an operator from a login name: ``CORP\\ann`` of a directory service
    becomes ``CORP-ann``."""
    return re.sub(r"[^A-Za-z0-9._@+-]+", "-", login).lstrip("._@+-")[:MAX_LOGIN] or "operator"
