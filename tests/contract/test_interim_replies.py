"""Requests whose work takes longer than they allow, over a real bus."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import nats
import pytest

from zonegit.bus import Bus, headers, interim
from zonegit.bus.endpoints import Endpoint
from zonegit.bus.lanes import DEFAULT_LANE
from zonegit.bus.service import serve
from zonegit.errors import Unavailable
from zonegit.wire import codec, verbs
from zonegit.wire.messages import FindObjects, FoundObjects
from zonegit.wire.subjects import Request

Pair = tuple[Bus, Bus]
Report = Callable[[], Awaitable[None]]
SUBJECT = "zg.ada.objects.find"
ALLOWED_S = 2.0
WORK_S = 2 * ALLOWED_S
FIND = verbs.of_service("objects")["find"]


class LongWork:
    """A handler that works for ``WORK_S``, and calls ``report`` meanwhile."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.was_cancelled = asyncio.Event()

    async def find(self, request: Request, message: FindObjects) -> FoundObjects:
        clock = asyncio.get_running_loop().time
        end = clock() + WORK_S
        try:
            while clock() < end:
                await self._report()
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return FoundObjects(objects=[])


@asynccontextmanager
async def run_service(served: Bus, report: Report) -> AsyncIterator[LongWork]:
    work = LongWork(report)
    endpoints = {"find": Endpoint(FIND, work.find)}
    async with serve(served, "objectstore", "objects", endpoints, {DEFAULT_LANE: 4}):
        yield work


async def report_nothing() -> None:
    """Report nothing."""


async def ask(bus: Bus, *, is_long: bool = True) -> FoundObjects:
    return await bus.request(
        SUBJECT, FindObjects(prefix="0000"), FoundObjects, timeout=ALLOWED_S, is_long=is_long
    )


async def test_a_request_that_advances_is_answered_after_the_time_it_allows(pair: Pair) -> None:
    served, bus = pair
    async with run_service(served, interim.report):
        assert (await ask(bus)).objects == []


async def test_a_request_that_does_not_advance_ends_at_its_deadline(pair: Pair) -> None:
    served, bus = pair
    async with run_service(served, report_nothing) as work:
        with pytest.raises(Unavailable):
            await ask(bus)
        await work.was_cancelled.wait()


async def test_a_sender_that_accepts_no_interim_replies_waits_once(pair: Pair) -> None:
    """A resolver could otherwise make a service wait for its answer."""
    served, bus = pair
    async with run_service(served, interim.report) as work:
        with pytest.raises(Unavailable, match="did not answer"):
            await ask(bus, is_long=False)
        await work.was_cancelled.wait()


async def test_an_uninvited_interim_reply_does_not_extend_a_request(
    pair: Pair, nats_url: str
) -> None:
    """Any user who may answer requests can send one."""
    _, bus = pair
    hostile = await nats.connect(nats_url)

    async def take(message: nats.aio.msg.Msg) -> None:
        while True:
            await hostile.publish(message.reply, b"", headers={headers.INTERIM: "1"})
            await asyncio.sleep(0.1)

    await hostile.subscribe(SUBJECT, cb=take)
    for _ in range(2):  # the library sends the first PING before the subscription
        await hostile.flush()
    with pytest.raises(Unavailable, match="did not answer"):
        await ask(bus, is_long=False)
    await hostile.close()


async def test_no_request_is_extended_for_ever(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headers, "MAX_TOTAL_S", 0.0)
    served, bus = pair
    async with run_service(served, interim.report) as work:
        with pytest.raises(Unavailable):
            await ask(bus)
        await work.was_cancelled.wait()


@pytest.mark.parametrize("timeout", [None, "2.0"])
async def test_a_client_of_an_earlier_release_gets_one_reply(
    nats_url: str, pair: Pair, timeout: str | None
) -> None:
    served, _ = pair
    replies: asyncio.Queue[headers.Headers] = asyncio.Queue()

    async def take(message: nats.aio.msg.Msg) -> None:
        await replies.put(message.headers or {})

    async with run_service(served, interim.report):
        client = await nats.connect(nats_url, inbox_prefix="_INBOX.ada")
        inbox = client.new_inbox()
        await client.subscribe(inbox, cb=take)
        found = {headers.TIMEOUT: timeout} if timeout is not None else None
        await client.publish(
            SUBJECT, codec.encode(FindObjects(prefix="0000")), reply=inbox, headers=found
        )
        assert headers.is_interim(await replies.get()) == (timeout is not None)
        await client.close()
