"""A service that follows the log: it starts with all refs, applies each row, and misses none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.remote_stores import refs_of
from tests.support.waiting import PATIENCE_S, eventually
from tests.toys.tag_counter import SUBJECT, AskTags, TagCount, TagCounter, run_tag_counter
from tests.unit.resolver.backend import Backend, run_backend

from zonegit.bus import connect
from zonegit.config import BusSettings
from zonegit.repo.change import tags
from zonegit.zone import names

COM = names.parse("com.")
HOST = "www 300 A 192.0.2.1\n"


@asynccontextmanager
async def run_both(url: str, path: Path) -> AsyncIterator[tuple[Backend, TagCounter]]:
    """Run stores with two zones and one tag, then the service."""
    async with run_backend(url, path) as backend:
        await backend.commit("foo.org.", HOST)
        await tag(backend, "foo.com.", "v1")
        async with (
            connect(BusSettings(url), name="toy") as bus,
            run_tag_counter(bus, refs_of(bus, "toy"), COM) as counter,
        ):
            await counter.log.complete.wait()
            yield backend, counter


async def tag(backend: Backend, zone: str, name: str) -> None:
    """Commit to a zone, and tag the commit."""
    done = await backend.commit(zone, f"{HOST}{name} 300 A 192.0.2.1\n")
    await tags.create(backend.repo, names.parse(zone), name, done.commit, "a test")


async def ask(backend: Backend) -> dict[str, int]:
    """Return what the service answers."""
    return (await backend.bus.request(SUBJECT, AskTags(), TagCount, timeout=PATIENCE_S)).tags


async def test_a_service_starts_with_all_refs_and_then_applies_rows(
    nats_url: str, tmp_path: Path
) -> None:
    async with run_both(nats_url, tmp_path) as (backend, counter):
        assert await ask(backend) == {"foo.com.": 1}
        await tag(backend, "foo.com.", "v2")
        await tag(backend, "foo.org.", "v1")
        await tag(backend, "bar.com.", "v1")
        await eventually(lambda: counter.calls["apply_row"] == 2)
        assert await ask(backend) == {"foo.com.": 2, "bar.com.": 1}
        await tags.delete(backend.repo, names.parse("bar.com."), "v1")
        await eventually(lambda: counter.calls["apply_row"] == 3)
        assert await ask(backend) == {"foo.com.": 2}


async def test_rows_whose_events_were_lost_are_read_from_the_log(
    nats_url: str, tmp_path: Path
) -> None:
    async with run_both(nats_url, tmp_path) as (backend, counter):
        backend.announces = False
        await tag(backend, "foo.com.", "v2")
        backend.announces = True
        await tag(backend, "foo.com.", "v3")
        await eventually(lambda: counter.calls["apply_row"] == 2)
        assert await ask(backend) == {"foo.com.": 3}


async def test_a_row_that_the_handler_cannot_apply_makes_it_read_all_refs(
    nats_url: str, tmp_path: Path
) -> None:
    async with run_both(nats_url, tmp_path) as (backend, counter):
        counter.calls.clear()
        counter.fails_once = True
        await tag(backend, "foo.com.", "v2")
        await eventually(lambda: counter.calls["apply_zone"] >= 2)
        assert await ask(backend) == {"foo.com.": 2}


async def test_after_a_restart_all_refs_are_read_again(nats_url: str, tmp_path: Path) -> None:
    async with run_backend(nats_url, tmp_path) as backend:
        await tag(backend, "foo.com.", "v1")
        async with connect(BusSettings(nats_url), name="toy") as bus:
            refs = refs_of(bus, "toy")
            async with run_tag_counter(bus, refs, COM) as counter:
                await counter.log.complete.wait()
                end = counter.log.end
            await tag(backend, "foo.com.", "v2")
            async with run_tag_counter(bus, refs, COM, end) as counter:
                await counter.log.complete.wait()
                assert not counter.log.is_held
                assert await ask(backend) == {"foo.com.": 2}
