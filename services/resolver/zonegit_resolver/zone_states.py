"""Keep the target and the applied state of each branch of each zone, and publish what is served.

Theory of operation. A zone is served from one branch, or from two if it has a canary, or from the
commit of a pin. Each of these is a ``ZoneState``, found by its zone and its label: the name of the
branch, or the refish of the pin. A state has a desired part and an actual part:

- ``target`` is the position in the log that the state is to reach.
- ``applied`` is the position that it has reached, and ``current`` the compiled zone at that
  position; None if the branch does not exist there.

A state is behind while the two positions differ, and goes through these steps:

1. ``set_target``: the follower or the pins have found a position in the log. A state that does not
   exist is created here, without ``current``.
2. The updater loads the commit of the target, outside of this module. If that fails, ``fail``
   records the problem, ``current`` stays in service, and the updater tries again.
3. ``apply``: the commit is loaded. ``current`` and ``applied`` are replaced at once. A target
   without a commit removes the state. If the log led back to what is applied, ``confirm`` is called
   instead and nothing is loaded.
4. ``publish``: the zone table, which the query path reads, gets the states that the serving plan
   names. Nothing else writes to the table, so a query sees a zone before or after a change.

``restore`` does steps 1 to 4 for a zone from the disk cache. ``adopt`` replaces the serving plan
(at SIGHUP). The plan can name branches that are not loaded yet. Until the new default state is
loaded, the previous default stays in service; ``publish`` then drops every state that the plan does
not name, and returns these so that the caller can free them and their cache rows.

``hold`` is for a ref store that was restored from a backup: the log no longer has what is served.
The state keeps ``current`` until an operator has recovered the zone (docs/adr/0030-recovery.md).

A state is current as long as the follower knows that the log holds nothing newer (``confirmed``).
When a state fails or is held, its age starts (``start_aging``). A zone that is older than the
expire field of its SOA is answered with the extended error Stale Answer (RFC 8914 section 4.4).
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

import structlog

from zonegit.containment import isolate
from zonegit.nameserver.answer.zone_table import BranchState, ServedBranches, ZoneTable
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.serial import is_later
from zonegit_resolver.canary_counts import CanaryCounts
from zonegit_resolver.config.serving import FollowedSettings, ServingPlan

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogPosition:
    """The position of a branch in the log.

    ``commit`` is None if the branch does not exist there. ``time`` is the time of the move, in
    seconds since 1970; None if it is unknown.
    """

    commit: ObjectId | None
    epoch: str
    sequence: int
    time: float | None = None

    def is_at(self, other: "LogPosition | None") -> bool:
        """Return whether both are the same position of the same log."""
        return other is not None and (self.commit, self.epoch, self.sequence) == (
            other.commit,
            other.epoch,
            other.sequence,
        )

    def delay_ms(self) -> float:
        """Return the milliseconds since the move; 0 if its time is unknown."""
        return max(0.0, (time.time() - self.time) * 1000) if self.time is not None else 0.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """A branch at one commit, compiled for answering."""

    commit: ObjectId
    tree: ObjectId
    snapshot: ZoneSnapshot


@dataclass(slots=True, eq=False)
class ZoneState:
    """The state of one branch of a zone, or of one pin of a zone.

    Attributes:
        branch: The name of the branch, or the refish of the pin.
        target: The position to reach.
        applied: The position that was reached; None before the first commit is loaded.
        current: The compiled zone at ``applied``; None if there is none.
        known_objects: Objects that came with events, for the next load.
        problem: The reason why the target is not reached; None if there is none.
        seen: The time when ``current`` was last known to be current, in seconds since 1970; None
            if it is current as far as the follower knows.
        needs_full_load: The next load starts from an empty zone, not from ``current``.
        serial_regressions: The number of changes to a serial that is not later.
        is_held: The ref store has lost the applied position, so ``current`` stays in service until
            the zone is recovered.
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
        """Return whether the target differs from what is applied."""
        return self.target is not self.applied


class ZoneStates:
    """All states, by zone and label. ``plan`` decides which states are served.

    Args:
        zones: the zone table.
        plan: the settings of options and file.
        stored: the settings of zones in the store, when the process starts.
    """

    def __init__(
        self,
        zones: ZoneTable,
        plan: ServingPlan,
        stored: Mapping[Name, FollowedSettings] = MappingProxyType({}),
    ) -> None:
        self.zones = zones
        self._stored = dict(stored)
        self.plan = replace(plan, stored=self._stored)
        self.on_change: list[Callable[[ZoneState, Compiled], None]] = []
        """Called when the default state of a zone is served at another commit. An exception of an
        observer is logged and does not affect what is served; the same holds for ``on_apply``."""
        self.on_apply: list[Callable[[ZoneState, Compiled], None]] = []
        """Called when another commit of a branch is applied. Not called for a pin."""
        self.on_remove: list[Callable[[Name], None]] = []
        """Called when a zone is no longer served."""
        self.confirmed: float | None = None
        """The time when the log was last known to hold nothing newer, in seconds since 1970."""
        self._states: dict[Name, dict[str, ZoneState]] = {}
        self.canary_counts = CanaryCounts(zones.queries)
        self._previous_default: dict[Name, str] = {}
        """The label that a zone is served from until the default of a new plan is loaded."""

    def __iter__(self) -> Iterator[ZoneState]:
        return (state for of_zone in list(self._states.values()) for state in of_zone.values())

    def list_states(self, zone: Name) -> list[ZoneState]:
        """Return the states of a zone: the default, the canary, then those that are served only
        until the default is loaded."""
        of_zone = self._states.get(zone, {})
        labels = self.plan.labels(zone)
        planned = [of_zone[label] for label in labels if label in of_zone]
        return [*planned, *(state for state in of_zone.values() if state.branch not in labels)]

    def has(self, zone: Name, label: str) -> bool:
        """Return whether a zone has a state with that label."""
        return label in self._states.get(zone, {})

    def contains(self, state: ZoneState) -> bool:
        """Return whether a state is still in use: another plan may have dropped it."""
        return self._states.get(state.zone, {}).get(state.branch) is state

    def set_target(self, zone: Name, label: str, target: LogPosition) -> ZoneState:
        """Set the target of a state, which is created if it does not exist, and return it."""
        of_zone = self._states.setdefault(zone, {})
        state = of_zone.get(label)
        if state is None:
            state = of_zone[label] = ZoneState(zone, label, target)
        state.target = target
        return state

    def adopt(self, plan: ServingPlan) -> list[Name]:
        """Replace the serving plan.

        Returns:
            The zones that are served differently; the caller publishes each of them.
        """
        before, self.plan = self.plan, replace(plan, stored=self._stored)
        changed = [zone for zone in self._states if before.get(zone) != plan.get(zone)]
        for zone in changed:
            for label in before.labels(zone)[:1]:
                self._previous_default.setdefault(zone, label)
        return changed

    def set_stored(self, zone: Name, stored: FollowedSettings | None) -> bool:
        """Replace the settings of a zone in the store; None if it has none.

        Returns:
            Whether the zone is served differently; then the caller publishes it.
        """
        before = self.plan.get(zone)
        if stored is None:
            self._stored.pop(zone, None)
        else:
            self._stored[zone] = stored
        return before != self.plan.get(zone)

    def find_problem(self, state: ZoneState) -> str | None:
        """Return the reason why a state is not as it should be: it cannot reach its target, or, for
        the default state, the settings of the zone in the store are not applied."""
        if state.problem is not None or state.branch not in self.plan.labels(state.zone)[:1]:
            return state.problem
        return self.plan.find_problem(state.zone)

    def publish(self, zone: Name) -> list[ZoneState]:
        """Serve a zone as the plan says, or from its previous default until the new one is loaded.

        Returns:
            The states that are no longer used; they are dropped from this collection.
        """
        of_zone = self._states.get(zone, {})
        labels = self.plan.labels(zone)
        default = of_zone.get(labels[0]) if labels else None
        if not labels or (default is not None and default.current is not None):
            before = of_zone.get(self._previous_default.pop(zone, ""))
            if default is not None and before is not None:
                self._check_serial(default, before.current, default.current)
        unused = []
        for state in list(of_zone.values()):
            if state.branch in labels:
                state.problem = state.problem if state.is_behind else None
            elif state.branch == self._previous_default.get(zone) and state.current is not None:
                self.fail(state, f"served until {labels[0]} is loaded")
            else:
                unused.append(of_zone.pop(state.branch))
        self._serve(zone)
        if not of_zone:
            self._forget(zone)
        return unused

    def _serve(self, zone: Name) -> None:
        before, served = self.zones.by_apex.get(zone), self._make_served(zone)
        self.zones.replace(zone, served)
        if served is None and before is not None:
            for observe in self.on_remove:
                with isolate("observer", zone=partial(names.text, zone)):
                    observe(zone)
        if served is not None:
            split = served.split if served.canary is not None else None
            self.canary_counts.restart(zone, split, served.default.branch)
        if served is None or (before is not None and _is_same(before.default, served.default)):
            return
        state = self._states[zone][served.default.branch]
        assert state.current is not None  # it is served
        _notify_observers(self.on_change, state, state.current)

    def _forget(self, zone: Name) -> None:
        self._states.pop(zone, None)
        self._previous_default.pop(zone, None)
        self.zones.drop_counters(zone)
        self.canary_counts.restart(zone, None, "")

    def confirm(self, state: ZoneState) -> None:
        """Record that a state is at its target."""
        state.target = state.applied or state.target
        state.problem = state.seen = None
        state.is_held = False

    def restore(self, state: ZoneState, compiled: Compiled, seen: float | None) -> None:
        """Serve a branch from the disk cache.

        Args:
            state: The state of the branch.
            compiled: The branch as it was served before this process.
            seen: The time when it was last known to be current, in seconds since 1970; None if that
                is unknown.
        """
        self.apply(state, state.target, compiled)
        state.seen = seen if seen is not None else 0.0

    def apply(
        self, state: ZoneState, position: LogPosition, compiled: Compiled | None
    ) -> list[ZoneState]:
        """Record that a position is reached, and publish the zone.

        Args:
            state: The state.
            position: The position that is reached.
            compiled: The branch at that position; None if it does not exist there.

        Returns:
            The states that are no longer used.
        """
        before = state.current
        state.current, state.applied, state.needs_full_load = compiled, position, False
        state.problem = state.seen = None
        state.is_held = False
        if compiled is not None and self.plan.follows(state.zone, state.branch):
            _notify_observers(self.on_apply, state, compiled)
        self._check_serial(state, before, compiled)
        if compiled is None and not state.is_behind:
            del self._states[state.zone][state.branch]
        return self.publish(state.zone)

    def _make_served(self, zone: Name) -> ServedBranches | None:
        serving = self.plan.get(zone)
        labels = serving.labels if serving is not None else ()
        of_zone = self._states.get(zone, {})
        branches = {label: self._make_branch_state(state) for label, state in of_zone.items()}
        default, canary = (*map(branches.get, labels), None, None)[:2]
        split = serving.canary if serving is not None else None
        if default is None:
            default, canary, split = branches.get(self._previous_default.get(zone, "")), None, None
        if serving is None or default is None:
            return None
        return ServedBranches(default, canary, split, serving.query_from, serving.transfer_to)

    def _make_branch_state(self, state: ZoneState) -> BranchState | None:
        if state.current is None:
            return None
        return self.zones.make_state(
            state.zone, state.branch, state.current.commit, state.current.snapshot
        )

    def _check_serial(self, state: ZoneState, old: Compiled | None, new: Compiled | None) -> None:
        """Count and log a change to a serial that secondaries take for an older one."""
        before = old.snapshot.serial if old is not None else None
        after = new.snapshot.serial if new is not None else None
        if before is None or after is None or before == after or is_later(after, before):
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
        """Record why a state cannot reach its target; ``current`` stays in service."""
        state.problem = problem
        self.start_aging(state)

    def hold(self, state: ZoneState) -> None:
        """Keep a state as it is: the ref store has lost its applied position."""
        state.is_held = True
        self.start_aging(state)

    def release(self, state: ZoneState) -> None:
        """End :meth:`hold` for a state that does not change."""
        state.is_held = False

    def start_aging(self, state: ZoneState) -> None:
        """Start the age of a state, unless it runs already."""
        if state.seen is None:
            state.seen = self.confirmed if self.confirmed is not None else time.time()

    def age(self, state: ZoneState, now: float) -> float | None:
        """Return the seconds since a state was last known to be current.

        None if the process has not followed the log yet, and for a pin, which does not change.
        """
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
