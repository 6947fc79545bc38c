"""Make the users of nats-server in the roles of zonegit, and add them to a file of users.

A file of users is JSON, which nats-server reads as configuration: ``include "users.conf"``.
"""

import json
import re
import secrets
from typing import Any, Final
from urllib.parse import quote

from zonegit.errors import Conflict, Invalid
from zonegit.wire import permissions, subjects
from zonegit.wire.permissions import ROLES
from zonegit.wire.services import RESOLVER, SERVICES

MAX_USERS_FILE_OCTETS: Final = 16 * 1024 * 1024
_SCHEME: Final = re.compile(r"(nats|tls)://")


def make_password() -> str:
    """Return a random password that needs no quoting in a URL."""
    # nats-server would read a word that begins with a digit as a number.
    return f"p{secrets.token_urlsafe(24)}"


def make_user(name: str, role: str, password: str) -> dict[str, Any]:
    """Return the entry of a user in the configuration of nats-server.

    Args:
        name: The name of the user: of an operator the actor, of a resolver its ``--name``.
        role: A key of ``ROLES``.
        password: The password.

    Raises:
        Invalid: The name of a store's user is not that of the store.
    """
    services = {each.name for each in SERVICES}
    if role in services and role != RESOLVER.name and name != role:
        raise Invalid(
            f"a user of role {role} cannot be named {name!r}",
            hint=f"name it {role}, which is its actor",
        )
    token = subjects.encode_token(name.encode())
    actor = role if role in services else token
    return {
        "user": name,
        "password": password,
        "permissions": {
            "publish": {"allow": permissions.publish_lines(ROLES[role], actor, token)},
            "subscribe": {"allow": permissions.subscribe_lines(ROLES[role], actor, token)},
        },
    }


def add_user(octets: bytes, user: dict[str, Any]) -> bytes:
    """Return a file of users with one more user.

    Args:
        octets: The content of the file; empty for a new one.
        user: The entry of the user.

    Raises:
        Invalid: The file is not one that this function wrote.
        Conflict: It has a user of that name.
    """
    try:
        content = json.loads(octets or b'{"authorization": {"users": []}}')
        users = content["authorization"]["users"]
        taken = {each["user"] for each in users}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise Invalid(
            "it is not a file of users of zonegit",
            hint="name a new file, and include it in the configuration of nats-server",
        ) from error
    if user["user"] in taken:
        raise Conflict(
            f"it has a user {user['user']!r} already",
            hint="to replace the user, remove its entry from the file first",
        )
    users.append(user)
    return json.dumps(content, indent=2).encode() + b"\n"


def format_environment(url: str, user: dict[str, Any], role: str) -> str:
    """Return the lines of an environment file (systemd.exec(5)) with which a user connects.

    Args:
        url: The URL of the bus, without user and password.
        user: The entry of the user.
        role: Its role.

    Raises:
        Invalid: The URL is not ``nats://HOST:PORT`` or ``tls://HOST:PORT``.
    """
    scheme, separator, host = url.partition("://")
    if not _SCHEME.match(url) or not re.fullmatch(r"[\w.:\[\]-]+", host):
        raise Invalid("invalid URL of the bus", hint="for example nats://192.0.2.10:4222")
    credentials = f"{quote(user['user'], safe='')}:{quote(user['password'], safe='')}"
    lines = [f"ZONEGIT_NATS_URL={scheme}{separator}{credentials}@{host}"]
    if role not in {each.name for each in SERVICES}:
        lines.append(f"ZONEGIT_ACTOR={quote(user['user'], safe='@+')}")
    return "".join(f"{line}\n" for line in lines)
