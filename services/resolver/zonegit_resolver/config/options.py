"""The options of one resolver."""

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
    """The options of one resolver.

    Attributes:
        plan: The plan to serve at first.
        config: The configuration file; None if the plan is from options alone.
        metrics: The address of the HTTP pages; None if there are none.
    """

    name: str
    listen: Sequence[Address]
    plan: ServingPlan
    config: PlanFile | None
    metrics: Address | None


def check_name(name: str) -> str:
    """Check the name of a resolver, and return it.

    Raises:
        Invalid: It cannot be the name of a folder and of a process.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(f"invalid resolver name {name!r}", hint="use letters, digits and . _ -")
    if name in SERVICES:
        raise Invalid(f"invalid resolver name {name!r}: a service of the bus has that name")
    return name


def default_name(listen: Sequence[Address]) -> str:
    """Return host and first port: the same after a restart, so that the resolver finds its
    cache."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname().split(".")[0]) or "resolver"
    return f"{host}-{listen[0].port}"
