"""A service of one file: it follows the log, and answers how many zones there are."""

import asyncio
from typing import Any

import click

from zonegit import process
from zonegit.bus import RemoteRefs, connect
from zonegit.bus.endpoints import answers, endpoints_of
from zonegit.bus.log_follower import LogFollower, LogHandler
from zonegit.bus.service import serve
from zonegit.config import BusSettings
from zonegit.store.ref_log import LogEntry
from zonegit.wire.messages import AskWhere, Count, Message
from zonegit.wire.subjects import Request
from zonegit.wire.verbs import Right, Verb
from zonegit.zone.names import Name


class ZoneCount(Message, frozen=True):
    zones: Count


COUNT = Verb("counter", "zones", AskWhere, ZoneCount, Right.READ)


class ZoneCounter(LogHandler):
    zones: frozenset[Name | None] = frozenset()

    @answers(COUNT)
    async def count(self, request: Request, message: AskWhere) -> ZoneCount:
        return ZoneCount(zones=len(self.zones))

    def apply_row(self, entry: LogEntry, objects: Any) -> None:
        if entry.ref.space == "zone":
            change = self.zones.union if entry.kind == "added" else self.zones.difference
            self.zones = change({entry.ref.zone})

    def end_read(self, zones: Any, first: Any) -> bool:
        self.zones = frozenset(zones)
        return True


async def run(bus_settings: BusSettings, settings: Any) -> None:
    async with connect(bus_settings, name="counter", patient=True) as bus:
        counter = ZoneCounter()
        following = asyncio.create_task(LogFollower(bus, RemoteRefs(bus, "counter"), counter).run())
        async with serve(bus, "counter", "counter", endpoints_of("counter", counter, [COUNT])):
            await following


@click.command()
@process.common_options
def main(**options: Any) -> None:
    raise SystemExit(process.run("counter", run, **options))


if __name__ == "__main__":
    main()
