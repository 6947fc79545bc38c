"""A resolver serves each zone by its serving settings in the store, where its file has none."""

import asyncio
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import dns.edns
from tests.support.waiting import DEADLINE_S, eventually
from tests.unit.resolver.backend import Backend, RunningResolver, run_resolver

from zonegit.nameserver.answer.canary import Canary
from zonegit.objects.codec import encode
from zonegit.repo.change import serving
from zonegit.repo.change.serving import ServingChange
from zonegit.store import digests
from zonegit.store.serving_settings import CanarySetting, ServingSettings, make_doc
from zonegit.wire.messages import ZoneServing
from zonegit.zone import names
from zonegit_resolver.cache import summary
from zonegit_resolver.config import serving as config
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.serving import FollowedSettings, Serving, ServingPlan

FOO = names.parse("foo.com.")
OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"
SEEN, UNSEEN = "NOERROR 192.0.2.2", "NOERROR 192.0.2.1"


def stored(branch: str, percent: int = 10) -> FollowedSettings:
    return FollowedSettings(settings=ServingSettings(CanarySetting(branch, percent, "s")))


def test_the_store_decides_about_the_canary_where_options_and_file_do_not() -> None:
    plan = ServingPlan(stored={FOO: stored("next")})
    assert plan.get(FOO) == Serving(canary=Canary("next", 10, "s"), source="store")
    assert plan.labels(FOO) == ("main", "next")
    assert plan.get(names.parse("bar.com.")) == Serving()
    for decided in ({"canary": "x:5"}, {"canary": ""}, {"at": "v1"}):
        of_file = config.read_serving(decided)
        assert of_file.source == "file"
        plan = ServingPlan(zones={FOO: of_file}, stored={FOO: stored("next")})
        assert plan.get(FOO) == of_file
        assert plan.find_problem(FOO) is None
    assert config.read_serving({"branch": "x", "at": ""}).source is None


def test_a_canary_of_the_branch_that_is_the_default_is_a_problem() -> None:
    plan = ServingPlan(stored={FOO: stored("main")})
    assert plan.get(FOO) == Serving()
    assert plan.find_problem(FOO) == "the canary main is the branch that is served by default"


async def ask(running: RunningResolver, address: str = "10.1.2.0") -> str:
    return await running.query_text("www.foo.com.", options=[dns.edns.ECSOption(address, 24)])


async def wait_for(running: RunningResolver, expected: str) -> None:
    async def is_so() -> bool:
        return await ask(running) == expected

    deadline = time.monotonic() + DEADLINE_S
    while not await is_so():
        assert not running.task.done(), running.task.exception()
        assert time.monotonic() < deadline


async def two_branches(backend: Backend) -> None:
    done = await backend.commit("foo.com.", OLD)
    await backend.branch("foo.com.", "next", done.commit)
    await backend.commit("foo.com.", NEW, "next")


async def set_canary(backend: Backend, branch: str, percent: int) -> ServingChange:
    return await serving.set_canary(backend.repo, FOO, branch, percent)


async def read_asked(backend: Backend) -> ZoneServing:
    from zonegit.bus.resolver_status import ask_status

    status = await ask_status(backend.bus, "r", FOO)
    assert status is not None
    assert status.asked is not None
    return status.asked


async def test_a_canary_of_the_store_is_served_and_removed_without_a_restart(
    backend: Backend, tmp_path: Path
) -> None:
    await two_branches(backend)
    async with run_resolver(backend.url, tmp_path) as running:
        await wait_for(running, UNSEEN)
        done = await set_canary(backend, "next", 100)
        await wait_for(running, SEEN)
        asked = await read_asked(backend)
        assert (asked.source, asked.settings) == ("store", done.after.target)
        await backend.commit("foo.com.", "www 300 A 192.0.2.3\n", "next")
        await wait_for(running, "NOERROR 192.0.2.3")
        await serving.remove_canary(backend.repo, FOO)
        await wait_for(running, UNSEEN)
        assert (await read_asked(backend)).source is None


async def test_the_salt_is_kept_while_the_branch_stays(backend: Backend) -> None:
    await two_branches(backend)
    first = (await set_canary(backend, "next", 10)).after.settings.canary
    second = (await set_canary(backend, "next", 50)).after.settings.canary
    assert first is not None
    assert second == CanarySetting("next", 50, first.salt)
    other = (await set_canary(backend, "main", 50)).after.settings.canary
    assert other is not None
    assert other.salt != first.salt


async def test_a_resolver_that_starts_serves_the_canary_at_once(
    backend: Backend, tmp_path: Path
) -> None:
    await two_branches(backend)
    await set_canary(backend, "next", 100)
    async with run_resolver(backend.url, tmp_path) as running:
        assert await running.wait_for_first_text("www.foo.com.") == SEEN


async def test_the_canary_survives_a_restart_without_the_bus(
    backend: Backend, tmp_path: Path
) -> None:
    await two_branches(backend)
    await set_canary(backend, "next", 100)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SEEN, "www.foo.com.")
    async with run_resolver("nats://127.0.0.1:1", tmp_path) as running:
        assert await running.wait_for_first_text("www.foo.com.") == SEEN


async def test_the_file_wins_and_the_store_holds_again_when_the_file_has_none(
    backend: Backend, tmp_path: Path
) -> None:
    await two_branches(backend)
    file = tmp_path / "resolver.toml"
    file.write_text('[zone."foo.com"]\ncanary = ""\n')
    async with run_resolver(backend.url, tmp_path, config=PlanFile(file, {})) as running:
        await wait_for(running, UNSEEN)
        done = await set_canary(backend, "next", 100)

        async def has_read() -> bool:
            return (await read_asked(backend)).settings == done.after.target

        deadline = time.monotonic() + DEADLINE_S
        while not await has_read():
            assert time.monotonic() < deadline
        assert (await read_asked(backend)).source == "file"
        assert await ask(running) == UNSEEN
        file.write_text("")
        from zonegit.bus.resolver_status import ask_reload

        await ask_reload(backend.bus, "r", is_check=False, timeout=DEADLINE_S)
        await wait_for(running, SEEN)


async def test_a_canary_whose_events_are_lost_is_read_from_the_log(
    backend: Backend, tmp_path: Path
) -> None:
    await two_branches(backend)
    async with run_resolver(backend.url, tmp_path) as running:
        await wait_for(running, UNSEEN)
        backend.announces = False
        await set_canary(backend, "next", 100)
        await wait_for(running, SEEN)


async def test_a_removed_zone_leaves_no_settings(backend: Backend, tmp_path: Path) -> None:
    await two_branches(backend)
    await set_canary(backend, "next", 100)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text(SEEN, "www.foo.com.")
        await backend.remove("foo.com.")
        await running.wait_for_text("REFUSED", "www.foo.com.")
        await backend.commit("foo.com.", OLD, serial=9)
        await backend.commit("foo.com.", NEW, "next", serial=9)
        await wait_for(running, UNSEEN)
        assert (await read_asked(backend)).settings is None


async def test_concurrent_moves_of_the_canary_end_at_the_last(
    backend: Backend, tmp_path: Path
) -> None:
    """The tip of a branch that becomes the canary is read while it moves."""
    await two_branches(backend)
    async with run_resolver(backend.url, tmp_path) as running:
        await wait_for(running, UNSEEN)

        async def move() -> None:
            for n in range(10, 20):
                await backend.commit("foo.com.", f"www 300 A 192.0.2.{n}\n", "next")

        async def toggle() -> None:
            for n in range(8):
                with suppress(Exception):
                    await set_canary(backend, "next", 90 + n)
                    await serving.remove_canary(backend.repo, FOO)

        await asyncio.gather(move(), toggle())
        await set_canary(backend, "next", 100)
        await wait_for(running, "NOERROR 192.0.2.19")
        await eventually(lambda: not running.task.done())


async def test_a_summary_of_the_earlier_release_is_upgraded(tmp_path: Path) -> None:
    """It has digests, but none of the table that the upgrade adds."""
    followed = summary.FollowedLog("epoch", 5)
    async with summary.open_summary(tmp_path) as file:
        await file.record_notes(followed, {})
    with closing(sqlite3.connect(tmp_path / summary.FILE)) as database, database:
        database.execute("DROP TABLE settings")
        database.execute("DELETE FROM digest WHERE name = 'settings'")
        database.execute("PRAGMA user_version = 4")
        digests.refresh(database, (digests.SCHEMA,))
    doc = encode(make_doc(ServingSettings(CanarySetting("next", 10, "s"))))
    async with summary.open_summary(tmp_path) as file:
        assert file.known.followed == followed
        assert file.known.settings == {}
        await file.record_notes(followed, {}, {FOO: doc})
    async with summary.open_summary(tmp_path) as file:
        assert file.known.settings == {FOO: doc}
        await file.record_notes(followed, {}, {FOO: None})
    async with summary.open_summary(tmp_path) as file:
        assert file.known.settings == {}
