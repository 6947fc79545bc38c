"""A resolver follows the ref store of its own installation only
(docs/adr/0045-installations.md)."""

import time
from pathlib import Path

from tests.support.waiting import eventually_true
from tests.unit.resolver.backend import Backend, run_backend, run_resolver
from tests.unit.resolver.cache_files import files, summary

from zonegit.store import ref_names
from zonegit.store.ref_log import LogEntry
from zonegit.wire import subjects
from zonegit.wire.messages import Heartbeat, RefEvent
from zonegit.zone import names

FOO = names.parse("foo.com.")
WWW = "www.foo.com."
OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"
STRANGER = "f" * 16


async def comes_to_refuse(there: Backend, name: str = "r") -> None:
    async def refuses() -> bool:
        return bool((await there.status())[name].refuses)

    await eventually_true(refuses)


async def installation(there: Backend) -> str:
    return (await there.repo.refs.snapshot()).installation


def beat(sequence: int = 1, *replaces: str) -> Heartbeat:
    return Heartbeat(
        epoch="x", sequence=sequence, time=time.time(), installation=STRANGER,
        replaces=list(replaces),
    )  # fmt: skip


async def test_an_empty_store_that_replaces_the_followed_one_is_not_followed(
    nats_url: str, tmp_path: Path
) -> None:
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, tmp_path / "stores") as there:
            await there.commit("foo.com.", OLD)
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            held = await installation(there)
        async with run_backend(nats_url, tmp_path / "empty") as there:
            await comes_to_refuse(there)
            status = (await there.status())["r"]
            assert (status.installation, status.refuses) == (held, await installation(there))
            (zone,) = status.zones
            assert "another installation" in str(zone.problem)
            assert zone.age is not None
            assert zone.age > 0
            metrics = (await running.page("/metrics"))[1]
            assert 'zonegit_zone_problem{branch="main",zone="foo.com."} 1.0' in metrics
            # It does not load commits of this store, either.
            await there.commit("bar.com.", NEW)
            assert await running.query_text(WWW) == "NOERROR 192.0.2.1"
            assert await running.query_text("www.bar.com.") == "REFUSED"
        async with run_backend(nats_url, tmp_path / "stores") as there:
            await there.commit("foo.com.", NEW)
            await running.wait_for_text("NOERROR 192.0.2.2", WWW)
            status = (await there.status())["r"]
            assert (status.refuses, status.zones[0].problem) == ("", None)
    assert files(tmp_path)


async def test_the_installation_is_remembered_across_restarts(
    nats_url: str, tmp_path: Path
) -> None:
    async with (
        run_resolver(nats_url, tmp_path) as running,
        run_backend(nats_url, tmp_path / "a") as there,
    ):
        await there.commit("foo.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    async with run_backend(nats_url, tmp_path / "b") as there:
        await there.commit("foo.com.", NEW)
        async with run_resolver(nats_url, tmp_path) as running:
            assert await running.wait_for_first_text(WWW) == "NOERROR 192.0.2.1"
            await comes_to_refuse(there)
            assert await running.query_text(WWW) == "NOERROR 192.0.2.1"


async def test_a_store_that_declares_the_replacement_is_followed(
    nats_url: str, tmp_path: Path
) -> None:
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, tmp_path / "a") as there:
            await there.commit("foo.com.", OLD)
            await there.commit("gone.com.", OLD)
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            held = await installation(there)
        async with run_backend(nats_url, tmp_path / "b") as there:
            await comes_to_refuse(there)
            await there.commit("foo.com.", NEW)
            await there.repo.refs.replace(held, there.repo.origin("adopt-store"))
            await running.wait_for_text("NOERROR 192.0.2.2", WWW)
            await running.wait_for_text("REFUSED", "www.gone.com.")
            status = (await there.status())["r"]
            assert (status.installation, status.refuses) == (await installation(there), "")


async def test_a_second_store_on_the_bus_changes_nothing(backend: Backend, tmp_path: Path) -> None:
    """Its events and heartbeats are those of another installation, which does not replace ours."""
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        entry = LogEntry(
            999, "moved", ref_names.branch(FOO, "main"), None, None, 1, "m", 0.0, "", "o" * 16
        )
        for number in range(20):
            await backend.bus.publish(
                subjects.event(entry.kind, entry.ref),
                RefEvent(epoch="x", entry=entry, installation=STRANGER),
            )
            await backend.bus.publish(subjects.HEARTBEAT, beat(number))
        await backend.commit("foo.com.", NEW)
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
        status = (await backend.status())["r"]
        assert (status.refuses, status.held, status.lag) == ("", False, 0)


async def test_a_pin_is_kept_while_refs_is_another_one_and_is_no_problem_afterwards(
    nats_url: str, tmp_path: Path
) -> None:
    async with run_resolver(nats_url, tmp_path, at="main~1") as running:
        async with run_backend(nats_url, tmp_path / "a") as there:
            await there.commit("foo.com.", OLD)
            await there.commit("foo.com.", NEW)
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        async with run_backend(nats_url, tmp_path / "b") as there:
            await comes_to_refuse(there)
            assert await running.query_text(WWW) == "NOERROR 192.0.2.1"
        async with run_backend(nats_url, tmp_path / "a") as there:

            async def is_content() -> bool:
                (zone,) = (await there.status())["r"].zones
                return zone.problem is None

            await eventually_true(is_content)
            assert await running.query_text(WWW) == "NOERROR 192.0.2.1"


async def test_a_cache_of_the_previous_release_gets_the_id_of_the_log_that_it_knows(
    nats_url: str, tmp_path: Path
) -> None:
    """An empty store is not that log, although the cache has no id yet."""

    def forget() -> None:
        with summary(tmp_path) as database:
            database.execute("DROP TABLE digest")
            database.execute("ALTER TABLE standing DROP COLUMN digest")
            database.execute("ALTER TABLE followed DROP COLUMN installation")
            database.execute("PRAGMA user_version = 2")

    async with (
        run_resolver(nats_url, tmp_path) as running,
        run_backend(nats_url, tmp_path / "a") as there,
    ):
        await there.commit("foo.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        held = await installation(there)
    forget()
    async with (
        run_backend(nats_url, tmp_path / "b") as there,
        run_resolver(nats_url, tmp_path) as running,
    ):
        assert await running.wait_for_first_text(WWW) == "NOERROR 192.0.2.1"

        async def is_held() -> bool:
            return (await there.status())["r"].held

        await eventually_true(is_held)
        assert await running.query_text(WWW) == "NOERROR 192.0.2.1"
        assert (await there.status())["r"].installation == ""
    async with run_backend(nats_url, tmp_path / "a") as there, run_resolver(nats_url, tmp_path):

        async def knows() -> bool:
            return (await there.status())["r"].installation == held

        await eventually_true(knows)
