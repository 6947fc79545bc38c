"""What this resolver serves: a state for each state of each zone, where it should be and where it
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
    target: LogPosition
    applied: LogPosition | None = None
    current: Compiled | None = None
    known_objects: list[RawObject] = field(default_factory=list)
    problem: str | None = None
    seen: float | None = None
    needs_full_load: bool = False
    serial_regressions: int = 0
    is_held: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether there is something to do."""
        return self.target is not self.applied


class ZoneStates:
    """All states, by zone and label. ``plan`` says which there are to be."""

    def __init__(self, zones: ZoneTable, plan: ServingPlan) -> None:
        self.zones = zones
        self.plan = plan
        self.on_change: list[Callable[[ZoneState, Compiled], None]] = []
        """Called once everybody is served another commit of a zone: what a state has now. What one
        of these raises keeps no zone from being served, nor does one of ``on_apply``."""
        self.on_apply: list[Callable[[ZoneState, Compiled], None]] = []
        """Called once a branch, which is no pin, is served from another commit."""
        self.confirmed: float | None = None
        """When the log was last known to hold nothing newer, in seconds since 1970."""
        self._states: dict[Name, dict[str, ZoneState]] = {}
        self._standing: dict[Name, str] = {}
        """What zones are served as until what the plan wants of them has come."""

    def __iter__(self) -> Iterator[ZoneState]:
        return (state for of_zone in list(self._states.values()) for state in of_zone.values())

    def of(self, zone: Name) -> list[ZoneState]:
        """The states of a zone: the default one, the canary's, then those that are only served
        until the default one has come."""
        of_zone = self._states.get(zone, {})
        labels = self.plan.labels(zone)
        wanted = [of_zone[label] for label in labels if label in of_zone]
        return [*wanted, *(state for state in of_zone.values() if state.branch not in labels)]

    def has(self, zone: Name, label: str) -> bool:
        """Whether there is a state of that name."""
        return label in self._states.get(zone, {})

    def holds(self, state: ZoneState) -> bool:
        """Whether a state is still of use; it is not when another plan has come meanwhile."""
        return self._states.get(state.zone, {}).get(state.branch) is state

    def set_target(self, zone: Name, label: str, wanted: LogPosition) -> ZoneState:
        """The state of that name, sent to ``wanted``; made when there is none."""
        of_zone = self._states.setdefault(zone, {})
        state = of_zone.get(label)
        if state is None:
            state = of_zone[label] = ZoneState(zone, label, wanted)
        state.target = wanted
        return state

    def adopt(self, plan: ServingPlan) -> list[Name]:
        """From now on this is to be served. The zones that are to be served otherwise, each of
        which is then to be settled."""
        before, self.plan = self.plan, plan
        changed = [zone for zone in self._states if before.of(zone) != plan.of(zone)]
        for zone in changed:
            for label in before.labels(zone)[:1]:
                self._standing.setdefault(zone, label)
        return changed

    def publish(self, zone: Name) -> list[ZoneState]:
        """From now on queries see what the plan says, if it is there, else the default state of
        before. The states that are of no use any more, forgotten."""
        of_zone = self._states.get(zone, {})
        labels = self.plan.labels(zone)
        default = of_zone.get(labels[0]) if labels else None
        if not labels or (default is not None and default.current is not None):
            before = of_zone.get(self._standing.pop(zone, ""))
            if default is not None and before is not None:
                self._compare(default, before.current, default.current)
        useless = []
        for state in list(of_zone.values()):
            if state.branch in labels:
                state.problem = state.problem if state.is_behind else None
            elif state.branch == self._standing.get(zone) and state.current is not None:
                self.fail(state, f"served until {labels[0]} is there")
            else:
                useless.append(of_zone.pop(state.branch))
        self._serve(zone)
        if not of_zone:
            self._forget(zone)
        return useless

    def _serve(self, zone: Name) -> None:
        before, served = self.zones.by_apex.get(zone), self._served(zone)
        self.zones.replace(zone, served)
        if served is None or (before is not None and _is_same(before.default, served.default)):
            return
        state = self._states[zone][served.default.branch]
        assert state.current is not None  # it is what is served
        _notify_observers(self.on_change, state, state.current)

    def _forget(self, zone: Name) -> None:
        self._states.pop(zone, None)
        self._standing.pop(zone, None)
        self.zones.drop_counters(zone)

    def confirm(self, state: ZoneState) -> None:
        """A state turns out to be where it should be."""
        state.target = state.applied or state.target
        state.problem = state.seen = None
        state.is_held = False

    def restore(self, state: ZoneState, compiled: Compiled, seen: float | None) -> None:
        """Serves what was served before this process; ``seen`` is when that was known current."""
        self.apply(state, state.target, compiled)
        state.seen = seen if seen is not None else 0.0

    def apply(
        self, state: ZoneState, position: LogPosition, compiled: Compiled | None
    ) -> list[ZoneState]:
        """From now on queries see ``compiled``; None: they see nothing of this branch. As
        :meth:`settle`, returns what this has made useless."""
        before = state.current
        state.current, state.applied, state.needs_full_load = compiled, position, False
        state.problem = state.seen = None
        state.is_held = False
        if compiled is not None and self.plan.follows(state.zone, state.branch):
            _notify_observers(self.on_apply, state, compiled)
        self._compare(state, before, compiled)
        if compiled is None and not state.is_behind:
            del self._states[state.zone][state.branch]
        return self.publish(state.zone)

    def _served(self, zone: Name) -> ServedBranches | None:
        serving = self.plan.of(zone)
        labels = serving.labels if serving is not None else ()
        of_zone = self._states.get(zone, {})
        branches = {label: self._branch_state(state) for label, state in of_zone.items()}
        default, canary = (*map(branches.get, labels), None, None)[:2]
        split = serving.canary if serving is not None else None
        if default is None:
            default, canary, split = branches.get(self._standing.get(zone, "")), None, None
        if serving is None or default is None:
            return None
        return ServedBranches(default, canary, split, serving.query_from, serving.transfer_to)

    def _branch_state(self, state: ZoneState) -> BranchState | None:
        if state.current is None:
            return None
        return self.zones.make_state(
            state.zone, state.branch, state.current.commit, state.current.snapshot
        )

    def _compare(self, state: ZoneState, old: Compiled | None, new: Compiled | None) -> None:
        """Tells when secondaries take what they get now for older than what they got."""
        before = old.snapshot.serial if old is not None else None
        after = new.snapshot.serial if new is not None else None
        if before is None or after is None or before == after or later(after, before):
            return
        state.serial_regressions += 1
        log.warning(
            "serial.went-back",
            zone=names.text(state.zone),
            branch=state.branch,
            before=before,
            after=after,
        )

    def fail(self, state: ZoneState, problem: str) -> None:
        """Notes why a state cannot get where it should be; what is served stays."""
        state.problem = problem
        self.start_aging(state)

    def hold(self, state: ZoneState) -> None:
        """Keep a state as it is: the ref store has lost what it stands for."""
        state.is_held = True
        self.start_aging(state)

    def release(self, state: ZoneState) -> None:
        """End what :meth:`hold` began, for a state that stays where it is."""
        state.is_held = False

    def start_aging(self, state: ZoneState) -> None:
        """Its age starts to run."""
        if state.seen is None:
            state.seen = self.confirmed if self.confirmed is not None else time.time()

    def age(self, state: ZoneState, now: float) -> float | None:
        """Seconds since what is served was last known to be current; None when nobody has known
        since the process began, and for a pin, which stays what it is."""
        if self.plan.is_pinned(state.zone):
            return None
        seen = state.seen if state.seen is not None else self.confirmed
        return max(0.0, now - seen) if seen is not None else None


def _notify_observers(
    observers: Iterable[Callable[[ZoneState, Compiled], None]], state: ZoneState, compiled: Compiled
) -> None:
    for observe in observers:
        with isolate("observer", zone=partial(names.text, state.zone), branch=state.branch):
            observe(state, compiled)


def _is_same(one: BranchState, other: BranchState) -> bool:
    return (one.branch, one.commit) == (other.branch, other.commit)
