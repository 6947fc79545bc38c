"""Every message and event, with its bounds. docs/wire.md lists them; a test compares.

Values of ``store`` travel as they are. Octets such as ids and names are msgpack ``bin``. A message
with a malformed name cannot be made or decoded; a receiver checks objects with
``objects.ids.verify``.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, RawObject
from zonegit.store.expected import Expected
from zonegit.store.outline import MAX_OUTLINED, Outline
from zonegit.store.protocols import (
    MAX_HISTORY,
    MAX_LISTED,
    Dated,
    Guard,
    LogEntry,
    Renewal,
)
from zonegit.store.ref_time import When
from zonegit.zone import names
from zonegit.zone.names import Name

MAX_IDS = 8_192
MAX_BATCH_OCTETS = 512 * 1024
"""Objects in one message hold at most this many octets, unless a single object is larger."""
MAX_RIDE_ALONG = 32 * 1024
"""Octets of new objects that an event carries; more than that, and it carries none."""
MAX_SEEN = 256 * 1024
"""Octets of objects that a move brings along for refs alone: those of a narrow tree fit."""
MAX_SEQUENCE = (1 << 63) - 1
OVERHEAD = 64
"""Octets that an object takes in a message in addition to its payload, at the most."""
MAX_ADOPTED = 2_002
"""Names of the original's store in one message: branches, tags, its zone and its HEAD."""

MAX_RENEWALS = 2_000
"""Branches of one zone in one message; a zone has no more refs."""
MAX_ANSWERED = 2_000
"""Serials in one message."""
MAX_ABOUT = 16
"""Commits that a question about moves names: a tip and its parents."""
MAX_REPLACED = 32
"""Installations that one ref store replaces."""

MAX_ANNOUNCEMENT = 2_048
"""Octets of an announcement, whatever the number of zones."""
MAX_RESOLVERS = 1_000
"""Resolvers in the registry of the ref store; further ones are refused."""
MAX_RESOLVERS_LISTED = 200
"""Resolvers on one page of the registry."""
ANNOUNCE_INTERVAL_S = 3.0
"""Between two announcements of a resolver."""
SILENT_AFTER_S = 3 * ANNOUNCE_INTERVAL_S
"""A resolver that was last heard so long ago has missed three announcements: it is silent."""
FORGET_AFTER_S = 60.0
"""The registry forgets a resolver that was last heard so long ago."""
RESOLVER_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The name of a resolver, as a regular expression: it names a folder, a process and a token."""

Id = Annotated[ObjectId, Meta(min_length=32, max_length=32)]
CommitKey = Annotated[CommitId, Meta(min_length=32, max_length=32)]
Ids = Annotated[list[Id], Meta(max_length=MAX_IDS)]
Objects = Annotated[list[RawObject], Meta(max_length=MAX_IDS)]
Text = Annotated[str, Meta(max_length=4_096)]
LogSequence = Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]
LegacyName = Annotated[str, Meta(max_length=220)]
Slot = Annotated[bytes, Meta(min_length=32, max_length=32)]
Moment = Annotated[float, Meta(ge=0, lt=253_402_300_800)]
"""Seconds since 1970, up to the last that has a date."""
Token = Annotated[str, Meta(max_length=64)]
"""A random name: of an installation, of a process, of an operation. Empty: unknown."""
ResolverName = Annotated[str, Meta(pattern=rf"^{RESOLVER_NAME}\Z")]
VersionText = Annotated[str, Meta(max_length=64)]
Short = Annotated[str, Meta(max_length=200)]
Count = Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]


def octets(objects: Iterable[RawObject]) -> int:
    """Return how much of a message objects take, at the most."""
    return sum(len(raw.payload) + OVERHEAD for raw in objects)


def fits_message(objects: Sequence[RawObject]) -> bool:
    """Return whether a move with these new objects can be judged in one message."""
    return len(objects) <= MAX_IDS and octets(objects) <= MAX_BATCH_OCTETS


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request or a reply: expects, or is, an answer."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tells whoever listens; nobody answers."""


class Done(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Carried out; there is nothing to say."""


class FailureReply(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A request failed. ``code`` is that of ``zonegit.errors``."""

    code: str
    message: str
    hint: str | None = None
    details: dict[str, str] = {}


# objects


class GetObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.get: as many of ``ids`` as fit one reply, in their order; ask again for the rest.
    ``outlines``: instead of each object its outline; a store of an earlier release answers with the
    objects."""

    ids: Ids
    outlines: bool = False


class GotObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Verified objects, the first of those asked for, or outlines of these."""

    objects: Objects = []
    outlines: Annotated[list[Outline], Meta(max_length=MAX_OUTLINED)] = []


class PutObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.put: children before parents."""

    objects: Objects


class MissingObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.missing: which of these are not held?"""

    ids: Ids


class Missing(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Those that are not held."""

    ids: Ids


class FindObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.find: ids that begin with these hex digits."""

    prefix: Annotated[str, Meta(pattern=r"^[0-9a-f]{4,64}\Z")]


class FoundObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Ids and kinds, sorted, 16 at the most."""

    objects: Annotated[list[tuple[Id, ObjectKind]], Meta(max_length=16)]


class ListObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.list: a page of all objects, those past ``after``; nil: from the first."""

    after: Id | None = None


class ListedObjects(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Ids and kinds as they are stored, whole or not, sorted by id; none: there are no more."""

    objects: Annotated[list[tuple[Id, Text]], Meta(max_length=MAX_LISTED)]


class HistoryOf(Message, frozen=True, kw_only=True, omit_defaults=True):
    """objects.history: these commits, then their ancestors, the latest first; ``limit`` in all,
    unless there are more tips, and as many as fit one reply."""

    tips: Annotated[list[CommitKey], Meta(min_length=1, max_length=MAX_HISTORY)]
    limit: Annotated[int, Meta(ge=1, le=MAX_HISTORY)]


class CommitHistory(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Commits and their moments: the first of the tips at least."""

    commits: Annotated[list[Dated], Meta(max_length=MAX_HISTORY)]


# refs; the zone and the ref of a request stand in its subject, and so does the actor


class AskWhere(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.where: the HEADs of the actor. Answered by ``store.protocols.HeadsOfOperator``."""


class AskZone(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.zone: one zone's refs. Answered by ``store.protocols.ZoneRefs``."""


class AskSnapshot(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.snapshot: a page of zones and tips. Answered by ``store.protocols.RefsSnapshot``."""

    after: Name | None = None

    def __post_init__(self) -> None:
        if self.after is not None:
            names.require(self.after)


class AskSince(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.since: log rows after a sequence, whose own row has the ``operation``, empty: unknown.
    Answered by ``store.protocols.LogPage``."""

    epoch: Text
    sequence: LogSequence
    operation: Annotated[str, Meta(max_length=64)] = ""


class AskReflog(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.reflog: the last moves of the subject's ref, newest first; with ``serial`` those to a
    tip of that serial alone."""

    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    serial: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None


class Reflog(Message, frozen=True, kw_only=True, omit_defaults=True):
    """Rows of the log."""

    entries: list[LogEntry]


class AskAt(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.at: where the subject's ref stood. Answered by ``store.protocols.RefAt``."""

    when: When


class AskOperations(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.operations: a page of the log by operations, of the subject's zone alone where it names
    one. Answered by ``store.protocols.Operations``."""

    limit: Annotated[int, Meta(ge=1, le=100)]
    before: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    actor: Text | None = None


class AskOperation(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.operation: what one operation did, by the first characters of its id; None: the one that
    the actor's next undo takes back, or with ``redo`` the undo that their next redo takes back.
    Answered by ``store.protocols.OperationDetails``."""

    prefix: Annotated[str, Meta(min_length=4, max_length=64)] | None = None
    redo: bool = False
    after: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] = 0


class ChangeInfo(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What every mutation says of itself: see ``store.protocols.Origin``."""

    command: Annotated[str, Meta(max_length=1_000)] = msgspec.field(name="reason")
    operation: Annotated[str, Meta(min_length=16, max_length=64)]
    force: bool = False
    turn: Annotated[str, Meta(min_length=16, max_length=64)] | None = None
    reason: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = msgspec.field(
        default=None, name="because"
    )
    undoes: Annotated[str, Meta(min_length=16, max_length=64)] | None = None


class Register(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.register: add the subject's zone. Answered by ``store.protocols.Moved``."""

    why: ChangeInfo


class Unregister(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.unregister: remove the subject's zone. Answered by ``store.protocols.Moved``."""

    why: ChangeInfo


class Move(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.move: compare-and-swap of the subject's branch or tag. ``new`` None deletes it.
    ``objects`` are new ones, ``seen`` those that were there. Answered by ``store.protocols.Moved``.
    """

    expected: Expected
    new: Id | None
    why: ChangeInfo
    objects: Objects = []
    seen: Objects = []


class Judge(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.judge: would this move of the subject's branch or tag be accepted? The fields are those
    of :class:`Move`; nothing is moved or stored, so what ``objects`` holds need not be stored.
    ``registers``: the same operation registers the zone first. Answered by :class:`Done`, or by the
    :class:`FailureReply` that the move would be answered with."""

    expected: Expected
    new: Id | None
    why: ChangeInfo
    objects: Objects = []
    seen: Objects = []
    registers: bool = False


class AskBasis(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.basis: what moves of the subject's branch or tag are judged by. ``about`` are commits of
    which it matters whether the log has them. Answered by ``store.basis.Basis``."""

    about: Annotated[list[Id], Meta(max_length=MAX_ABOUT)] = []


class Point(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.point: make a HEAD (the default one, or the actor's own) stand for the subject's branch;
    ``remembered``: only remember it for its zone. Answered by ``store.protocols.Moved``."""

    default: bool
    why: ChangeInfo
    remembered: bool = False


class Unpoint(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.unpoint: remove a HEAD (the default one, or the actor's own), or where the subject names
    a zone, what the actor remembers of it. Answered by ``store.protocols.Moved``."""

    default: bool
    why: ChangeInfo


class Adopt(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.adopt: take over the refs of a store of the original (``store.v03_slots``). Answered by
    ``store.protocols.Moved``."""

    slots: Annotated[dict[LegacyName, Slot], Meta(max_length=MAX_ADOPTED)]
    why: ChangeInfo


class AskRecovery(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.recovery: what has to be done after the store was restored from a backup. Answered by
    ``store.protocols.Recovery``, once resolvers have said what they hold."""


class AskCheck(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.check: what a check of the whole store came to, or how far it is; ``again``: begin
    another one, unless one runs. Answered at once, by ``store.protocols.CheckedStore``."""

    again: bool = False


class Recover(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.recover: recover the subject's zone: all of its branches, and the highest serials of
    those that it had. Answered by ``store.protocols.Moved``."""

    renewals: Annotated[list[Renewal], Meta(max_length=MAX_RENEWALS)]
    guards: Annotated[list[Guard], Meta(max_length=MAX_RENEWALS)]
    why: ChangeInfo


class Replace(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.replace: note that this store replaces the installation of that id. Answered by
    ``store.protocols.Installation``."""

    installation: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
    why: ChangeInfo


# instances of a store


class AskPresence(Message, frozen=True, kw_only=True, omit_defaults=True):
    """presence.refs, presence.objectstore: broadcast; every instance of that store which serves
    answers. ``instance`` is the one that asks, which does not answer itself; empty: none asks."""

    instance: Token = ""


class Presence(Message, frozen=True, kw_only=True, omit_defaults=True):
    """An instance of a store, since ``started``, in seconds since 1970 by its clock; one that does
    not ``serves`` has found another one that does, and ends.

    ``installation`` is the one that it belongs to, empty: unknown yet; ``refuses`` that of a ref
    store which it heard last and does not belong to, empty: there is none. ``several``: the store
    lets several instances serve it together. ``rival`` is another instance that wanted to serve
    within the last seconds, empty: there is none."""

    instance: Token
    started: Moment
    installation: Token = ""
    refuses: Token = ""
    several: bool = False
    rival: Token = ""
    serves: bool = True


# events


class RefEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the refs log, published after it is durable. ``objects``: the new objects of the
    commit when they are small, to be verified like any other. ``installation`` as
    :class:`Heartbeat` has it."""

    epoch: Text
    entry: LogEntry
    objects: Objects = []
    installation: Token = ""


class Heartbeat(Event, frozen=True, kw_only=True, omit_defaults=True):
    """refs, once a second: where the log stands. ``time`` in seconds since 1970. ``restored``: the
    store was restored from a backup, and nothing moves; ``awaiting`` counts the zones that are not
    recovered yet. ``installation`` and ``replaces`` as ``store.protocols.RefsSnapshot`` has them;
    ``instance`` is the process, serving since ``started``, and ``several`` as :class:`Presence` has
    it. An earlier release sends none of these."""

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
    """A resolver now answers from this state of a zone; ``commit`` None: it no longer serves it.
    ``sequence`` is that of the log row it applied, ``delay_ms`` the time since the row's own."""

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
    """A resolver is there: sent every ``ANNOUNCE_INTERVAL_S`` seconds, when something about it
    changes, when resolvers are called, and with ``is_leaving`` when it stops in order. Its size
    does not depend on the number of zones; ``resolvers.status`` has the details.

    ``instance`` is the process, ``started`` when it began, in seconds since 1970. ``is_serving``:
    it answers queries; before that it loads its zones. ``zones`` are those it serves, ``problems``
    those of them that it could not bring up to date. ``branches``, ``is_pinned`` are its settings
    for zones without their own; ``own_settings`` zones have some, and ``only`` says how many zones
    it is restricted to, 0: it is not. ``epoch`` to ``began``, ``installation`` and ``refuses`` as
    :class:`ResolverStatus` has them.
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
    """A resolver in the registry: its last announcement and how many seconds ago it was heard.
    ``is_silent``: it has missed three announcements since. ``is_contested``: two processes
    announce themselves under this name."""

    last: Announcement
    age: float
    is_silent: bool = False
    is_contested: bool = False


class AskResolvers(Message, frozen=True, kw_only=True, omit_defaults=True):
    """refs.resolvers: a page of the registry, by name, past the name ``after``. A ref store that
    has just begun to listen answers once it has heard all of ``expected``, or, where that is empty
    or one of them stays silent, once every resolver has had the time to announce itself."""

    expected: Annotated[list[ResolverName], Meta(max_length=MAX_RESOLVERS)] = []
    after: Short = ""


class RegisteredResolvers(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the registry. ``listening`` is for how many seconds the ref store has listened;
    ``after`` is where the next page starts, nil on the last. ``full``: further resolvers announce
    themselves, for which the registry has no room."""

    resolvers: Annotated[list[Registered], Meta(max_length=MAX_RESOLVERS_LISTED)]
    listening: float
    after: Short | None = None
    full: bool = False


class CallResolvers(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.announce: every resolver announces itself at once, and answers with that."""


class AskStatus(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.status: what one resolver serves, of all zones or of one."""

    zone: Name | None = None

    def __post_init__(self) -> None:
        if self.zone is not None:
            names.require(self.zone)


class AskAnswered(Message, frozen=True, kw_only=True, omit_defaults=True):
    """resolvers.answered: the highest serial that one resolver ever answered for each branch: of
    ``zone``, None: of all zones; those past ``after``, None: from the first."""

    zone: Name | None = None
    after: tuple[Name, Text] | None = None

    def __post_init__(self) -> None:
        for zone in (self.zone, self.after[0] if self.after is not None else None):
            if zone is not None:
                names.require(zone)


class HighestSerial(Message, frozen=True, kw_only=True, omit_defaults=True):
    """The highest serial (RFC 1982) that a resolver ever answered for a branch, in whichever epoch,
    and the tree that it stood for; 32 zero octets: several trees."""

    zone: Name
    branch: Text
    serial: Annotated[int, Meta(ge=0, le=2**32 - 1)]
    tree: Id

    def __post_init__(self) -> None:
        names.require(self.zone)


class AnsweredSerials(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A page of what one resolver ever answered, by zone and branch. ``more``: it has further ones,
    past the last of these. ``began`` as :class:`ResolverStatus` has it; empty: unknown."""

    resolver: Text
    serials: Annotated[list[HighestSerial], Meta(max_length=MAX_ANSWERED)]
    more: bool = False
    began: Text = ""


class ServedZone(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One state of a zone as a resolver serves it. ``age`` in seconds since it was last known
    current, None for a pin, whose refish ``branch`` is; ``problem`` says why it could not follow
    its branch, if it could not. ``percent`` of the clients' subnets see it, None: the others.
    ``highest`` is the highest serial that this resolver ever answered for the branch, None: unknown
    or a pin."""

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

    def __post_init__(self) -> None:
        names.require(self.zone)


class ZoneServing(Message, frozen=True, kw_only=True, omit_defaults=True):
    """How a resolver serves the zone it was asked about: ``branches`` and ``at`` as in
    :class:`ResolverStatus`, but of this zone; ``canary`` as ``BRANCH:PERCENT`` and its ``salt``,
    which say who sees it, None: there is none."""

    branches: list[str]
    at: str | None
    canary: Text | None = None
    salt: Text | None = None


class ResolverStatus(Message, frozen=True, kw_only=True, omit_defaults=True):
    """One resolver: where it listens, how far it has followed the log, what it serves.
    ``branches`` are those it follows (the default one, then the canary's) in every zone that has no
    settings of its own, or in those of ``only`` when that is not empty; ``at`` is the refish that
    these are pinned to, None when it follows. ``asked`` says how the zone asked about is served,
    None when none was, or it is not served. ``lag`` is how many rows of the log it has seen
    announced and not yet applied; ``more`` says that zones beyond the first 1,000 are left out.
    ``past`` are the epochs before ``epoch``, the latest first; ``held``: the ref store has lost
    what this resolver holds, so it is kept as it is. ``began`` is the run of the ref store
    (``Snapshot.start``) in which its cache began; empty: before there were such names; None: an
    earlier release does not tell. ``operation`` is that of the row at ``sequence``, empty: unknown.
    ``installation`` is the one whose log it follows, empty: none yet; ``refuses`` that of a ref
    store which it hears and does not follow, empty: there is none.
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

    def __post_init__(self) -> None:
        for zone in self.only:
            names.require(zone)
