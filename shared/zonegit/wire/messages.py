"""Define all messages and events, with their bounds. docs/wire.md lists them; a test compares.

Values of ``store`` are sent as they are. Octets such as ids and names are msgpack ``bin``. A
message with a malformed name can be neither created nor decoded; a receiver checks objects with
``objects.ids.verify``.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject
from zonegit.store.objects import MAX_HISTORY, MAX_LISTED, Dated
from zonegit.store.outline import MAX_OUTLINED, Outline
from zonegit.store.recovery import Guard, Renewal
from zonegit.store.ref_log import LogEntry, When
from zonegit.store.refs import Expected
from zonegit.zone import names
from zonegit.zone.names import Name

MAX_IDS = 8_192
MAX_BATCH_OCTETS = 512 * 1024
"""The maximum octets of objects in one message, unless a single object is larger."""
MAX_ATTACHED_OCTETS = 32 * 1024
"""The maximum octets of new objects in an event; if there are more, it has none."""
MAX_SEEN = 256 * 1024
"""The maximum octets of stored objects that a move sends along for refs: those of a narrow tree
fit."""
MAX_SEQUENCE = (1 << 63) - 1
OVERHEAD = 64
"""The maximum octets of an object in a message in addition to its payload."""
MAX_ADOPTED = 2_002
"""The maximum names of a store of the original in one message: branches, tags, its zone and its
HEAD."""

MAX_RENEWALS = 2_000
"""Branches of one zone in one message; a zone has no more refs."""
MAX_CHANGES = 50
"""Lines about changes of a configuration in one message."""
MAX_ANSWERED = 2_000
"""Serials in one message."""
MAX_SECONDARIES = 500
"""Secondaries of zones in one message."""
MAX_ABOUT = 16
"""The maximum commits in a request about moves: a tip and its parents."""
MAX_REPLACED = 32
"""The maximum installations that one ref store replaces."""

MAX_ANNOUNCEMENT = 2_048
"""The maximum octets of an announcement; it does not depend on the number of zones."""
MAX_RESOLVERS = 1_000
"""The maximum resolvers in the registry of the ref store; further ones are refused."""
MAX_RESOLVERS_LISTED = 200
"""The maximum resolvers on one page of the registry."""
ANNOUNCE_INTERVAL_S = 3.0
"""Seconds between two announcements of a resolver."""
SILENT_AFTER_S = 3 * ANNOUNCE_INTERVAL_S
"""Seconds after its last announcement until a resolver counts as silent: it has missed three."""
FORGET_AFTER_S = 60.0
"""Seconds after its last announcement until a resolver is removed from the registry."""
RESOLVER_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The name of a resolver, as a regular expression. It is the name of a folder and a process, and a
token of subjects."""

Id = Annotated[ObjectId, Meta(min_length=32, max_length=32)]
CommitKey = Annotated[CommitId, Meta(min_length=32, max_length=32)]
Ids = Annotated[list[Id], Meta(max_length=MAX_IDS)]
Objects = Annotated[list[RawObject], Meta(max_length=MAX_IDS)]
Text = Annotated[str, Meta(max_length=4_096)]
LogSequence = Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]
LegacyName = Annotated[str, Meta(max_length=220)]
Slot = Annotated[bytes, Meta(min_length=32, max_length=32)]
Moment = Annotated[float, Meta(ge=0, lt=253_402_300_800)]
"""Seconds since 1970, up to the end of the year 9999."""
Token = Annotated[str, Meta(max_length=64)]
"""A random id of an installation, a process or an operation; empty if unknown."""
ResolverName = Annotated[str, Meta(pattern=rf"^{RESOLVER_NAME}\Z")]
VersionText = Annotated[str, Meta(max_length=64)]
Short = Annotated[str, Meta(max_length=200)]
Count = Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]


def octets(objects: Iterable[RawObject]) -> int:
    """Return the maximum size of objects in a message."""
    return sum(len(raw.payload) + OVERHEAD for raw in objects)


def fits_message(objects: Sequence[RawObject]) -> bool:
    """Return whether a move with these new objects can be checked with one message."""
    return len(objects) <= MAX_IDS and octets(objects) <= MAX_BATCH_OCTETS


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request or a reply."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A publication without a reply."""


class Done(Message, frozen=True, kw_only=True, omit_defaults=True):
    """An empty reply: the request was carried out."""


class FailureReply(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The reply to a request that failed. ``code`` is that of ``zonegit.errors``."""

    code: str
    message: str
    hint: str | None = None
    details: dict[str, str] = {}


# objects


class GetObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.get: as many of ``ids`` as fit one reply, in their order; further requests return the
    rest. With ``outlines`` the reply has the outline of each object; a store of an earlier release
    answers with the objects."""

    ids: Ids
    outlines: bool = False


class GotObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The first of the requested objects, or their outlines."""

    objects: Objects = []
    outlines: Annotated[list[Outline], Meta(max_length=MAX_OUTLINED)] = []


class PutObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.put: store objects, children before parents."""

    objects: Objects


class MissingObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.missing: which of these objects are not stored."""

    ids: Ids


class Missing(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The objects that are not stored."""

    ids: Ids


class FindObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.find: find ids that begin with these hex digits."""

    prefix: Annotated[str, Meta(pattern=r"^[0-9a-f]{4,64}\Z")]


class FoundObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Ids and kinds, sorted, at most 16."""

    objects: Annotated[list[tuple[Id, ObjectKind]], Meta(max_length=16)]


class ListObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.list: a page of all objects after ``after``; nil for the first page."""

    after: Id | None = None


class ListedObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Ids and kinds as they are stored, damaged or not, sorted by id; empty at the end."""

    objects: Annotated[list[tuple[Id, Text]], Meta(max_length=MAX_LISTED)]


class HistoryOf(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.history: these commits, then their ancestors, the latest first. At most ``limit`` in
    total, unless there are more tips, and as many as fit one reply."""

    tips: Annotated[list[CommitKey], Meta(min_length=1, max_length=MAX_HISTORY)]
    limit: Annotated[int, Meta(ge=1, le=MAX_HISTORY)]


class CommitHistory(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Commits and their moments: at least the first of the tips."""

    commits: Annotated[list[Dated], Meta(max_length=MAX_HISTORY)]


# refs; the zone and the ref of a request stand in its subject, and so does the actor


class AskWhere(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.where: the HEADs of the actor. The reply is ``store.refs.HeadsOfOperator``."""


class AskZone(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.zone: the refs of one zone. The reply is ``store.refs.ZoneRefs``."""


class AskSnapshot(Message, frozen=True, omit_defaults=True):
    """refs.snapshot: a page of zones and tips. The reply is ``store.refs.RefsSnapshot``."""

    after: Name | None = None

    def __post_init__(self) -> None:
        if self.after is not None:
            names.require(self.after)


class AskSince(Message, frozen=True, omit_defaults=True):
    """refs.since: the log rows after a sequence, whose row is of ``operation``; empty if unknown.
    The reply is ``store.ref_log.LogPage``."""

    epoch: Text
    sequence: LogSequence
    operation: Annotated[str, Meta(max_length=64)] = ""


class AskReflog(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.reflog: the last moves of the ref in the subject, the newest first; with ``serial`` only
    those to a tip with that serial."""

    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    serial: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None


class Reflog(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Rows of the log."""

    entries: list[LogEntry]


class AskAt(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.at: the value of the ref in the subject at a time. The reply is
    ``store.ref_log.RefAt``."""

    when: When


class AskOperations(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.operations: a page of operations, of one zone if the subject names one. The reply is
    ``store.ref_log.Operations``."""

    limit: Annotated[int, Meta(ge=1, le=100)]
    before: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    actor: Text | None = None


class AskOperation(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.operation: the changes of one operation, by the first characters of its id. None for the
    operation that the next undo of the actor takes back, or with ``redo`` the undo that their next
    redo takes back. The reply is ``store.ref_log.OperationDetails``."""

    prefix: Annotated[str, Meta(min_length=4, max_length=64)] | None = None
    redo: bool = False
    after: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] = 0


class ChangeInfo(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The origin of a change; see ``store.ref_log.Origin``."""

    command: Annotated[str, Meta(max_length=1_000)] = msgspec.field(name="reason")
    operation: Annotated[str, Meta(min_length=16, max_length=64)]
    force: bool = False
    turn: Annotated[str, Meta(min_length=16, max_length=64)] | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = msgspec.field(
        default=None, name="because"
    )
    undoes: Annotated[str, Meta(min_length=16, max_length=64)] | None = None


class Register(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.register: add the zone in the subject. The reply is ``store.ref_log.Moved``."""

    why: ChangeInfo


class Unregister(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.unregister: remove the zone in the subject. The reply is ``store.ref_log.Moved``."""

    why: ChangeInfo


class Move(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.move: compare-and-swap of the branch or tag in the subject. ``new`` is None to delete
    it. ``objects`` are new, ``seen`` are stored already. The reply is ``store.ref_log.Moved``."""

    expected: Expected
    new: Id | None
    why: ChangeInfo
    objects: Objects = []
    seen: Objects = []


class Judge(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.judge: check whether a move of the branch or tag in the subject would be accepted. The
    fields are those of :class:`Move`; nothing is moved or stored, so ``objects`` need not be
    stored. ``registers``: the same operation registers the zone first. The reply is :class:`Done`,
    or the :class:`FailureReply` that the move would get."""

    expected: Expected
    new: Id | None
    why: ChangeInfo
    objects: Objects = []
    seen: Objects = []
    registers: bool = False


class AskBasis(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.basis: the values against which moves of the branch or tag in the subject are checked.
    ``about`` are commits to look up in the log. The reply is ``store.basis.Basis``."""

    about: Annotated[list[Id], Meta(max_length=MAX_ABOUT)] = []


class Point(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.point: point a HEAD (the default one, or that of the actor) to the branch in the
    subject. ``remembered``: only remember it for its zone. The reply is
    ``store.ref_log.Moved``."""

    default: bool
    why: ChangeInfo
    remembered: bool = False


class Unpoint(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.unpoint: remove a HEAD (the default one, or that of the actor), or, if the subject names
    a zone, the branch that the actor remembers for it. The reply is ``store.ref_log.Moved``."""

    default: bool
    why: ChangeInfo


class Adopt(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.adopt: take over the refs of a store of the original (``store.v03_slots``). The reply is
    ``store.ref_log.Moved``."""

    slots: Annotated[dict[LegacyName, Slot], Meta(max_length=MAX_ADOPTED)]
    why: ChangeInfo


class AskRecovery(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.recovery: the state of the recovery after a restore from a backup. The reply is
    ``store.recovery.Recovery``, once resolvers have reported their positions."""


class AskCheck(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.check: the progress and result of a check of the whole store. ``again``: start another
    one, unless one runs. The reply is ``store.refs.CheckedStore``, without delay."""

    again: bool = False


class Recover(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.recover: recover the zone in the subject: all its branches, and the highest serials of
    branches that it had. The reply is ``store.ref_log.Moved``."""

    renewals: Annotated[list[Renewal], Meta(max_length=MAX_RENEWALS)]
    guards: Annotated[list[Guard], Meta(max_length=MAX_RENEWALS)]
    why: ChangeInfo


class Replace(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.replace: record that this store replaces an installation. The reply is
    ``store.refs.Installation``."""

    installation: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    why: ChangeInfo


# instances of a store


class AskPresence(Message, frozen=True, kw_only=True, omit_defaults=True):
    """presence.refs, presence.objectstore: a broadcast that every serving instance of that store
    answers. ``instance`` is the sender, which does not answer itself; empty if the sender is not an
    instance."""

    instance: Token = ""


class Presence(Message, frozen=True, kw_only=True, omit_defaults=True):
    """An instance of a store.

    Attributes:
        instance: The id of the instance.
        started: The time when it started, in seconds since 1970 by its clock.
        installation: The installation that it belongs to; empty if it is not known yet.
        refuses: The installation of the ref store that it heard last and does not belong to; empty
            if there is none.
        several: Whether several instances may serve the store together.
        rival: Another instance that tried to serve within the last seconds; empty if there is none.
        serves: Whether it serves; an instance that found another serving one exits.
    """

    instance: Token
    started: Moment
    installation: Token = ""
    refuses: Token = ""
    several: bool = False
    rival: Token = ""
    serves: bool = True


# events


class RefEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the refs log, published when it is durable. ``objects`` are the new objects of the
    commit if they are small; a receiver verifies them. ``installation`` is as in
    :class:`Heartbeat`."""

    epoch: Text
    entry: LogEntry
    objects: Objects = []
    installation: Token = ""


class Heartbeat(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The end of the log, published by refs once a second. ``time`` is in seconds since 1970.

    ``restored``: the store was restored from a backup, and no ref moves; ``awaiting`` is the number
    of zones that are not recovered yet. ``installation`` and ``replaces`` are as in
    ``store.refs.RefsSnapshot``. ``instance`` is the process, which serves since ``started``,
    and ``several`` is as in :class:`Presence`. An earlier release sends none of these.
    """

    epoch: Text
    sequence: int
    time: float
    awaiting: int = 0
    restored: bool = False
    installation: Token = ""
    replaces: Annotated[list[Token], Meta(max_length=MAX_REPLACED)] = []
    instance: Token = ""
    started: Moment = 0.0
    several: bool = False


class ServedEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A resolver serves another state of a zone. ``commit`` is None if it no longer serves the
    zone. ``sequence`` is that of the log row, ``delay_ms`` the time since the row was written."""

    resolver: Text
    zone: Name
    branch: Text
    epoch: Text
    sequence: LogSequence
    commit: Id | None
    serial: int | None
    delay_ms: float

    def __post_init__(self) -> None:
        names.require(self.zone)


# resolvers


class Announcement(Event, frozen=True, kw_only=True, omit_defaults=True):
    """The announcement of a resolver.

    It is sent every ``ANNOUNCE_INTERVAL_S`` seconds, when the state of the resolver changes, when
    resolvers are called, and with ``is_leaving`` when it stops in order. Its size does not depend
    on the number of zones; ``resolvers.status`` has the details.

    ``instance`` is the process, ``started`` its start in seconds since 1970. ``is_serving``: it
    answers queries; before that it loads its zones. ``zones`` is the number of zones it serves,
    ``problems`` the number of those that it could not update. ``branches`` and ``is_pinned`` are
    its settings for zones without own settings; ``own_settings`` is the number of zones with own
    settings, and ``only`` the number of zones that it is restricted to, 0 if it is not. ``epoch``
    to ``began``, ``installation`` and ``refuses`` are as in :class:`ResolverStatus`.
    """

    resolver: ResolverName
    instance: Token
    version: VersionText
    started: Moment
    epoch: Token
    sequence: LogSequence
    operation: Token = ""
    began: Token | None = None
    held: bool = False
    is_serving: bool = True
    is_leaving: bool = False
    zones: Count = 0
    problems: Count = 0
    branches: Annotated[list[Short], Meta(max_length=2)] = []
    is_pinned: bool = False
    own_settings: Count = 0
    only: Count = 0
    installation: Token = ""
    refuses: Token = ""


class Registered(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A resolver in the registry: its last announcement, and its age in seconds. ``is_silent``: it
    has missed three announcements since. ``is_contested``: two processes announce this name."""

    last: Announcement
    age: float
    is_silent: bool = False
    is_contested: bool = False


class AskResolvers(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.resolvers: a page of the registry, by name, after the name ``after``. A ref store that
    has just started answers when it has heard all of ``expected``. If that is empty or one of them
    is silent, it answers when every resolver had the time to announce itself."""

    expected: Annotated[list[ResolverName], Meta(max_length=MAX_RESOLVERS)] = []
    after: Short = ""


class RegisteredResolvers(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the registry. ``listening`` is the time in seconds for which the ref store has
    listened. ``after`` is the start of the next page, nil on the last. ``full``: there are further
    resolvers, for which the registry has no room."""

    resolvers: Annotated[list[Registered], Meta(max_length=MAX_RESOLVERS_LISTED)]
    listening: float
    after: Short | None = None
    full: bool = False


class CallResolvers(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.announce: every resolver announces itself at once; the reply is its
    announcement."""


class AskStatus(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.status: what one resolver serves, of all zones or of one."""

    zone: Name | None = None

    def __post_init__(self) -> None:
        if self.zone is not None:
            names.require(self.zone)


class ReloadConfig(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.reload: read the configuration file again. With ``is_check`` nothing changes."""

    is_check: bool = False


class ConfigReload(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The result of reading a configuration file again.

    ``file`` is its path; None if the resolver has none. ``changes`` are lines about what the file
    changes, or would change; ``more`` is the number of further ones. ``error`` is the reason why
    the file was refused, so that nothing changed; None if it was accepted.
    """

    resolver: Text
    file: Text | None = None
    changes: Annotated[list[Text], Meta(max_length=MAX_CHANGES)] = []
    more: Count = 0
    error: Text | None = None
    hint: Text | None = None


class AskAnswered(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.answered: the highest serial that a resolver ever answered for each branch, of
    ``zone`` or of all (None), after ``after`` or from the first (None)."""

    zone: Name | None = None
    after: tuple[Name, Text] | None = None

    def __post_init__(self) -> None:
        for zone in (self.zone, self.after[0] if self.after is not None else None):
            if zone is not None:
                names.require(zone)


class HighestSerial(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The highest serial (RFC 1982) that a resolver ever answered for a branch, in any epoch, and
    its tree; 32 zero octets if it had several trees."""

    zone: Name
    branch: Text
    serial: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    tree: Id

    def __post_init__(self) -> None:
        names.require(self.zone)


class AnsweredSerials(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the highest serials of a resolver, by zone and branch. ``more``: there are further
    ones. ``began`` is as in :class:`ResolverStatus`; empty if unknown."""

    resolver: Text
    serials: Annotated[list[HighestSerial], Meta(max_length=MAX_ANSWERED)]
    more: bool = False
    began: Text = ""


class ServedZone(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One state of a zone that a resolver serves.

    ``age`` is the time in seconds since it was last known to be current; None for a pin, whose
    refish is ``branch``. ``problem`` is the reason why it could not follow its branch, if there is
    one. ``percent`` is the share of client subnets that see it; None for the default state.
    ``highest`` is the highest serial that this resolver ever answered for the branch; None if it is
    unknown, and for a pin. ``queries`` is the number of queries answered from it since the canary
    of the zone was set; None if the zone has no canary, and from an earlier release. ``source`` is
    what decides about the canary, as in :class:`ZoneServing`; None for the default state.
    """

    zone: Name
    branch: Text
    commit: Id | None
    serial: int | None
    sequence: LogSequence
    age: float | None
    pinned: bool = False
    problem: str | None = None
    percent: int | None = None
    highest: int | None = None
    queries: Count | None = None
    source: Short | None = None

    def __post_init__(self) -> None:
        names.require(self.zone)


class ZoneServing(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The serving settings of one zone. ``branches`` and ``at`` are as in :class:`ResolverStatus`,
    but of this zone. ``canary`` is ``BRANCH:PERCENT``, and ``salt`` its salt; None if there is no
    canary.

    ``source`` is what decides about the canary: ``file`` for options and configuration file,
    ``store`` for the settings of the zone in the store; None if neither has one. ``settings`` is
    the doc of the settings that were applied last, also if the file decides; None if there was
    none, and from an earlier release. ``problem`` is the reason why later settings are not applied;
    None if there is none.
    """

    branches: list[str]
    at: str | None
    canary: Text | None = None
    salt: Text | None = None
    source: Short | None = None
    settings: Id | None = None
    problem: Text | None = None


class ResolverStatus(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The status of one resolver: its addresses, how far it has followed the log, and what it
    serves.

    ``branches`` are those it follows (the default, then the canary) in zones without own settings,
    or in those of ``only`` if that is not empty. ``at`` is the refish to which these are pinned;
    None if they follow. ``asked`` is how the requested zone is served; None if no zone was
    requested or it is not served. ``lag`` is the number of announced log rows that are not applied
    yet. ``more``: zones after the first 1,000 are omitted. ``past`` are the epochs before
    ``epoch``, the latest first. ``held``: the ref store has lost rows that this resolver applied,
    so it keeps its state. ``began`` is the run of the ref store (``RefsSnapshot.start``) in which
    its cache began; empty if runs had no names then, None from an earlier release. ``operation`` is
    that of the row at ``sequence``; empty if unknown. ``installation`` is the one whose log it
    follows; empty if there is none yet. ``refuses`` is that of a ref store which it hears and does
    not follow; empty if there is none. ``refused_config`` is why its configuration file was refused
    when it was last read, with file and line; empty if it was not.
    """

    resolver: Text
    version: Text
    listen: list[str]
    metrics: str | None
    branches: list[str]
    only: list[Name]
    at: str | None
    epoch: Text
    sequence: LogSequence
    lag: int
    zones: list[ServedZone]
    more: bool = False
    asked: ZoneServing | None = None
    past: list[Text] = []
    held: bool = False
    began: Text | None = None
    operation: Annotated[str, Meta(max_length=64)] = ""
    installation: Token = ""
    refuses: Token = ""
    refused_config: Text = ""

    def __post_init__(self) -> None:
        for zone in self.only:
            names.require(zone)


class AskSecondaries(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.secondaries: what the secondaries of ``zone``, or of all zones (None), were
    notified of and transferred, after ``after`` or from the first (None)."""

    zone: Name | None = None
    after: tuple[Name, Text] | None = None

    def __post_init__(self) -> None:
        for zone in (self.zone, self.after[0] if self.after is not None else None):
            if zone is not None:
                names.require(zone)


class SecondaryReport(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One secondary of a zone, as a resolver sees it since its start.

    ``secondary`` is its address, and the name of its key if it has one. ``progress`` is one of
    ``waiting``, ``silent``, ``refused``, ``answered``, ``behind``, ``in step``. ``notified`` is the
    serial of the last NOTIFY, ``age`` the seconds since its first attempt. ``problem`` is the error
    or why there is no answer. ``has`` is the serial that it is known to have, by the transfer
    ``transfer``, ``transfer_age`` seconds ago; None if it has transferred nothing.
    """

    zone: Name
    secondary: Text
    progress: Short
    notified: int | None
    age: float
    attempts: int = 0
    problem: Text | None = None
    has: int | None = None
    transfer: Short | None = None
    transfer_age: float | None = None

    def __post_init__(self) -> None:
        names.require(self.zone)


class Secondaries(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the secondaries that a resolver notifies, by zone and address. ``more``: there are
    further ones."""

    resolver: Text
    secondaries: Annotated[list[SecondaryReport], Meta(max_length=MAX_SECONDARIES)]
    more: bool = False
