"""How each zone is to be served, and how the server is to behave: what flags and file come to.
Pure.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from zonegit.errors import Invalid
from zonegit.nameserver.acl import LOOPBACK, Access, Secondary
from zonegit.nameserver.answer import canary
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.tsig import Keys
from zonegit.repo import refish
from zonegit.store import ref_names
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.config import values

T = TypeVar("T")

ZoneSettings = Mapping[str, str]
"""Text by the name of a setting, as flags and file have it; empty: switched off."""

BRANCH: Final = "branch"
CANARY: Final = "canary"
SALT: Final = "canary-salt"
AT: Final = "at"
QUERY_FROM: Final = "allow-query"
TRANSFER_TO: Final = "allow-transfer"
TELL: Final = "notify"
SETTINGS: Final = (BRANCH, CANARY, SALT, AT, QUERY_FROM, TRANSFER_TO, TELL)
"""Of one zone, or of all."""

KEYS: Final = "keys"
NSID: Final = "nsid"
IDENTITY: Final = "identity"
VERSION: Final = "server-version"
MINIMAL: Final = "minimal-responses"
CEILING: Final = "max-udp-size"
CONNECTIONS: Final = "max-tcp"
OF_SUBNET: Final = "max-tcp-per-subnet"
TRANSFERS: Final = "max-transfers"
COMMON: Final = (
    KEYS, NSID, IDENTITY, VERSION, MINIMAL, CEILING, CONNECTIONS, OF_SUBNET, TRANSFERS,
)  # fmt: skip
"""Of the server."""
CEILINGS: Final = (512, 4_096)
MOST_CONNECTIONS: Final = 100_000
MAX_TRANSFERS: Final = 1_000

LONGEST: Final = 1_024
"""Characters of a setting."""


@dataclass(frozen=True, slots=True)
class Serving:
    """How one zone is served. ``at`` None: its branch is followed; else it stays at the commit
    that this refish stands for, ``branch`` being what HEAD means in it. ``query_from`` None:
    everybody may ask. ``notify`` are told of each change."""

    branch: str = ref_names.DEFAULT_BRANCH
    canary: Canary | None = None
    at: str | None = None
    query_from: Access | None = None
    transfer_to: Access = LOOPBACK
    notify: tuple[Secondary, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """What its states are called: the default one, then the canary's."""
        first = self.at if self.at is not None else self.branch
        return (first,) if self.canary is None else (first, self.canary.branch)

    def follows(self, branch: str) -> bool:
        """Whether a move of that branch is to be served."""
        return self.at is None and branch in self.labels

    def __str__(self) -> str:
        return ", ".join((self._state(), *self._company()))

    def _state(self) -> str:
        if self.at is not None:
            return f"at {self.at}"
        if self.canary is None:
            return self.branch
        split = f"{self.canary.branch}:{self.canary.percent} by {self.canary.salt}"
        return f"{self.branch}, canary {split}"

    def _company(self) -> Iterator[str]:
        if self.query_from is not None:
            yield f"for {self.query_from}"
        if self.transfer_to != LOOPBACK:
            yield f"transferred to {self.transfer_to}"
        if self.notify:
            yield f"notifying {' '.join(map(str, self.notify))}"


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """How all zones are served, and the server behaves. ``zones`` are those with settings of their
    own; ``only`` those that are served at all, every one when it is empty. ``keys_file`` is where
    the keys of ``conduct`` are from, None when there are none."""

    default: Serving = field(default_factory=Serving)
    zones: Mapping[Name, Serving] = field(default_factory=dict)
    only: frozenset[Name] = frozenset()
    conduct: ServerOptions = field(default_factory=ServerOptions)
    keys_file: Path | None = None

    def of(self, zone: Name) -> Serving | None:
        """How a zone is served; None: it is not."""
        if self.only and zone not in self.only:
            return None
        return self.zones.get(zone, self.default)

    def labels(self, zone: Name) -> tuple[str, ...]:
        """What the states of a zone are called, the default one's first; none when it is not
        served."""
        serving = self.of(zone)
        return serving.labels if serving is not None else ()

    def follows(self, zone: Name, branch: str) -> bool:
        """Whether a move of that branch of a zone is to be served."""
        serving = self.of(zone)
        return serving is not None and serving.follows(branch)

    def is_pinned(self, zone: Name) -> bool:
        """Whether a zone stays where it is, whatever its branches do."""
        serving = self.of(zone)
        return serving is not None and serving.at is not None


def over(defaults: ZoneSettings, own: ZoneSettings) -> ZoneSettings:
    """``own`` settings, with ``defaults`` where they say nothing. A pin puts aside the canary it
    would inherit, and a canary the pin."""
    rest = dict(defaults)
    for one, other in ((AT, CANARY), (CANARY, AT)):
        if own.get(one) and other not in own:
            rest.pop(other, None)
    return {**rest, **own}


def serving(settings: ZoneSettings, keys: Collection[Name] = ()) -> Serving:
    """What the settings of a zone come to, when there are these ``keys``.

    Raises:
        Invalid: one is malformed, or two contradict each other; ``details["setting"]`` is it.
    """
    _check_lengths(settings)
    salt = settings.get(SALT, canary.DEFAULT_SALT)
    branch = settings.get(BRANCH, ref_names.DEFAULT_BRANCH)
    _read(BRANCH, branch, ref_names.checked)
    at, split = settings.get(AT) or None, None
    if at is not None:
        _read(AT, at, refish.parse)
    if share := settings.get(CANARY):
        split = _read(CANARY, share, lambda text: canary.parse_canary(text, salt))
    if at is not None and split is not None:
        raise Invalid(
            f"what stays at {at} has no canary", hint="give at or canary, not both", setting=CANARY
        )
    if split is not None and split.branch == branch:
        raise Invalid(
            f"{branch} is what everybody gets, and so no canary",
            hint="name another branch",
            setting=CANARY,
        )
    return Serving(branch, split, at, *_company(settings, keys))


def _company(
    settings: ZoneSettings, keys: Collection[Name]
) -> tuple[Access | None, Access, tuple[Secondary, ...]]:
    """Who may ask, who may transfer, who is told."""

    def access(setting: str, text: str) -> Access:
        return _read(setting, text, lambda text: values.access(text, keys))

    query_from = settings.get(QUERY_FROM)
    transfer_to = settings.get(TRANSFER_TO)
    told = settings.get(TELL, "")
    return (
        access(QUERY_FROM, query_from) if query_from else None,
        access(TRANSFER_TO, transfer_to) if transfer_to is not None else LOOPBACK,
        _read(TELL, told, lambda text: values.secondaries(text, keys)),
    )


def conduct(settings: ZoneSettings, keys: Keys) -> ServerOptions:
    """What the settings of the server come to, with these ``keys``.

    Raises:
        Invalid: one is malformed; ``details["setting"]`` is it.
    """
    _check_lengths(settings)
    usual = ServerOptions()

    def read(setting: str, parse: Callable[[str], T], otherwise: T) -> T:
        text = settings.get(setting)
        return _read(setting, text, parse) if text else otherwise

    def number(setting: str, otherwise: int, least: int, most: int) -> int:
        return read(setting, lambda text: values.number(text, least, most), otherwise)

    return ServerOptions(
        number(CEILING, usual.ceiling, *CEILINGS),
        read(MINIMAL, values.yes_or_no, usual.minimal),
        read(NSID, values.octets, None),
        read(VERSION, values.string, None),
        read(IDENTITY, values.string, None),
        keys,
        number(CONNECTIONS, usual.connections, 1, MOST_CONNECTIONS),
        number(OF_SUBNET, usual.connections_of_subnet, 1, MOST_CONNECTIONS),
        number(TRANSFERS, usual.transfers, 1, MAX_TRANSFERS),
    )


def _check_lengths(settings: ZoneSettings) -> None:
    for setting, text in settings.items():
        if len(text) > LONGEST:
            raise Invalid(f"{setting} has more than {LONGEST:,} characters", setting=setting)


def _read(setting: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except Invalid as error:
        raise Invalid(error.message, hint=error.hint, setting=setting) from error


def differences(before: ServingPlan, after: ServingPlan) -> list[str]:
    """What another plan changes, for people: a line for the defaults, one for each zone that has
    or had settings of its own, one for the zones that are served at all."""
    lines = []
    if before.default != after.default:
        lines.append(f"default: {before.default} -> {after.default}")
    for zone in sorted(before.zones.keys() | after.zones.keys(), key=names.canonical_key):
        old, new = before.of(zone), after.of(zone)
        if old != new:
            lines.append(f"{names.text(zone)}: {old or 'not served'} -> {new or 'not served'}")
    if before.only != after.only:
        lines.append(f"only: {_shown(before.only)} -> {_shown(after.only)}")
    return [*lines, *before.conduct.differences(after.conduct)]


def _shown(only: frozenset[Name]) -> str:
    return " ".join(sorted(map(names.text, only))) or "every zone"
