"""The session of a command: its settings, the bus, the stores and its output."""

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit import config
from zonegit.config import BusSettings, ClientSettings
from zonegit.errors import Invalid, Unavailable
from zonegit.objects.model import Identity
from zonegit.store import ref_names
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import fields
from zonegit_cli.output import Output
from zonegit_cli.stack import record

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus
    from zonegit.bus.propagation import Waiter, ZoneBranch
    from zonegit.bus.resolver_status import ResolverSurvey
    from zonegit.repo.repo import PositionDefaults, Repo
    from zonegit.store.refs import Adopter
    from zonegit.zonefile.includes import Includes
    from zonegit_cli.head_notes import SessionHead


INSTALLATION_DIGITS: Final = 32
"""Digits of the digest that identifies an installation in ``terminal``."""


@dataclass(frozen=True)
class Session:
    """One run of one command.

    Args:
        output: prints the result.
        timeout: of each request and of ``--wait``, in seconds.
        data: the value of ``--data``.
        sign: signs commits; None to make unsigned commits.
    """

    output: Output
    timeout: float
    data: Path | None = None
    sign: Callable[[bytes], str] | None = None

    @cached_property
    def settings(self) -> ClientSettings:
        """Return the settings, which are read when they are first needed."""
        return config.load(os.environ, Path(), data=self.data)

    @cached_property
    def head(self) -> "SessionHead":
        """Return the HEAD that this command uses, and the one its terminal session used last."""
        from zonegit_cli import terminal
        from zonegit_cli.head_notes import SessionHead

        bus = self.settings.bus
        where = (str(self.settings.data), bus.shown if bus else "", self.settings.actor)
        installation = sha256("\0".join(where).encode()).hexdigest()[:INSTALLATION_DIGITS]
        return SessionHead(self.state, terminal.find_terminal(), installation)

    @cached_property
    def default(self) -> "PositionDefaults":
        """Return the zone and branch of the settings, which override HEAD.

        Raises:
            Invalid: the name of the zone or the branch is malformed; names the setting.
        """
        from zonegit.repo.repo import PositionDefaults

        zone, branch = self.settings.zone, self.settings.branch
        try:
            named = names.parse(zone.value) if zone else None
        except Invalid as error:
            assert zone is not None
            raise Invalid(f"{zone.source}: {error.message}", hint=error.hint) from error
        try:
            short = ref_names.check_name(branch.value) if branch else None
        except Invalid as error:
            assert branch is not None
            raise Invalid(f"{branch.source}: {error.message}", hint=error.hint) from error
        return PositionDefaults(
            named, short, zone.source if zone else "", branch.source if branch else ""
        )

    @cached_property
    def state(self) -> Path:
        """Return the folder of this operator's state on this machine."""
        return config.default_state(os.environ)

    @cached_property
    def include(self) -> "Includes":
        """Return the opener of files that master files include."""
        from zonegit.zonefile.includes import Includes
        from zonegit.zonefile.reader import MAX_OCTETS

        return Includes(MAX_OCTETS, self.settings.include_folders)

    @cached_property
    def ttl(self) -> int | None:
        """Return the TTL of new RRsets without one; None for the MINIMUM field of the SOA.

        Raises:
            Invalid: the setting is not a TTL.
        """
        if self.settings.ttl is None:
            return None
        try:
            return fields.parse_ttl(self.settings.ttl)
        except Invalid as error:
            raise Invalid(f"ZONEGIT_TTL: {error.message}", hint=error.hint) from None

    def with_signing_key(self, key: Path | None) -> "Session":
        """Return the session with commits signed by the private key in a file; None for the
        configured key, if any.

        Raises:
            NotFound: the file cannot be read.
            Invalid: it does not hold a private key.
        """
        path = key or self.settings.signing_key
        if path is None:
            return self
        from zonegit_cli.parse import key_files

        signer = key_files.read_signing_key(path)
        if key_files.is_exposed(path):
            self.output.print_note(f"other users can read the private key: chmod 600 {path}")
        return replace(self, sign=signer.sign)

    def require_bus(self) -> BusSettings:
        """Return the settings of the bus.

        Raises:
            Unavailable: no bus is configured and no stack was started.
        """
        if self.settings.bus is None:
            raise Unavailable(
                f"no bus: no stack runs from {self.settings.data}, and no bus is configured",
                hint="start one with zonegit up --detach, or set ZONEGIT_DATA or ZONEGIT_NATS_URL",
            )
        return self.settings.bus

    def list_local_resolvers(self) -> frozenset[str]:
        """Return the resolvers of the local stack; none if the bus is that of another machine."""
        stack = config.read_stack(self.settings.data)
        bus = self.settings.bus
        if stack is None or bus is None or bus.shown != stack["bus"]["url"]:
            return frozenset()
        return frozenset(record.list_resolver_names(stack.get("resolvers", 0)))

    def watch_branches(
        self, bus: "Bus", places: Sequence["ZoneBranch"], *, wanted: bool
    ) -> "AbstractAsyncContextManager[list[Waiter]]":
        """Collect the reports of resolvers about branches while the context is open; see
        :func:`zonegit.bus.propagation.watch_branches`."""
        from zonegit.bus import propagation

        return propagation.watch_branches(
            bus,
            places,
            self.settings.actor,
            expected=self.list_local_resolvers() if wanted else (),
            timeout=self.timeout,
            wanted=wanted,
        )

    async def survey_resolvers(self, bus: "Bus", zone: Name | None = None) -> "ResolverSurvey":
        """Ask every resolver what it serves of a zone; None for all zones.

        Raises:
            Unavailable: the ref store does not list the resolvers.
        """
        from zonegit.bus import resolver_status

        return await resolver_status.survey(
            bus,
            self.settings.actor,
            zone,
            expected=self.list_local_resolvers(),
            timeout=self.timeout,
        )

    @asynccontextmanager
    async def connect_bus(self) -> AsyncIterator["Bus"]:
        """Connect to the bus.

        Raises:
            Unavailable: it cannot be reached; names the URL.
        """
        from zonegit.bus.connection import connect

        actor = self.settings.actor
        async with connect(self.require_bus(), name=f"cli-{actor}", actor=actor) as bus:
            yield bus

    def make_repo(self, bus: "Bus") -> "Repo":
        """Return the stores, used over the bus on behalf of the operator."""
        from zonegit.bus.remote_objects import RemoteObjects
        from zonegit.bus.remote_refs import RemoteRefs
        from zonegit.repo.repo import Repo

        actor = ref_names.check_actor(self.settings.actor)
        return Repo(
            RemoteObjects(bus, actor, timeout=self.timeout),
            RemoteRefs(bus, actor, timeout=self.timeout),
            actor,
            self._make_identity,
            self.sign,
            self.output.print_note,
            self.default,
            self.head,
        )

    def make_adopter(self, bus: "Bus") -> "Adopter":
        """Return the client that imports stores of the original zonegit."""
        from zonegit.bus.remote_refs import RemoteRefs

        actor = ref_names.check_actor(self.settings.actor)
        return RemoteRefs(bus, actor, timeout=self.timeout)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Repo"]:
        """Connect to the bus and return the stores, for commands that do not use the bus itself."""
        async with self.connect_bus() as bus:
            yield self.make_repo(bus)

    def _make_identity(self) -> Identity:
        at = self.settings.date or datetime.now().astimezone()
        return Identity(self.settings.name, self.settings.email, int(at.timestamp()), f"{at:%z}")
