"""What this resolver serves: a track for each state of each zone, where it should be and where it
is. What is served is made from here and from nothing else.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import structlog

from zonegit.containment import isolate
from zonegit.nameserver.answer.zone_table import BranchState, ServedBranches, ZoneTable
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import later
from zonegit_resolver.config.serving import ServingPlan

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a branch stands in the log. ``commit`` None: it has none, or is gone. ``time`` is when
    it came there, in seconds since 1970, None when that is unknown."""

    commit: ObjectId | None
    epoch: str
    sequence: int
    time: float | None = None

    def is_at(self, other: "LogPosition | None") -> bool:
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
    snapshot: ZoneSnapshot


@dataclass(slots=True, eq=False)
class ZoneState:
    """One state of one zone: of a branch, or of what a refish stands for, which ``branch`` then is.

    ``current`` is what is served of it, ``done`` the position that this answers to. ``known`` are
    objects that came along with announcements. ``seen`` is when it was last known to be current,
    in seconds since 1970; None: it is now, as far as the follower is. ``afresh``: the next attempt
    to load it is to begin from nothing, not from what is served. ``held``: the ref store has lost
    what this stands for, so it stays until the zone is recovered.
    """

    zone: Name
    branch: str
    wanted: LogPosition
    done: LogPosition | None = None
    current: Compiled | None = None
    known: list[RawObject] = field(default_factory=list)
    problem: str | None = None
    seen: float | None = None
    afresh: bool = False
    went_back: int = 0
    held: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether there is something to do."""
        return self.wanted is not self.done


class ZoneStates:
    """All tracks, by zone and label. ``plan`` says which there are to be."""

    def __init__(self, zones: ZoneTable, plan: ServingPlan) -> None:
        self.zones = zones
        self.plan = plan
        self.turned: list[Callable[[ZoneState, Compiled], None]] = []
        """Called once everybody is served another commit of a zone: what a track has now. What one
        of these raises keeps no zone from being served, nor does one of ``arrived``."""
        self.arrived: list[Callable[[ZoneState, Compiled], None]] = []
        """Called once a branch, which is no pin, is served from another commit."""
        self.confirmed: float | None = None
        """When the log was last known to hold nothing newer, in seconds since 1970."""
        self._tracks: dict[Name, dict[str, ZoneState]] = {}
        self._standing: dict[Name, str] = {}
        """What zones are served as until what the plan wants of them has come."""

    def __iter__(self) -> Iterator[ZoneState]:
        return (track for of_zone in list(self._tracks.values()) for track in of_zone.values())

    def of(self, zone: Name) -> list[ZoneState]:
        """The tracks of a zone: the default one, the canary's, then those that are only served
        until the default one has come."""
        of_zone = self._tracks.get(zone, {})
        labels = self.plan.labels(zone)
        wanted = [of_zone[label] for label in labels if label in of_zone]
        return [*wanted, *(track for track in of_zone.values() if track.branch not in labels)]

    def has(self, zone: Name, label: str) -> bool:
        """Whether there is a track of that name."""
        return label in self._tracks.get(zone, {})

    def holds(self, track: ZoneState) -> bool:
        """Whether a track is still of use; it is not when another plan has come meanwhile."""
        return self._tracks.get(track.zone, {}).get(track.branch) is track

    def track(self, zone: Name, label: str, wanted: LogPosition) -> ZoneState:
        """The track of that name, sent to ``wanted``; made when there is none."""
        of_zone = self._tracks.setdefault(zone, {})
        track = of_zone.get(label)
        if track is None:
            track = of_zone[label] = ZoneState(zone, label, wanted)
        track.wanted = wanted
        return track

    def adopt(self, plan: ServingPlan) -> list[Name]:
        """From now on this is to be served. The zones that are to be served otherwise, each of
        which is then to be settled."""
        before, self.plan = self.plan, plan
        changed = [zone for zone in self._tracks if before.of(zone) != plan.of(zone)]
        for zone in changed:
            for label in before.labels(zone)[:1]:
                self._standing.setdefault(zone, label)
        return changed

    def settle(self, zone: Name) -> list[ZoneState]:
        """From now on queries see what the plan says, if it is there, else the default state of
        before. The tracks that are of no use any more, forgotten."""
        of_zone = self._tracks.get(zone, {})
        labels = self.plan.labels(zone)
        default = of_zone.get(labels[0]) if labels else None
        if not labels or (default is not None and default.current is not None):
            before = of_zone.get(self._standing.pop(zone, ""))
            if default is not None and before is not None:
                self._compare(default, before.current, default.current)
        useless = []
        for track in list(of_zone.values()):
            if track.branch in labels:
                track.problem = track.problem if track.is_behind else None
            elif track.branch == self._standing.get(zone) and track.current is not None:
                self.fail(track, f"served until {labels[0]} is there")
            else:
                useless.append(of_zone.pop(track.branch))
        self._serve(zone)
        if not of_zone:
            self._forget(zone)
        return useless

    def _serve(self, zone: Name) -> None:
        before, served = self.zones.by_apex.get(zone), self._served(zone)
        self.zones.replace(zone, served)
        if served is None or (before is not None and _is_same(before.default, served.default)):
            return
        track = self._tracks[zone][served.default.branch]
        assert track.current is not None  # it is what is served
        _notify_observers(self.turned, track, track.current)

    def _forget(self, zone: Name) -> None:
        self._tracks.pop(zone, None)
        self._standing.pop(zone, None)
        self.zones.drop_counters(zone)

    def confirm(self, track: ZoneState) -> None:
        """A track turns out to be where it should be."""
        track.wanted = track.done or track.wanted
        track.problem = track.seen = None
        track.held = False

    def recall(self, track: ZoneState, compiled: Compiled, seen: float | None) -> None:
        """Serves what was served before this process; ``seen`` is when that was known current."""
        self.arrive(track, track.wanted, compiled)
        track.seen = seen if seen is not None else 0.0

    def arrive(
        self, track: ZoneState, position: LogPosition, compiled: Compiled | None
    ) -> list[ZoneState]:
        """From now on queries see ``compiled``; None: they see nothing of this branch. As
        :meth:`settle`, returns what this has made useless."""
        before = track.current
        track.current, track.done, track.afresh = compiled, position, False
        track.problem = track.seen = None
        track.held = False
        if compiled is not None and self.plan.follows(track.zone, track.branch):
            _notify_observers(self.arrived, track, compiled)
        self._compare(track, before, compiled)
        if compiled is None and not track.is_behind:
            del self._tracks[track.zone][track.branch]
        return self.settle(track.zone)

    def _served(self, zone: Name) -> ServedBranches | None:
        serving = self.plan.of(zone)
        labels = serving.labels if serving is not None else ()
        of_zone = self._tracks.get(zone, {})
        states = {label: self._state(track) for label, track in of_zone.items()}
        default, canary = (*map(states.get, labels), None, None)[:2]
        split = serving.canary if serving is not None else None
        if default is None:
            default, canary, split = states.get(self._standing.get(zone, "")), None, None
        if serving is None or default is None:
            return None
        return ServedBranches(default, canary, split, serving.query_from, serving.transfer_to)

    def _state(self, track: ZoneState) -> BranchState | None:
        if track.current is None:
            return None
        return self.zones.make_state(
            track.zone, track.branch, track.current.commit, track.current.snapshot
        )

    def _compare(self, track: ZoneState, old: Compiled | None, new: Compiled | None) -> None:
        """Tells when secondaries take what they get now for older than what they got."""
        before = old.snapshot.serial if old is not None else None
        after = new.snapshot.serial if new is not None else None
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

    def fail(self, track: ZoneState, problem: str) -> None:
        """Notes why a track cannot get where it should be; what is served stays."""
        track.problem = problem
        self.fall_behind(track)

    def hold(self, track: ZoneState) -> None:
        """Keep a track as it is: the ref store has lost what it stands for."""
        track.held = True
        self.fall_behind(track)

    def release(self, track: ZoneState) -> None:
        """End what :meth:`hold` began, for a track that stays where it is."""
        track.held = False

    def fall_behind(self, track: ZoneState) -> None:
        """Its age starts to run."""
        if track.seen is None:
            track.seen = self.confirmed if self.confirmed is not None else time.time()

    def age(self, track: ZoneState, now: float) -> float | None:
        """Seconds since what is served was last known to be current; None when nobody has known
        since the process began, and for a pin, which stays what it is."""
        if self.plan.is_pinned(track.zone):
            return None
        seen = track.seen if track.seen is not None else self.confirmed
        return max(0.0, now - seen) if seen is not None else None


def _notify_observers(
    observers: Iterable[Callable[[ZoneState, Compiled], None]], track: ZoneState, compiled: Compiled
) -> None:
    for observe in observers:
        with isolate("observer", zone=partial(names.text, track.zone), branch=track.branch):
            observe(track, compiled)


def _is_same(one: BranchState, other: BranchState) -> bool:
    return (one.branch, one.commit) == (other.branch, other.commit)
