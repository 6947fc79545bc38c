"""Follow the log of the ref store: the tips of the branches become the targets of zone states.

How the log is followed is in :mod:`zonegit.bus.log_follower`. If it went back, what is served stays
in service, because secondaries have it too, until an operator has recovered the zone
(docs/adr/0030-recovery.md).
"""

import time
from collections.abc import Collection, Iterable, Sequence

from zonegit.bus.connection import Bus
from zonegit.bus.log_follower import LogFollower
from zonegit.objects.ids import RawObject
from zonegit.store.installation import FollowedEnd
from zonegit.store.ref_log import LogEntry
from zonegit.store.refs import RefsSnapshot, RefStore, ZoneRefs
from zonegit.zone.names import Name
from zonegit_resolver.cache.cache import ZoneCache
from zonegit_resolver.cache.summary import FollowedLog
from zonegit_resolver.follow.pins import Pins
from zonegit_resolver.follow.stored_settings import SettingsFollower
from zonegit_resolver.follow.updater import Updater
from zonegit_resolver.zone_states import LogPosition, ZoneStates


class Follower:
    """Sets the targets of zone states from the log (:class:`zonegit.bus.log_follower.LogHandler`).

    Attributes:
        log: follows the log.
    """

    def __init__(
        self,
        bus: Bus,
        refs: RefStore,
        states: ZoneStates,
        updater: Updater,
        pins: Pins,
        cache: ZoneCache,
        settings: SettingsFollower,
    ) -> None:
        self._states = states
        self._updater = updater
        self._pins = pins
        self._settings = settings
        self._notes = cache.notes
        self._lineage = cache.lineage
        self._plan_of_read = states.plan
        known = self._notes.followed
        end = FollowedEnd(
            known.installation, known.epoch, known.sequence, known.past, known.operation
        )
        self.log = LogFollower(bus, refs, self, end)

    @property
    def lag(self) -> int:
        """Return the number of rows that are known to exist and are not served yet."""
        return self.log.missing + sum(state.is_behind for state in self._states)

    def adopt_plan(self, changed: Iterable[Name]) -> None:
        """Read all tips again after a new plan; resolve the pins of the changed zones again."""
        for zone in changed:
            self._pins.forget(zone)
        self.log.read_again()

    def confirm(self) -> None:
        """Record that what is served is current."""
        self._states.confirmed = time.time()

    def refuse_store(self) -> None:
        """Keep serving all zones."""
        for state in self._states:
            self._states.hold(state)

    def note_replaced_log(self) -> None:
        """Doubt the lineage of all serials."""
        self._lineage.doubt_all()

    def record_end(self, end: FollowedEnd) -> None:
        """Note the last row in the cache."""
        began = self._notes.followed.began
        self._notes.record_followed(
            FollowedLog(end.epoch, end.sequence, end.past, began, end.operation, end.installation)
        )

    def begin_read(self, first: RefsSnapshot) -> None:
        """Remember the plan by which the tips are read."""
        self._plan_of_read = self._states.plan
        self._notes.record_start(first.start)

    def end_read(self, zones: Collection[Name], first: RefsSnapshot) -> bool:
        """Remove zones that are no longer registered; return False if the plan has changed."""
        if self._states.plan is not self._plan_of_read:
            return False
        if not (self.log.is_held or first.recovering):
            self._settings.forget_others(zones, first.epoch, first.sequence)
        for state in list(self._states):
            if state.zone in zones:
                continue
            if self.log.is_held or first.recovering:
                self._states.hold(state)
            else:
                gone = LogPosition(None, first.epoch, first.sequence)
                self._updater.set_target(state.zone, state.branch, gone)
                self._pins.forget(state.zone)
        return True

    def apply_zone(self, zone: ZoneRefs, first: RefsSnapshot) -> None:
        """Set the targets of a zone from a snapshot of all tips."""
        self._settings.note_row(zone.zone)
        if self.log.is_held or zone.awaiting:
            self._hold_zone(zone, first)
            return
        tip = zone.serving
        doc, sequence = (tip.target, tip.sequence) if tip else (None, first.sequence)
        self._settings.set_target(zone.zone, doc, first.epoch, sequence)
        if self._states.plan.is_pinned(zone.zone):
            for state in self._states.list_states(zone.zone):
                self._states.release(state)
            self._pins.add(zone.zone, first.epoch, first.sequence)
            return
        for branch in self._states.plan.labels(zone.zone):
            if tip := zone.heads.get(branch):
                position = LogPosition(tip.target, first.epoch, tip.sequence)
                self._updater.set_target(zone.zone, branch, position)
            elif self._states.has(zone.zone, branch):
                gone = LogPosition(None, first.epoch, first.sequence)
                self._updater.set_target(zone.zone, branch, gone)

    def _hold_zone(self, zone: ZoneRefs, first: RefsSnapshot) -> None:
        """Keep the served branches of a zone that is not recovered; follow its other branches."""
        served = {
            each.branch for each in self._states.list_states(zone.zone) if each.current is not None
        }
        for state in self._states.list_states(zone.zone):
            if state.current is not None:
                self._states.hold(state)
        if self._states.plan.is_pinned(zone.zone):
            if not served:
                self._pins.add(zone.zone, first.epoch, first.sequence)
            return
        for branch in self._states.plan.labels(zone.zone):
            if branch not in served and (tip := zone.heads.get(branch)):
                position = LogPosition(tip.target, first.epoch, tip.sequence)
                self._updater.set_target(zone.zone, branch, position)

    def apply_row(self, entry: LogEntry, objects: Sequence[RawObject]) -> None:
        """Set the target of the branch that a row moves."""
        ref, epoch = entry.ref, self.log.end.epoch
        if ref.zone is None:
            return
        self._settings.note_row(ref.zone)
        if ref.space == "serving" or entry.kind == "removed":
            self._settings.set_target(ref.zone, entry.new, epoch, entry.sequence, objects)
        # A page of the snapshot may have shown a later row already.
        known = {
            state.branch
            for state in self._states.list_states(ref.zone)
            if state.target.epoch == epoch and state.target.sequence >= entry.sequence
        }
        if entry.kind == "removed":
            gone = LogPosition(None, epoch, entry.sequence, entry.time)
            for state in self._states.list_states(ref.zone):
                if state.branch not in known:
                    self._updater.set_target(ref.zone, state.branch, gone)
            self._pins.forget(ref.zone)
        elif self._states.plan.is_pinned(ref.zone):
            self._pins.add(ref.zone, epoch, entry.sequence)
        elif ref.space == "heads" and self._states.plan.follows(ref.zone, ref.short):
            moved = LogPosition(entry.new, epoch, entry.sequence, entry.time)
            if ref.short not in known:
                self._updater.set_target(ref.zone, ref.short, moved, objects)
