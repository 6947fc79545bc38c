"""A ref store restored from a backup, with resolvers that remember the lost part of its log.

See docs/adr/0030-recovery.md.
"""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from tests.support.waiting import DEADLINE_S, eventually, eventually_true, retry
from tests.unit.resolver.backend import Backend, run_backend, run_resolver
from tests.unit.resolver.cache_files import root

from zonegit.bus.resolver_status import ask_answered, read_answered_serials, read_registry
from zonegit.errors import Unavailable
from zonegit.repo.change import recover as use_case
from zonegit.repo.change.recover import ZonePlan
from zonegit.store.recovery import AnsweredSerial, Leave, Renew
from zonegit.wire import subjects
from zonegit.wire.messages import ServedEvent
from zonegit.zone import names
from zonegit_resolver.cache.cache import open_cache
from zonegit_resolver.scheduling import Scheduler

FOO, BAR = names.parse("foo.com."), names.parse("bar.com.")
WWW = "www.foo.com."


def address(number: int) -> str:
    return f"www 300 A 192.0.2.{number}\n"


def back_up(stores: Path) -> Path:
    """Copy the refs while they are in use."""
    copy = stores / "refs.backup"
    with (
        closing(sqlite3.connect(stores / "refs.sqlite3")) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
    return copy


def restore(stores: Path, copy: Path) -> None:
    for suffix in ("-wal", "-shm"):
        (stores / f"refs.sqlite3{suffix}").unlink(missing_ok=True)
    shutil.copyfile(copy, stores / "refs.sqlite3")


@asynccontextmanager
async def run_restored(url: str, stores: Path, copy: Path) -> AsyncIterator[Backend]:
    """Run the stores on a backup."""
    restore(stores, copy)
    async with run_backend(url, stores) as there:
        yield there


async def planned(there: Backend, *, headroom: int = 1000) -> list[ZonePlan]:
    found = await there.repo.refs.recovery()
    known = await read_registry(there.bus, "ada", timeout=DEADLINE_S)
    _, answers = await read_answered_serials(
        there.bus, known.names, doubted=found.doubted, timeout=DEADLINE_S
    )
    return await use_case.plan(there.repo, found, answers, headroom)


async def recover(there: Backend, plans: list[ZonePlan]) -> None:
    found = await there.repo.refs.recovery()
    origin = there.repo.origin("recover")
    for each in plans:
        await use_case.recover_zone(there.repo, found, {}, 1000, each, origin)


async def comes_to_be_held(there: Backend, *resolvers: str) -> None:
    async def is_held() -> bool:
        statuses = await there.status()
        return all(name in statuses and statuses[name].held for name in resolvers)

    await eventually_true(is_held)


async def test_a_log_that_went_back_is_not_followed_until_it_is_recovered(
    nats_url: str, tmp_path: Path
) -> None:
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, stores) as there:
            await there.commit("foo.com.", address(1))
            copy = back_up(stores)
            await there.commit("foo.com.", address(2))
            await there.commit("foo.com.", address(3))
            await running.wait_for_text("NOERROR 192.0.2.3", WWW)
        async with run_restored(nats_url, stores, copy) as there:
            await comes_to_be_held(there, "r")
            status = (await there.status())["r"]
            (zone,) = status.zones
            assert zone.problem is not None
            assert "zonegit recover" in zone.problem
            assert (zone.serial, zone.highest) == (9, 9)
            assert (
                'zonegit_zone_problem{branch="main",zone="foo.com."} 1.0'
                in ((await running.page("/metrics"))[1])
            )

            async def is_refused() -> bool:
                return (await there.repo.refs.recovery()).witness is not None

            await eventually_true(is_refused)
            with pytest.raises(Unavailable, match="restored"):
                await there.commit("foo.com.", address(4))
            assert await running.query_text(WWW) == "NOERROR 192.0.2.3"
            plans = await planned(there)
            (branch,) = plans[0].branches
            assert branch.verdict == Renew(10, AnsweredSerial("r", 9, branch.verdict.known.tree))
            await recover(there, plans)
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            await there.commit("foo.com.", address(4))
            await running.wait_for_text("NOERROR 192.0.2.4", WWW)
            status = (await there.status())["r"]
            assert not status.held
            assert (status.zones[0].serial, status.zones[0].problem) == (11, None)


async def test_a_log_that_continued_from_a_backup_is_recognized(
    nats_url: str, tmp_path: Path
) -> None:
    """Without a resolver, moves were made until the sequence was past that of the lost time; the
    serials are equal to the lost ones, too."""
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running, run_backend(nats_url, stores) as there:
        await there.commit("foo.com.", address(1))
        copy = back_up(stores)
        await there.commit("foo.com.", address(2))
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
    async with run_restored(nats_url, stores, copy) as there:
        await there.commit("foo.com.", address(3))
        await there.commit("foo.com.", address(4))
        async with run_resolver(nats_url, tmp_path) as running:
            await comes_to_be_held(there, "r")
            assert await running.wait_for_first_text(WWW) == "NOERROR 192.0.2.2"

            async def is_refused() -> bool:
                return (await there.repo.refs.recovery()).witness is not None

            await eventually_true(is_refused)
            with pytest.raises(Unavailable, match="another row"):
                await there.commit("foo.com.", address(5))
            plans = await planned(there)
            (branch,) = plans[0].branches
            assert (branch.tip.serial, branch.verdict) == (9, Renew(1009))
            await recover(there, plans)
            await running.wait_for_text("NOERROR 192.0.2.4", WWW)


async def test_a_resolver_started_meanwhile_keeps_the_state_on_disk(
    nats_url: str, tmp_path: Path
) -> None:
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running, run_backend(nats_url, stores) as there:
        await there.commit("foo.com.", address(1))
        copy = back_up(stores)
        await there.commit("foo.com.", address(2))
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
    async with (
        run_restored(nats_url, stores, copy) as there,
        run_resolver(nats_url, tmp_path) as kept,
        run_resolver(nats_url, tmp_path, name="empty") as empty,
    ):
        assert await kept.wait_for_first_text(WWW) == "NOERROR 192.0.2.2"
        assert await empty.wait_for_first_text(WWW) == "NOERROR 192.0.2.1"
        await comes_to_be_held(there, "r")
        await recover(there, await planned(there))
        await there.commit("foo.com.", address(3))
        for running in (kept, empty):
            await running.wait_for_text("NOERROR 192.0.2.3", WWW)


async def test_a_resolver_without_a_cache_does_not_block_the_recovery_of_a_branch(
    nats_url: str, tmp_path: Path
) -> None:
    """It answers the serial of the restored tip, and no other resolver says that it is too low."""
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running, run_backend(nats_url, stores) as there:
        await there.commit("foo.com.", address(1))
        copy = back_up(stores)
        await there.commit("foo.com.", address(2))
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
    async with (
        run_resolver(nats_url, tmp_path, name="empty") as running,
        run_restored(nats_url, stores, copy) as there,
    ):
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    for _ in range(2):  # refs may be started again before a recovery
        async with (
            run_resolver(nats_url, tmp_path, name="empty") as running,
            run_backend(nats_url, stores) as there,
        ):
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            await there.status()
            plans = await planned(there)
            assert [each.verdict for each in plans[0].branches] == [Renew(1007)]
    async with (
        run_resolver(nats_url, tmp_path, name="empty") as running,
        run_backend(nats_url, stores) as there,
    ):
        await there.status()
        await recover(there, await planned(there))
        await there.commit("foo.com.", address(2))
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
        # From now on, its answers count like those of others.
        plans = await planned(there)
        assert [each.verdict for each in plans[0].branches] == [Leave()]


async def test_a_restore_that_lost_nothing_needs_no_recovery(nats_url: str, tmp_path: Path) -> None:
    """For example a move of the stores to another host."""
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, stores) as there:
            await there.commit("foo.com.", address(1))
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            copy = back_up(stores)
        async with run_restored(nats_url, stores, copy) as there:
            await there.status()
            plans = await planned(there)
            assert [each.verdict for each in plans[0].branches] == [Leave()]
            await there.commit("foo.com.", address(2))
            await running.wait_for_text("NOERROR 192.0.2.2", WWW)


async def test_zones_are_recovered_one_by_one_and_those_of_the_lost_time_last(
    nats_url: str, tmp_path: Path
) -> None:
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, stores) as there:
            for zone in ("foo.com.", "bar.com."):
                await there.commit(zone, address(1))
            copy = back_up(stores)
            for zone in ("foo.com.", "bar.com.", "lost.com."):
                await there.commit(zone, address(2))
                await running.wait_for_text("NOERROR 192.0.2.2", f"www.{zone}")
        async with run_restored(nats_url, stores, copy) as there:
            await comes_to_be_held(there, "r")
            plans = {each.zone: each for each in await planned(there)}
            assert set(plans) == {FOO, BAR, names.parse("lost.com.")}
            await recover(there, [plans[FOO]])
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            await there.commit("foo.com.", address(3))
            await running.wait_for_text("NOERROR 192.0.2.3", WWW)
            with pytest.raises(Unavailable):
                await there.commit("bar.com.", address(3))
            for zone in ("bar.com.", "lost.com."):
                assert await running.query_text(f"www.{zone}") == "NOERROR 192.0.2.2"
            left = await planned(there)
            assert [each.zone for each in left] == [names.parse("lost.com."), BAR]
            await recover(there, left)
            await running.wait_for_text("NOERROR 192.0.2.1", "www.bar.com.")
            await running.wait_for_text("REFUSED", "www.lost.com.")
            highest = await there.commit("lost.com.", address(4), serial=7_000)
            assert highest.serial == 7_000


async def test_a_backup_from_before_an_earlier_recovery_is_detected(
    nats_url: str, tmp_path: Path
) -> None:
    """Resolvers know its epoch as a past one."""
    stores = tmp_path / "stores"
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, stores) as there:
            await there.commit("foo.com.", address(1))
            copy = back_up(stores)
            await there.commit("foo.com.", address(2))
            await running.wait_for_text("NOERROR 192.0.2.2", WWW)
        serials = []
        for number in (3, 4):
            async with run_restored(nats_url, stores, copy) as there:
                await comes_to_be_held(there, "r")
                await recover(there, await planned(there))
                serials.append((await there.commit("foo.com.", address(number))).serial)
                await running.wait_for_text(f"NOERROR 192.0.2.{number}", WWW)
        assert serials == [10, 12]


async def test_answered_serials_are_remembered_across_branches_epochs_and_restarts(
    nats_url: str, tmp_path: Path
) -> None:
    stores = tmp_path / "stores"
    async with run_backend(nats_url, stores) as there:
        async with run_resolver(nats_url, tmp_path) as running:
            first = await there.commit("foo.com.", address(1))
            await there.commit("foo.com.", address(2), serial=50)
            await running.wait_for_text("NOERROR 192.0.2.2", WWW)
            await there.force("foo.com.", first.commit)
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            await there.delete_branch("foo.com.", "main")
            await running.wait_for_text("REFUSED", WWW)
        async with run_resolver(nats_url, tmp_path):
            await there.status()
            (page,) = await ask_answered(there.bus, "r", timeout=DEADLINE_S) or ()
            assert [(each.zone, each.branch, each.serial) for each in page.serials] == [
                (FOO, "main", 50)
            ]
            assert not page.more


async def test_a_serial_of_two_states_is_no_reason_to_leave_a_branch(
    nats_url: str, tmp_path: Path
) -> None:
    """Another store replaces the first: its log is followed, and reaches the same serials."""
    async with run_resolver(nats_url, tmp_path) as running:
        async with run_backend(nats_url, tmp_path / "stores") as there:
            await there.commit("foo.com.", address(1))
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
            held = (await there.repo.refs.snapshot()).installation
        async with run_backend(nats_url, tmp_path / "others") as there:
            await there.repo.refs.replace(held, there.repo.origin("adopt-store"))
            await there.commit("foo.com.", address(2))
            await running.wait_for_text("NOERROR 192.0.2.2", WWW)
            (branch,) = (await planned(there))[0].branches
            assert isinstance(branch.verdict, Renew)
            assert (branch.tip.serial, branch.verdict.serial) == (7, 8)
            await recover(there, await planned(there))
            (branch,) = (await planned(there))[0].branches
            assert branch.tip.serial == 8


async def test_a_resolver_that_claims_too_much_stops_moves_until_a_recovery_and_no_longer(
    backend: Backend,
) -> None:
    first = await backend.commit("foo.com.", address(1))
    claim = ServedEvent(
        resolver="liar", zone=FOO, branch="main", epoch=first.moved.epoch, sequence=1_000_000,
        commit=None, serial=None, delay_ms=0.0,
    )  # fmt: skip
    await backend.bus.publish(subjects.served("liar", FOO), claim)

    async def is_restored() -> bool:
        return (await backend.repo.refs.recovery()).witness is not None

    await eventually_true(is_restored)
    with pytest.raises(Unavailable, match="liar has applied 1000000"):
        await backend.commit("foo.com.", address(2))
    await recover(backend, await planned(backend))
    done = await backend.commit("foo.com.", address(2))
    again = ServedEvent(
        resolver="liar", zone=FOO, branch="main", epoch=done.moved.epoch, sequence=1_000_000,
        commit=None, serial=None, delay_ms=0.0,
    )  # fmt: skip
    heard = len(backend.served)
    await backend.bus.publish(subjects.served("liar", FOO), again)
    await eventually(lambda: len(backend.served) > heard)
    await backend.bus.client.flush()
    assert not await is_restored()
    await retry(lambda: backend.commit("foo.com.", address(3)))


async def test_an_impossible_claim_is_dropped_and_refs_continues(backend: Backend) -> None:
    first = await backend.commit("foo.com.", address(1))
    claim = ServedEvent(
        resolver="liar", zone=FOO, branch="main", epoch=first.moved.epoch, sequence=1 << 63,
        commit=None, serial=None, delay_ms=0.0,
    )  # fmt: skip
    await backend.bus.publish(subjects.served("liar", FOO), claim)
    believed = msgspec.structs.replace(claim, sequence=(1 << 63) - 1)
    await backend.bus.publish(subjects.served("liar", FOO), believed)

    async def is_restored() -> bool:
        return (await backend.repo.refs.recovery()).witness is not None

    await eventually_true(is_restored)
    await recover(backend, await planned(backend))
    await retry(lambda: backend.commit("foo.com.", address(2)))


async def test_a_cache_of_an_earlier_release_reports_the_serial_that_it_served_last(
    nats_url: str, tmp_path: Path
) -> None:
    async with (
        run_resolver(nats_url, tmp_path) as running,
        run_backend(nats_url, tmp_path / "stores") as there,
    ):
        await there.commit("foo.com.", address(1))
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    with closing(sqlite3.connect(root(tmp_path) / "overall.sqlite3")) as file:
        file.execute("DROP TABLE answered")
        file.execute("DROP TABLE followed")
        file.execute("PRAGMA user_version = 1")
        file.commit()
    async with open_cache(tmp_path / "resolvers" / "r", Scheduler()) as cache:
        async for each in cache.load():
            cache.notes.raise_followed(each.position.epoch, each.position.sequence)
        assert cache.notes.find_highest((FOO, "main")) == 7
        assert cache.notes.followed.sequence == 2
        assert cache.notes.followed.began == ""
