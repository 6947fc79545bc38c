"""Record what each secondary of a zone was notified of, answered and transferred.

A transfer belongs to the secondary with the address of the client, and with the key of the request
if the secondary has one. If several secondaries have that address and key, as on one machine, a
transfer belongs to none of them, and their state stays ``answered``.

Only configured secondaries have a state, so the memory is bounded by the configuration. All numbers
by state are kept up to date by each record, so that the metrics do not visit each state.
"""

import bisect
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Final

from zonegit.nameserver.acl import Secondary
from zonegit.zone.names import Name

Secondaries = Callable[[Name], tuple[Secondary, ...]]
"""Returns the secondaries of a zone."""

SILENT_AFTER: Final = 2
"""Attempts without an answer after which a secondary counts as silent."""


class Progress(StrEnum):
    """The progress of a secondary towards the serial of its last NOTIFY.

    ``WAITING``: the NOTIFY is sent and not answered yet. ``SILENT``: it was repeated and not
    answered. ``REFUSED``: it was answered with an error. ``ANSWERED``: it was answered, and no
    serial of the secondary is known since this process started. ``BEHIND``: it was answered, and
    the last serial that the secondary is known to have is another one. ``IN_STEP``: the secondary
    has the serial.
    """

    WAITING = "waiting"
    SILENT = "silent"
    REFUSED = "refused"
    ANSWERED = "answered"
    BEHIND = "behind"
    IN_STEP = "in step"


@dataclass(slots=True, eq=False)
class SecondaryState:
    """The state of one secondary of a zone.

    Attributes:
        notified: The serial of the last NOTIFY; None for a zone without one.
        notified_at: The time of its first attempt, in seconds since 1970.
        attempts: The attempts so far.
        is_answered: Whether it was answered without an error.
        problem: Why it was not answered, or the error; None if there is no problem.
        has: The serial that the secondary is known to have; None if unknown.
        transfer: The kind of its last transfer; None if there was none.
        transferred_at: The time of the transfer, in seconds since 1970.
    """

    zone: Name
    secondary: Secondary
    notified: int | None
    notified_at: float
    attempts: int = 0
    is_answered: bool = False
    is_refused: bool = False
    problem: str | None = None
    has: int | None = None
    transfer: str | None = None
    transferred_at: float | None = None

    @property
    def progress(self) -> Progress:
        """Return the progress towards ``notified``."""
        if self.has is not None and self.has == self.notified:
            return Progress.IN_STEP
        if self.is_refused:
            return Progress.REFUSED
        if not self.is_answered:
            is_silent = self.problem is not None or self.attempts >= SILENT_AFTER
            return Progress.SILENT if is_silent else Progress.WAITING
        return Progress.ANSWERED if self.has is None else Progress.BEHIND


class SecondaryStates:
    """The states of all configured secondaries.

    Args:
        secondaries: Returns the secondaries of a zone.

    Attributes:
        counts: The number of zones by secondary and progress.
    """

    def __init__(self, secondaries: Secondaries) -> None:
        self.counts: Counter[tuple[Secondary, Progress]] = Counter()
        self._secondaries = secondaries
        self._states: dict[Name, dict[Secondary, SecondaryState]] = {}
        self._zones: list[Name] | None = []
        """The zones, new ones at the end: they are sorted in when they are listed, which is fast.
        None after one was deleted."""

    def record_notify(self, zone: Name, secondary: Secondary, serial: int | None) -> None:
        """Record that a NOTIFY is to be sent."""
        if zone not in self._states:
            self._states[zone] = {}
            if self._zones is not None:
                self._zones.append(zone)
        state = self._states[zone].get(secondary)
        if state is None:
            state = SecondaryState(zone, secondary, serial, time.time())
            self._states[zone][secondary] = state
        else:
            self._uncount(state)
            state.notified, state.notified_at, state.attempts = serial, time.time(), 0
            state.is_answered, state.is_refused, state.problem = False, False, None
        self._count(state)

    def record_attempt(self, zone: Name, secondary: Secondary) -> None:
        """Record that the NOTIFY was sent once more."""
        if state := self._find(zone, secondary):
            self._uncount(state)
            state.attempts += 1
            self._count(state)

    def record_answer(
        self, zone: Name, secondary: Secondary, problem: str | None = None, *, refused: bool = False
    ) -> None:
        """Record the end of a NOTIFY.

        Args:
            zone: The zone.
            secondary: The secondary.
            problem: The error, or why there is no answer; None if it was answered.
            refused: Whether it was answered with an error.
        """
        if state := self._find(zone, secondary):
            self._uncount(state)
            state.is_answered, state.is_refused, state.problem = problem is None, refused, problem
            self._count(state)

    def record_transfer(
        self, zone: Name, peer: str, key: Name | None, kind: str, serial: int | None
    ) -> None:
        """Record that a client has a serial now.

        Args:
            zone: The zone.
            peer: The address of the client.
            key: The key of its request; None for an unsigned one.
            kind: The kind of the transfer.
            serial: The serial that it transferred or has already.
        """
        of_zone = self._states.get(zone)
        if not of_zone:
            return
        found = [
            state
            for each, state in of_zone.items()
            if each.address.host == peer and (each.key is None or each.key == key)
        ]
        exact = [state for state in found if state.secondary.key == key] or found
        if len(exact) == 1:
            (state,) = exact
            self._uncount(state)
            state.has, state.transfer, state.transferred_at = serial, kind, time.time()
            self._count(state)

    def forget_others(self, zone: Name) -> None:
        """Delete the states of secondaries that the zone no longer has."""
        current = self._secondaries(zone)
        of_zone = self._states.get(zone, {})
        for secondary in [each for each in of_zone if each not in current]:
            self._uncount(of_zone.pop(secondary))
        if not of_zone:
            self.forget(zone)

    def forget(self, zone: Name) -> None:
        """Delete the states of a zone that is no longer served."""
        if zone not in self._states:
            return
        for state in self._states.pop(zone).values():
            self._uncount(state)
        self._zones = None

    def list_states(
        self, zone: Name | None = None, after: tuple[Name, str] | None = None
    ) -> Iterator[SecondaryState]:
        """Yield the states of one zone, or of all zones in the order of names.

        Args:
            zone: The zone; None for all.
            after: The zone and the text of the secondary after which to begin; None for the first.
        """
        for each in self._list_zones(after[0] if after is not None else None, zone):
            of_zone = sorted(
                ((str(key), state) for key, state in self._states[each].items()),
                key=itemgetter(0),
            )
            yield from (state for text, state in of_zone if after is None or (each, text) > after)

    def _list_zones(self, first: Name | None, only: Name | None) -> list[Name]:
        if only is not None:
            return [only] if only in self._states else []
        if self._zones is None:
            self._zones = list(self._states)
        self._zones.sort()
        start = bisect.bisect_left(self._zones, first) if first is not None else 0
        return self._zones[start:]

    def _find(self, zone: Name, secondary: Secondary) -> SecondaryState | None:
        return self._states.get(zone, {}).get(secondary)

    def _count(self, state: SecondaryState) -> None:
        self.counts[state.secondary, state.progress] += 1

    def _uncount(self, state: SecondaryState) -> None:
        key = state.secondary, state.progress
        self.counts[key] -= 1
        if not self.counts[key]:
            del self.counts[key]
