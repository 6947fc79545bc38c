"""What one resolver was told to do."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import Invalid
from zonegit.zone.names import Name
from zonegit_resolver.canary import Canary
from zonegit_resolver.listeners import Address
from zonegit_resolver.transfer import Network

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Options:
    """``only`` empty: every zone. ``at`` None: the branch is followed; else each zone stays at the
    commit this refish stands for. ``metrics`` None: no HTTP."""

    name: str
    listen: Sequence[Address]
    only: tuple[Name, ...]
    branch: str
    at: str | None
    canary: Canary | None
    metrics: Address | None
    transfer_to: tuple[Network, ...]

    @property
    def branches(self) -> tuple[str, ...]:
        """What is served of each zone: the default state's label, then the canary's branch."""
        first = self.at if self.at is not None else self.branch
        return (first,) if self.canary is None else (first, self.canary.branch)


def checked(options: Options) -> Options:
    """Raises:
    Invalid: options that contradict each other.
    """
    if not _NAME.fullmatch(options.name):
        raise Invalid(
            f"{options.name!r} cannot name a resolver", hint="use letters, digits and . _ -"
        )
    if options.at is not None and options.canary is not None:
        raise Invalid("a pinned resolver has no canary", hint="give --at or --canary")
    if options.canary is not None and options.canary.branch == options.branch:
        raise Invalid(f"{options.branch} is the default branch already, and so no canary")
    return options


def default_name(listen: Sequence[Address]) -> str:
    """Host and first port: the same after a restart, so that it finds its last known good."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname().split(".")[0]) or "resolver"
    return f"{host}-{listen[0].port}"
