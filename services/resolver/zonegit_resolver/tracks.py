"""What this resolver follows: a track for each branch of each zone, where it should be and where
it is. What is served is made from here and from nothing else.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import structlog

from zonegit.objects.ids import ObjectId, RawObject
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import later
from zonegit_resolver.snapshot import Snapshot
from zonegit_resolver.zones import Served, State, Zones

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a branch stands in the log. ``commit`` None: it has none, or is gone. ``time`` is when
    it came there, in seconds since 1970, None when that is unknown."""

    commit: ObjectId | None
    epoch: str
    sequence: int
    time: float | None = None

    def is_at(self, other: "Position | None") -> bool:
        """Whether it is the same place in the same log."""
        return other is not None and (self.commit, self.epoch, self.sequence) == (
            other.commit,
            other.epoch,
            other.sequence,
        )

    def delay_ms(self) -> float:
        """Milliseconds since the log has had it; 0 when that is unknown."""
        return max(0.0, (time.time() - self.time) * 1000) if self.time is not None else 0.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """A branch as it is served."""

    commit: ObjectId
    tree: ObjectId
    snapshot: Snapshot


@dataclass(slots=True, eq=False)
class Track:
    """One branch of one zone.

    ``current`` is what is served of it, ``done`` the position that this answers to. ``known`` are
    objects that came along with announcements. ``seen`` is when it was last known to be current,
    in seconds since 1970; None: it is now, as far as the follower is. ``afresh``: the next attempt
    to load it is to begin from nothing, not from what is served.
    """

    zone: Name
    branch: str
    wanted: Position
    done: Position | None = None
    current: Compiled | None = None
    known: list[RawObject] = field(default_factory=list)
    problem: str | None = None
    seen: float | None = None
    afresh: bool = False
    went_back: int = 0

    @property
    def is_behind(self) -> bool:
        """Whether there is something to do."""
        return self.wanted is not self.done


class Tracks:
    """All tracks. ``branches`` are those followed in each zone: the one served by default, and
    then the canary's, if there is one; ``only`` the zones, all when empty."""

    def __init__(self, zones: Zones, branches: tuple[str, ...], only: Iterable[Name] = ()) -> None:
        self.zones = zones
        self.branches = branches
        self.only = frozenset(only)
        self.confirmed: float | None = None
        """When the log was last known to hold nothing newer, in seconds since 1970."""
        self._tracks: dict[Name, dict[str, Track]] = {}

    def __iter__(self) -> Iterator[Track]:
        return (track for of_zone in list(self._tracks.values()) for track in of_zone.values())

    def of(self, zone: Name) -> list[Track]:
        """The tracks of a zone, the default branch's first."""
        of_zone = self._tracks.get(zone, {})
        return [of_zone[branch] for branch in self.branches if branch in of_zone]

    def follows(self, zone: Name, branch: str) -> bool:
        """Whether a branch of a zone is anything to this resolver."""
        return branch in self.branches and (not self.only or zone in self.only)

    def track(self, zone: Name, branch: str, wanted: Position) -> Track:
        """The track of a branch, sent to ``wanted``; made when there is none."""
        of_zone = self._tracks.setdefault(zone, {})
        track = of_zone.get(branch)
        if track is None:
            track = of_zone[branch] = Track(zone, branch, wanted)
        track.wanted = wanted
        return track

    def confirm(self, track: Track) -> None:
        """A track turns out to be where it should be."""
        track.wanted = track.done or track.wanted
        track.problem = track.seen = None

    def recall(self, track: Track, compiled: Compiled, seen: float | None) -> None:
        """Serves what was served before this process; ``seen`` is when that was known current."""
        self.arrive(track, track.wanted, compiled)
        track.seen = seen if seen is not None else 0.0

    def arrive(self, track: Track, position: Position, compiled: Compiled | None) -> None:
        """From now on queries see ``compiled``; None: they see nothing of this branch."""
        before = track.current
        track.current, track.done, track.afresh = compiled, position, False
        track.problem = track.seen = None
        if before is not None and compiled is not None:
            self._compare(track, before.snapshot.serial, compiled.snapshot.serial)
        if compiled is None:
            of_zone = self._tracks[track.zone]
            if not track.is_behind:
                del of_zone[track.branch]
            if not of_zone:
                del self._tracks[track.zone]
                self.zones.forget(track.zone)
        self.zones.replace(track.zone, self._served(track.zone))

    def _served(self, zone: Name) -> Served | None:
        states = {track.branch: self._state(track) for track in self.of(zone)}
        default, *others = (states.get(branch) for branch in self.branches)
        return Served(default, *others) if default is not None else None

    def _state(self, track: Track) -> State | None:
        if track.current is None:
            return None
        return self.zones.state(
            track.zone, track.branch, track.current.commit, track.current.snapshot
        )

    def _compare(self, track: Track, before: int | None, after: int | None) -> None:
        if before is None or after is None or before == after or later(after, before):
            return
        track.went_back += 1
        log.warning(
            "serial.went-back",
            zone=names.text(track.zone),
            branch=track.branch,
            before=before,
            after=after,
        )

    def fail(self, track: Track, problem: str) -> None:
        """Notes why a track cannot get where it should be; what is served stays."""
        track.problem = problem
        self.fall_behind(track)

    def fall_behind(self, track: Track) -> None:
        """Its age starts to run."""
        if track.seen is None:
            track.seen = self.confirmed if self.confirmed is not None else time.time()

    def age(self, track: Track, now: float) -> float | None:
        """Seconds since what is served was last known to be current; None when nobody has known
        since the process began."""
        seen = track.seen if track.seen is not None else self.confirmed
        return max(0.0, now - seen) if seen is not None else None
