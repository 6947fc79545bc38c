"""A resolver announces itself to a ref store, with a name that no other process has."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from tests.support.waiting import DEADLINE_S, eventually, eventually_true
from tests.unit.resolver.backend import Backend, RunningResolver, run_backend, run_resolver

from zonegit.bus.resolver_status import read_registry
from zonegit.wire import codec, subjects
from zonegit.wire.messages import MAX_ANNOUNCEMENT, Announcement, Registered

WWW = "www.foo.com."
TEXT = "www 300 A 192.0.2.1\n"


async def registry(backend: Backend, *expected: str) -> dict[str, Registered]:
    known = await read_registry(backend.bus, "ada", expected=expected, timeout=DEADLINE_S)
    return {each.last.resolver: each for each in known.resolvers}


async def wait_until_serving(backend: Backend, name: str) -> Announcement:
    """Wait until a resolver answers queries, and return its announcement."""

    async def is_serving() -> bool:
        found = (await registry(backend, name)).get(name)
        return found is not None and found.last.is_serving

    await eventually_true(is_serving)
    return (await registry(backend, name))[name].last


@asynccontextmanager
async def announcements(backend: Backend) -> AsyncIterator[list[Announcement]]:
    """Collect the announcements made meanwhile."""
    heard: list[Announcement] = []

    def hear(_subject: str, octets: bytes) -> None:
        heard.append(codec.decode(octets, Announcement, MAX_ANNOUNCEMENT))

    async with backend.bus.subscribe(subjects.ANNOUNCEMENTS, hear):
        yield heard


async def test_an_announcement_has_name_position_and_branches(
    backend: Backend, tmp_path: Path
) -> None:
    done = await backend.commit("foo.com.", TEXT)
    async with run_resolver(backend.url, tmp_path, branch="main") as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        said = await wait_until_serving(backend, "r")
        assert (said.epoch, said.branches, said.is_pinned) == (done.moved.epoch, ["main"], False)
        assert said.sequence >= done.moved.sequence
        assert (said.zones, said.problems, said.own_settings, said.only) == (1, 0, 0, 0)


async def test_the_refish_of_a_pin_does_not_make_an_announcement_longer(
    backend: Backend, tmp_path: Path
) -> None:
    done = await backend.commit("foo.com.", TEXT)
    async with run_resolver(backend.url, tmp_path, at=done.commit.hex()):
        said = await wait_until_serving(backend, "r")
        assert (said.branches, said.is_pinned) == ([], True)


async def test_a_change_is_announced_soon_after_a_call(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path), announcements(backend) as heard:
        await wait_until_serving(backend, "r")
        count = len(heard)
        await backend.bus.send(subjects.resolvers("announce"), b"")
        await eventually(lambda: len(heard) > count)


async def test_a_ref_store_started_later_knows_the_resolver_at_its_first_answer(
    nats_url: str, tmp_path: Path
) -> None:
    """A command right after a start thus never learns that there is no resolver."""
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, tmp_path / "stores") as there:
            await there.commit("foo.com.", TEXT)
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            await wait_until_serving(there, "r")
        async with run_backend(nats_url, tmp_path / "stores") as there:
            assert list(await registry(there)) == ["r"]


async def test_a_second_resolver_with_a_name_exits_and_the_first_continues(
    backend: Backend, tmp_path: Path
) -> None:
    await backend.commit("foo.com.", TEXT)
    async with run_resolver(backend.url, tmp_path / "one") as first:
        await first.wait_for_text("NOERROR 192.0.2.1", WWW)
        said = await wait_until_serving(backend, "r")
        assert "a resolver named r is running" in await run_to_exit(backend.url, tmp_path / "two")
        assert await first.query_text(WWW) == "NOERROR 192.0.2.1"
        assert (await registry(backend, "r"))["r"].last.instance == said.instance


async def run_to_exit(url: str, data: Path) -> str:
    """Run a resolver that exits by itself, and return the reason."""
    said = ""
    with suppress(BaseExceptionGroup):  # the resolver raises it when the test leaves it
        async with run_resolver(url, data) as running:
            said = await wait_for_reason(running)
    return said


async def wait_for_reason(running: RunningResolver) -> str:
    """Wait for a resolver to end, and return the reason."""
    await eventually(running.task.done)
    error: BaseException | None = running.task.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


async def test_the_later_of_two_resolvers_that_start_together_exits(
    backend: Backend, tmp_path: Path
) -> None:
    """Neither got an answer to its question, because the other did not listen yet."""
    with suppress(BaseExceptionGroup):
        async with run_resolver(backend.url, tmp_path) as running:
            mine = await wait_until_serving(backend, "r")
            other = msgspec.structs.replace(mine, instance="other", started=mine.started - 1)
            await backend.bus.publish(subjects.announcement("r"), other)
            said = await wait_for_reason(running)
    assert "another resolver named r began before this one" in said


async def test_the_earlier_of_two_resolvers_that_start_together_continues(
    backend: Backend, tmp_path: Path
) -> None:
    await backend.commit("foo.com.", TEXT)
    async with run_resolver(backend.url, tmp_path) as running, announcements(backend) as heard:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        mine = await wait_until_serving(backend, "r")
        other = msgspec.structs.replace(mine, instance="other", started=mine.started + 1)
        await backend.bus.publish(subjects.announcement("r"), other)
        # It has received the announcement of the other, and announces itself.
        await eventually(lambda: [each.instance for each in heard][-2:] == ["other", mine.instance])
        assert await running.query_text(WWW) == "NOERROR 192.0.2.1"
        assert (await registry(backend, "r"))["r"].is_contested


async def test_a_resolver_starts_while_its_name_belongs_to_a_client_that_never_answers(
    backend: Backend, tmp_path: Path
) -> None:
    """For example one that is frozen, or whose host is gone without a message to the bus."""
    await backend.commit("foo.com.", TEXT)
    silent = backend.bus.subscribe(subjects.resolver("r", "status"), lambda *_: None)
    async with silent, run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
