"""A resolver follows the log: events, gaps, and commits that it cannot load."""

import asyncio
import sqlite3
import time
from pathlib import Path

from tests.support import bad_zones
from tests.support.waiting import DEADLINE_S, eventually
from tests.unit.resolver.backend import Backend, run_resolver

from zonegit.nameserver.answer.canary import Canary
from zonegit.objects.model import Commit
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.refs import Anything
from zonegit.wire import subjects
from zonegit.wire.messages import Heartbeat
from zonegit.zone import names

OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"


async def test_a_commit_is_served_because_its_event_came(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await backend.commit("foo.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        done = await backend.commit("foo.com.", NEW)
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")
        await eventually(lambda: any(each.commit == done.commit for each in backend.served))
    told = backend.served[-1]
    assert (told.resolver, told.branch, told.serial) == ("r", "main", done.serial)
    assert told.sequence == done.moved.sequence
    assert told.delay_ms > 0


async def test_commits_before_its_start_are_served(backend: Backend, tmp_path: Path) -> None:
    for zone in ("foo.com.", "bar.com.", "sub.foo.com.", "."):
        await backend.commit(zone, OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        for name in ("www.foo.com.", "www.bar.com.", "www.sub.foo.com.", "www."):
            await running.wait_for_text("NOERROR 192.0.2.1", name)


async def test_nothing_is_bound_before_all_zones_are_loaded(
    backend: Backend, tmp_path: Path
) -> None:
    """A query must not be refused for a zone that is not loaded yet."""
    await backend.commit("foo.com.", "".join(f"h{n} 300 A 192.0.2.1\n" for n in range(3000)))
    async with run_resolver(backend.url, tmp_path) as running:
        assert await running.wait_for_first_text("h2999.foo.com.") == "NOERROR 192.0.2.1"


async def test_zones_are_added_and_removed_while_it_runs(backend: Backend, tmp_path: Path) -> None:
    await backend.commit("a.test.", "www.b 300 A 192.0.2.9\n")
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.9", "www.b.a.test.")
        await backend.commit("b.a.test.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.b.a.test.")
        await backend.remove("b.a.test.")
        await running.wait_for_text("NOERROR 192.0.2.9", "www.b.a.test.")
        await backend.remove("a.test.")
        await running.wait_for_text("REFUSED", "www.b.a.test.")
        await backend.commit("a.test.", OLD, serial=8)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.a.test.")


async def test_a_zone_without_its_branch_is_not_served(backend: Backend, tmp_path: Path) -> None:
    done = await backend.commit("foo.com.", OLD, branch="draft")
    await backend.commit("other.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.other.com.")
        assert await running.query_text("www.foo.com.") == "REFUSED"
        await backend.branch("foo.com.", "main", done.commit)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        await backend.delete_branch("foo.com.", "main")
        await running.wait_for_text("REFUSED", "www.foo.com.")


async def test_only_the_listed_zones_are_served(backend: Backend, tmp_path: Path) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path, only=(names.parse("bar.com."),)) as running:
        await backend.commit("bar.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.bar.com.")
        assert await running.query_text("www.foo.com.") == "REFUSED"


async def test_rows_of_lost_events_are_requested(backend: Backend, tmp_path: Path) -> None:
    """The heartbeat shows that they were lost."""
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        backend.announces = False
        await backend.commit("foo.com.", NEW)
        await backend.commit("bar.com.", NEW)
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")
        await running.wait_for_text("NOERROR 192.0.2.2", "www.bar.com.")


async def test_an_event_after_a_gap_causes_a_request_for_the_rows_between(
    backend: Backend, tmp_path: Path
) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        backend.announces = False
        await backend.commit("bar.com.", OLD)
        backend.announces = True
        await backend.commit("foo.com.", NEW)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.bar.com.")
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")


async def test_a_heartbeat_of_another_epoch_causes_a_full_read(
    backend: Backend, tmp_path: Path
) -> None:
    """The earlier position belongs to another log."""
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        backend.announces = False
        await backend.commit("foo.com.", NEW)
        await backend.bus.publish(subjects.HEARTBEAT, Heartbeat(epoch="x", sequence=1, time=0.0))
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")


async def test_malformed_events_are_ignored(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        for subject in ("zg.events.moved.heads.main.com.foo.=", subjects.HEARTBEAT):
            await backend.bus.send(subject, b"\xc1garbage")
        await backend.commit("foo.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")


async def test_a_burst_of_moves_ends_at_the_last(backend: Backend, tmp_path: Path) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await asyncio.gather(
            *(backend.commit(f"z{n}.test.", f"www 300 A 192.0.2.{n}\n") for n in range(10))
        )
        for n in range(20):
            last = await backend.commit("foo.com.", f"www 300 A 192.0.2.{n}\n")
        await running.wait_for_text("NOERROR 192.0.2.19", "www.foo.com.")
        for n in range(10):
            await running.wait_for_text(f"NOERROR 192.0.2.{n}", f"www.z{n}.test.")
        await eventually(lambda: any(e.commit == last.commit for e in backend.served))
        sequences = [e.sequence for e in backend.served if e.zone == names.parse("foo.com.")]
    assert sequences == sorted(sequences)
    assert sequences[-1] == last.moved.sequence


async def test_large_commits_are_fetched(backend: Backend, tmp_path: Path) -> None:
    """They are too large for their event, and in wide trees."""
    async with run_resolver(backend.url, tmp_path) as running:
        hosts = "".join(f"h{n} 300 A 192.0.2.1\n" for n in range(2100))
        await backend.commit("foo.com.", hosts)
        await running.wait_for_text("NOERROR 192.0.2.1", "h2099.foo.com.")
        await backend.commit("foo.com.", hosts.replace("192.0.2.1", "192.0.2.2") + OLD)
        await running.wait_for_text("NOERROR 192.0.2.2", "h0.foo.com.")
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        await backend.commit("foo.com.", NEW)
        await running.wait_for_text("NXDOMAIN", "h0.foo.com.")


async def test_an_unreadable_commit_keeps_the_old_one_and_is_retried(
    backend: Backend, tmp_path: Path
) -> None:
    """The problem is reported meanwhile."""
    await backend.commit("foo.com.", OLD)
    backend.sends_objects = False
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        backend.announces = False
        done = await backend.commit("foo.com.", NEW)
        tree = (await _commit(backend, done.commit)).tree
        raw = (await backend.repo.objects.get([tree]))[tree]
        with sqlite3.connect(backend.data / "objects.sqlite3") as database:
            database.execute("DELETE FROM object WHERE id = ?", (tree,))
        database.close()

        async def problem() -> str | None:
            (zone,) = (await backend.status())["r"].zones
            return zone.problem

        deadline = time.monotonic() + DEADLINE_S
        while (said := await problem()) is None:
            assert time.monotonic() < deadline
        assert tree.hex()[:12] in said
        assert await running.query_text("www.foo.com.") == "NOERROR 192.0.2.1"
        assert (
            'zonegit_zone_problem{branch="main",zone="foo.com."} 1.0'
            in (await running.page("/metrics"))[1]
        )
        await backend.repo.objects.put([raw])
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")
        assert await problem() is None


async def test_a_commit_is_served_in_its_own_zone_only(backend: Backend, tmp_path: Path) -> None:
    """The zone is pinned to an id, which does not name a zone."""
    await backend.commit("bar.com.", OLD)
    done = await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path, at=done.commit.hex()) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        assert await running.query_text("www.bar.com.") == "REFUSED"
        problems = {zone.zone: zone.problem for zone in (await backend.status())["r"].zones}
    assert problems.pop(names.parse("foo.com.")) is None
    assert "foo.com." in str(problems.pop(names.parse("bar.com.")))


async def test_a_canary_sees_its_branch_and_the_others_do_not(
    backend: Backend, tmp_path: Path
) -> None:
    first = await backend.commit("foo.com.", OLD)
    await backend.branch("foo.com.", "canary", first.commit)
    await backend.commit("foo.com.", NEW, branch="canary")
    everybody = Canary("canary", 100)
    async with (
        run_resolver(backend.url, tmp_path) as plain,
        run_resolver(backend.url, tmp_path, name="s", canary=everybody) as split,
    ):
        await plain.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        await split.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")
        await backend.delete_branch("foo.com.", "canary")
        await split.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")


async def test_a_pinned_resolver_does_not_follow_its_branch(
    backend: Backend, tmp_path: Path
) -> None:
    await backend.commit("foo.com.", OLD)
    await backend.commit("foo.com.", NEW)
    await backend.commit("young.com.", NEW)
    async with run_resolver(backend.url, tmp_path, at="main~1") as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        assert await running.query_text("www.young.com.") == "REFUSED"
        await backend.commit("foo.com.", "www 300 A 192.0.2.3\n")
        status = (await backend.status())["r"]
        assert await running.query_text("www.foo.com.") == "NOERROR 192.0.2.1"
        assert (await running.page("/readyz"))[0] == 200
    assert status.at == "main~1"
    assert [(zone.pinned, zone.age) for zone in status.zones] == [(True, None)]


async def test_a_serial_that_goes_back_is_served_and_logged(
    backend: Backend, tmp_path: Path
) -> None:
    """The served SOA is always that of the commit."""
    first = await backend.commit("foo.com.", OLD, serial=10)
    await backend.commit("foo.com.", NEW, serial=20)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")
        ref = ref_names.branch(names.parse("foo.com."), "main")
        origin = backend.repo.origin("test", force=True)
        await backend.repo.refs.move(ref, Anything(), first.commit, origin)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        _, metrics = await running.page("/metrics")
    assert 'zonegit_zone_serial{branch="main",zone="foo.com."} 10.0' in metrics
    assert 'zonegit_zone_serial_went_back_total{branch="main",zone="foo.com."} 1.0' in metrics


async def test_its_status_has_its_branches_and_its_position(
    backend: Backend, tmp_path: Path
) -> None:
    done = await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path, canary=Canary("canary", 5)) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        status = (await backend.status())["r"]
        assert status.listen == [str(running.address)]
        assert status.branches == ["main", "canary"]
        assert (status.sequence, status.lag, status.at) == (done.moved.sequence, 0, None)
        (zone,) = status.zones
        assert (zone.commit, zone.serial, zone.problem) == (done.commit, done.serial, None)
        assert zone.sequence == done.moved.sequence
        assert zone.age is not None


async def _commit(backend: Backend, commit: bytes) -> Commit:
    found = (await Reader(backend.repo.objects).get([commit]))[commit]
    assert isinstance(found, Commit)
    return found


async def test_a_pin_that_cannot_be_resolved_delays_no_other(
    backend: Backend, tmp_path: Path
) -> None:
    """Its resolution was attempted first, repeatedly, before all others."""
    rotten = bad_zones.forge_object("commit", b"rot")
    await backend.smuggle("bad.test.", rotten.id, [rotten])
    await backend.commit("good.test.", OLD)
    await backend.commit("good.test.", NEW)
    async with run_resolver(backend.url, tmp_path, at="main~1") as running:
        assert await running.wait_for_first_text("www.good.test.") == "NOERROR 192.0.2.1"
        assert await running.query_text("www.bad.test.") == "REFUSED"
