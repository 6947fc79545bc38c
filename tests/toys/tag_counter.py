"""A service that follows the log and answers requests: it counts the tags of zones."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import msgspec

from zonegit.bus import Bus
from zonegit.bus.log_follower import LogFollower
from zonegit.bus.service import answer_requests
from zonegit.objects.ids import RawObject
from zonegit.store.installation import FollowedEnd
from zonegit.store.ref_log import LogEntry
from zonegit.store.refs import RefsSnapshot, RefStore, ZoneRefs
from zonegit.zone import names
from zonegit.zone.names import Name

SUBJECT = "zg.toys.tags"


class AskTags(msgspec.Struct):
    """Asks for the number of tags."""


class TagCount(msgspec.Struct):
    """The number of tags of each zone, and the last row that was applied."""

    tags: dict[str, int]
    sequence: int


class TagCounter:
    """Counts tags (:class:`zonegit.bus.log_follower.LogHandler`)."""

    def __init__(self, bus: Bus, refs: RefStore, below: Name, end: FollowedEnd | None) -> None:
        self._below = below
        self._tags: dict[Name, set[str]] = {}
        self.calls: Counter[str] = Counter()
        self.fails_once = False
        self.log = LogFollower(bus, refs, self, end)

    def answer(self, asked: AskTags) -> TagCount:
        tags = {names.text(zone): len(found) for zone, found in self._tags.items() if found}
        return TagCount(tags, self.log.end.sequence)

    def apply_row(self, entry: LogEntry, objects: Sequence[RawObject]) -> None:
        zone = entry.ref.zone
        if zone is None or entry.ref.space != "tags" or not names.is_within(zone, self._below):
            return
        if self.fails_once:
            self.fails_once = False
            raise ZeroDivisionError
        self.calls["apply_row"] += 1
        tags = self._tags.setdefault(zone, set())
        (tags.add if entry.new is not None else tags.discard)(entry.ref.short)

    def apply_zone(self, zone: ZoneRefs, first: RefsSnapshot) -> None:
        self.calls["apply_zone"] += 1
        if names.is_within(zone.zone, self._below):
            self._tags[zone.zone] = set(zone.tags)

    def end_read(self, zones: Collection[Name], first: RefsSnapshot) -> bool:
        self._tags = {zone: found for zone, found in self._tags.items() if zone in zones}
        return True

    def begin_read(self, first: RefsSnapshot) -> None: ...
    def record_end(self, end: FollowedEnd) -> None: ...
    def confirm(self) -> None: ...
    def refuse_store(self) -> None: ...
    def note_replaced_log(self) -> None: ...


@asynccontextmanager
async def run_tag_counter(
    bus: Bus, refs: RefStore, below: Name, end: FollowedEnd | None = None
) -> AsyncIterator[TagCounter]:
    """Run the service, which answers on ``SUBJECT``."""
    counter = TagCounter(bus, refs, below, end)
    async with asyncio.TaskGroup() as group, answer_requests(bus, SUBJECT, AskTags, counter.answer):
        following = group.create_task(counter.log.run())
        yield counter
        following.cancel()
