"""Read how each zone is served and how the server behaves from options and configuration file.
Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, TypeVar

from zonegit.errors import Invalid
from zonegit.nameserver.acl import LOOPBACK, Access, Secondary
from zonegit.nameserver.answer import canary
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.tsig import Keys
from zonegit.objects.ids import RawObject
from zonegit.repo import refish
from zonegit.store import ref_names
from zonegit.store.serving_settings import ServingSettings
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.config import values

T = TypeVar("T")

ZoneSettings = Mapping[str, str]
"""The text of settings by name, from options or file; empty to switch a setting off."""

BRANCH: Final = "branch"
CANARY: Final = "canary"
CANARY_SALT: Final = "canary-salt"
AT: Final = "at"
ALLOW_QUERY: Final = "allow-query"
ALLOW_TRANSFER: Final = "allow-transfer"
NOTIFY: Final = "notify"
ZONE_SETTINGS: Final = (BRANCH, CANARY, CANARY_SALT, AT, ALLOW_QUERY, ALLOW_TRANSFER, NOTIFY)
"""The settings of one zone, or of all."""

KEYS: Final = "keys"
NSID: Final = "nsid"
IDENTITY: Final = "identity"
SERVER_VERSION: Final = "server-version"
MINIMAL_RESPONSES: Final = "minimal-responses"
UDP_SIZE: Final = "max-udp-size"
TCP_CONNECTIONS: Final = "max-tcp"
TCP_PER_SUBNET: Final = "max-tcp-per-subnet"
TRANSFERS: Final = "max-transfers"
SERVER_SETTINGS: Final = (
    KEYS,
    NSID,
    IDENTITY,
    SERVER_VERSION,
    MINIMAL_RESPONSES,
    UDP_SIZE,
    TCP_CONNECTIONS,
    TCP_PER_SUBNET,
    TRANSFERS,
)
"""The settings of the server."""
UDP_SIZE_RANGE: Final = (512, 4_096)
MAX_CONNECTIONS: Final = 100_000
MAX_TRANSFERS: Final = 1_000

MAX_CHARACTERS: Final = 1_024
"""The maximum length of a setting, in characters."""


@dataclass(frozen=True, slots=True)
class FollowedSettings:
    """The serving settings of a zone in the store, which apply where options and file have none.

    Attributes:
        doc: The doc that was applied last; None if there was none.
        settings: Its settings.
        problem: The reason why a later doc is not applied; None if there is none.
    """

    doc: RawObject | None = None
    settings: ServingSettings = field(default_factory=ServingSettings)
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """The settings of one served zone.

    Attributes:
        branch: The branch that is followed; with ``at`` the branch that HEAD means in it.
        canary: The second branch and its share of clients; None if there is none.
        at: The refish of the commit to serve (a pin); None to follow the branch.
        query_from: The clients that may query; None for all.
        transfer_to: The clients that may transfer the zone.
        notify: The secondaries that get a NOTIFY after each change.
        source: What decides about the canary: ``file`` for options and configuration file, also if
            they pin the zone or switch the canary off; None if nothing does.
    """

    branch: str = ref_names.DEFAULT_BRANCH
    canary: Canary | None = None
    at: str | None = None
    query_from: Access | None = None
    transfer_to: Access = LOOPBACK
    notify: tuple[Secondary, ...] = ()
    source: Literal["file", "store"] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels of its states: the default, then the canary."""
        first = self.at if self.at is not None else self.branch
        return (first,) if self.canary is None else (first, self.canary.branch)

    def follows(self, branch: str) -> bool:
        """Return whether moves of a branch change what is served."""
        return self.at is None and branch in self.labels

    def overlay(self, settings: ServingSettings) -> "Serving":
        """Return these settings with the canary of the store, if options and file have none."""
        found = settings.canary
        if self.source is not None or found is None or found.branch == self.branch:
            return self
        split = Canary(found.branch, found.percent, found.salt)
        return replace(self, canary=split, source="store")

    def __str__(self) -> str:
        return ", ".join((self._format_states(), *self._format_access()))

    def _format_states(self) -> str:
        if self.at is not None:
            return f"at {self.at}"
        if self.canary is None:
            return self.branch if self.source is None else f"{self.branch}, no canary"
        split = f"{self.canary.branch}:{self.canary.percent} by {self.canary.salt}"
        return f"{self.branch}, canary {split}"

    def _format_access(self) -> Iterator[str]:
        if self.query_from is not None:
            yield f"for {self.query_from}"
        if self.transfer_to != LOOPBACK:
            yield f"transferred to {self.transfer_to}"
        if self.notify:
            yield f"notifying {' '.join(map(str, self.notify))}"


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """The settings of all zones and of the server.

    Attributes:
        default: How a zone without own settings is served.
        zones: The zones with own settings.
        only: The zones that are served; all if it is empty.
        server_options: The options of the server.
        keys_file: The file of the TSIG keys; None if there is none.
        stored: The settings of zones in the store.
    """

    default: Serving = field(default_factory=Serving)
    zones: Mapping[Name, Serving] = field(default_factory=dict)
    only: frozenset[Name] = frozenset()
    server_options: ServerOptions = field(default_factory=ServerOptions)
    keys_file: Path | None = None
    stored: Mapping[Name, FollowedSettings] = field(default_factory=dict)

    def get(self, zone: Name) -> Serving | None:
        """Return how a zone is served; None if it is not served."""
        if self.only and zone not in self.only:
            return None
        serving = self.zones.get(zone, self.default)
        stored = self.stored.get(zone)
        return serving if stored is None else serving.overlay(stored.settings)

    def find_problem(self, zone: Name) -> str | None:
        """Return the reason why the settings of a zone in the store are not applied; None if they
        are, or if options or file decide."""
        stored, serving = self.stored.get(zone), self.get(zone)
        if stored is None or serving is None or serving.source == "file":
            return None
        canary = stored.settings.canary
        if stored.problem is None and canary is not None and canary.branch == serving.branch:
            return f"the canary {canary.branch} is the branch that is served by default"
        return stored.problem

    def labels(self, zone: Name) -> tuple[str, ...]:
        """Return the labels of the states of a zone, the default first; none if the zone is not
        served."""
        serving = self.get(zone)
        return serving.labels if serving is not None else ()

    def follows(self, zone: Name, branch: str) -> bool:
        """Return whether moves of a branch of a zone change what is served."""
        serving = self.get(zone)
        return serving is not None and serving.follows(branch)

    def is_pinned(self, zone: Name) -> bool:
        """Return whether a zone is pinned to a commit."""
        serving = self.get(zone)
        return serving is not None and serving.at is not None


def merge_settings(defaults: ZoneSettings, own: ZoneSettings) -> ZoneSettings:
    """Merge the settings of a zone with the defaults. A pin replaces an inherited canary, and a
    canary an inherited pin."""
    rest = dict(defaults)
    for one, other in ((AT, CANARY), (CANARY, AT)):
        if own.get(one) and other not in own:
            rest.pop(other, None)
    return {**rest, **own}


def read_serving(settings: ZoneSettings, keys: Collection[Name] = ()) -> Serving:
    """Parse the settings of a zone.

    Args:
        settings: The settings.
        keys: The names of the existing TSIG keys.

    Raises:
        Invalid: One is malformed, or two contradict each other; ``details["setting"]`` names it.
    """
    _check_lengths(settings)
    salt = settings.get(CANARY_SALT, canary.DEFAULT_SALT)
    branch = settings.get(BRANCH, ref_names.DEFAULT_BRANCH)
    _read(BRANCH, branch, ref_names.check_name)
    at, split = settings.get(AT) or None, None
    if at is not None:
        _read(AT, at, refish.parse_refish)
    if share := settings.get(CANARY):
        split = _read(CANARY, share, lambda text: canary.parse_canary(text, salt))
    if at is not None and split is not None:
        raise Invalid(
            f"{AT} and {CANARY} are mutually exclusive", hint="remove one of them", setting=CANARY
        )
    if split is not None and split.branch == branch:
        raise Invalid(
            f"the canary {branch} is the branch that is served by default",
            hint="name another branch",
            setting=CANARY,
        )
    is_decided = CANARY in settings or at is not None
    access = _parse_access_lists(settings, keys)
    return Serving(branch, split, at, *access, source="file" if is_decided else None)


def _parse_access_lists(
    settings: ZoneSettings, keys: Collection[Name]
) -> tuple[Access | None, Access, tuple[Secondary, ...]]:
    """Parse the access lists and the secondaries of a zone."""

    def read_access(setting: str, text: str) -> Access:
        return _read(setting, text, lambda text: values.parse_access(text, keys))

    query_from = settings.get(ALLOW_QUERY)
    transfer_to = settings.get(ALLOW_TRANSFER)
    notify = settings.get(NOTIFY, "")
    return (
        read_access(ALLOW_QUERY, query_from) if query_from else None,
        read_access(ALLOW_TRANSFER, transfer_to) if transfer_to is not None else LOOPBACK,
        _read(NOTIFY, notify, lambda text: values.parse_secondaries(text, keys)),
    )


def read_server_options(settings: ZoneSettings, keys: Keys) -> ServerOptions:
    """Parse the settings of the server.

    Args:
        settings: The settings.
        keys: The TSIG keys.

    Raises:
        Invalid: One is malformed; ``details["setting"]`` names it.
    """
    _check_lengths(settings)
    defaults = ServerOptions()

    def read(setting: str, parse: Callable[[str], T], otherwise: T) -> T:
        text = settings.get(setting)
        return _read(setting, text, parse) if text else otherwise

    def read_number(setting: str, otherwise: int, minimum: int, maximum: int) -> int:
        return read(setting, lambda text: values.parse_number(text, minimum, maximum), otherwise)

    return ServerOptions(
        read_number(UDP_SIZE, defaults.max_udp_size, *UDP_SIZE_RANGE),
        read(MINIMAL_RESPONSES, values.parse_yes_no, defaults.minimal_responses),
        read(NSID, values.parse_octets, None),
        read(SERVER_VERSION, values.check_txt_string, None),
        read(IDENTITY, values.check_txt_string, None),
        keys,
        read_number(TCP_CONNECTIONS, defaults.max_tcp, 1, MAX_CONNECTIONS),
        read_number(TCP_PER_SUBNET, defaults.max_tcp_per_subnet, 1, MAX_CONNECTIONS),
        read_number(TRANSFERS, defaults.max_transfers, 1, MAX_TRANSFERS),
    )


def _check_lengths(settings: ZoneSettings) -> None:
    for setting, text in settings.items():
        if len(text) > MAX_CHARACTERS:
            raise Invalid(f"{setting} has more than {MAX_CHARACTERS:,} characters", setting=setting)


def _read(setting: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except Invalid as error:
        raise Invalid(error.message, hint=error.hint, setting=setting) from error


def describe_changes(before: ServingPlan, after: ServingPlan) -> list[str]:
    """Describe what a new plan changes: a line for the defaults, one for each zone with own
    settings, one for the list of served zones."""
    lines = []
    if before.default != after.default:
        lines.append(f"default: {before.default} -> {after.default}")
    for zone in sorted(before.zones.keys() | after.zones.keys(), key=names.canonical_key):
        old, new = before.get(zone), after.get(zone)
        if old != new:
            lines.append(f"{names.text(zone)}: {old or 'not served'} -> {new or 'not served'}")
    if before.only != after.only:
        lines.append(f"only: {_format_only(before.only)} -> {_format_only(after.only)}")
    return [*lines, *before.server_options.describe_changes(after.server_options)]


def _format_only(only: frozenset[Name]) -> str:
    return " ".join(sorted(map(names.text, only))) or "every zone"
