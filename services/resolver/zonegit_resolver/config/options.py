"""What one resolver was told to do."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import Invalid
from zonegit.nameserver.acl import Address
from zonegit.wire.messages import RESOLVER_NAME
from zonegit.wire.subjects import SERVICES
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.serving import ServingPlan

_NAME: Final = re.compile(RESOLVER_NAME, re.ASCII)


@dataclass(frozen=True, slots=True)
class ResolverOptions:
    """``plan`` is what to serve at first, and ``config`` the file that it comes from, None: from
    flags alone. ``metrics`` None: no HTTP."""

    name: str
    listen: Sequence[Address]
    plan: ServingPlan
    config: PlanFile | None
    metrics: Address | None


def check_name(name: str) -> str:
    """Raises:
    Invalid: it cannot name a folder and a process.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name!r} cannot name a resolver", hint="use letters, digits and . _ -")
    if name in SERVICES:
        raise Invalid(f"{name!r} cannot name a resolver: a service of the bus has that name")
    return name


def default_name(listen: Sequence[Address]) -> str:
    """Host and first port: the same after a restart, so that it finds its last known good."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname().split(".")[0]) or "resolver"
    return f"{host}-{listen[0].port}"
