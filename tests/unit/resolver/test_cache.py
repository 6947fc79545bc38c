"""The disk cache of a resolver: used while the bus is away, and always verified."""

import re
import sqlite3
import time
from pathlib import Path

import pytest
from tests.support.nats import start_nats
from tests.support.waiting import DEADLINE_S, eventually, eventually_true, open_in_task
from tests.unit.resolver.backend import Backend, RunningResolver, run_backend, run_resolver
from tests.unit.resolver.cache_files import (
    files,
    read_branches,
    root,
    summary,
    update_summary_digests,
    update_zone_digests,
    zone_file,
)

from zonegit.errors import Unavailable
from zonegit.nameserver.answer.canary import Canary
from zonegit.repo import read_zone
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zonefile import zone_paths

OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"
UNUSED_URL = "nats://127.0.0.1:1"
WWW = "www.foo.com."


async def test_a_restart_without_the_bus_answers_from_disk(
    backend: Backend, tmp_path: Path
) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        await backend.commit("foo.com.", OLD)
        await backend.commit("bar.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        await backend.commit("foo.com.", NEW + "more 300 A 192.0.2.9\n")
        await backend.commit("foo.com.", NEW)
        await backend.remove("bar.com.")
        await running.wait_for_text("REFUSED", "www.bar.com.")
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
        assert await running.query_text("more.foo.com.") == "NXDOMAIN"
        assert await running.query_text("www.bar.com.") == "REFUSED"
        assert (await running.page("/readyz"))[0] == 200
        assert "zonegit_bus_up 0.0" in (await running.page("/metrics"))[1]


async def test_a_canary_and_a_pin_are_cached_as_well(backend: Backend, tmp_path: Path) -> None:
    first = await backend.commit("foo.com.", OLD)
    await backend.branch("foo.com.", "canary", first.commit)
    everybody = Canary("canary", 100)
    async with (
        run_resolver(backend.url, tmp_path, canary=everybody) as split,
        run_resolver(backend.url, tmp_path, name="p", at="main~1") as pinned,
    ):
        await backend.commit("foo.com.", NEW, branch="canary")
        await split.wait_for_text("NOERROR 192.0.2.2", WWW)
        await eventually(lambda: pinned.task.done() or backend.served)
    await backend.commit("foo.com.", "www 300 A 192.0.2.3\n")
    async with run_resolver(backend.url, tmp_path, name="p", at="main~1") as pinned:
        await pinned.wait_for_text("NOERROR 192.0.2.1", WWW)
    async with (
        run_resolver(UNUSED_URL, tmp_path, canary=everybody) as split,
        run_resolver(UNUSED_URL, tmp_path, name="p", at="main~1") as pinned,
    ):
        await split.wait_for_text("NOERROR 192.0.2.2", WWW)
        await pinned.wait_for_text("NOERROR 192.0.2.1", WWW)


async def test_a_newer_state_is_served_before_that_on_disk(
    backend: Backend, tmp_path: Path
) -> None:
    """The bus is available, so no client sees the old state again."""
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    await backend.commit("foo.com.", NEW)
    async with run_resolver(backend.url, tmp_path) as running:
        assert await running.wait_for_first_text(WWW) == "NOERROR 192.0.2.2"


async def test_a_store_that_lost_the_cached_commit_is_followed_nevertheless(
    backend: Backend, tmp_path: Path
) -> None:
    """The difference from the old tree is not available, the whole new tree is."""
    done = await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    await backend.commit("foo.com.", NEW)
    tree = (await read_zone.read_commit(Reader(backend.repo.objects), done.commit)).tree
    with sqlite3.connect(backend.data / "objects.sqlite3") as database:
        database.execute("DELETE FROM object WHERE id = ?", (tree,))
    database.close()
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)


async def test_a_branch_that_is_no_longer_followed_is_dropped(
    backend: Backend, tmp_path: Path
) -> None:
    first = await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    assert read_branches(tmp_path, "branch") == {("main",)}
    await backend.branch("foo.com.", "next", first.commit)
    async with run_resolver(backend.url, tmp_path, branch="next") as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    assert read_branches(tmp_path, "branch") == {("next",)}


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE rrset SET payload = zeroblob(20) WHERE rdtype = 1",
        "UPDATE rrset SET id = zeroblob(32) WHERE rdtype = 1",
        "UPDATE rrset SET owner = x'03777777026e6f00' WHERE rdtype = 1",
        "UPDATE rrset SET owner = x'0377777803666f6f03636f6d00' WHERE rdtype = 1",
        "UPDATE rrset SET rdtype = 28 WHERE rdtype = 1",
        "DELETE FROM rrset WHERE rdtype = 1",
        "UPDATE tip SET rows = rows - 1",
        "UPDATE tip SET sum = zeroblob(32)",
        "UPDATE tip SET sequence = sequence + 1",
        "UPDATE tip SET epoch = 'other'",
        "UPDATE tip SET digest = NULL",
        "DELETE FROM rrset WHERE rdtype = 6",
    ],
    ids=[
        "payload",
        "id",
        "no name",
        "owner",
        "type",
        "lost",
        "rows",
        "sum",
        "sequence",
        "epoch",
        "no digest",
        "no SOA",
    ],
)
async def test_a_zone_that_does_not_verify_is_dropped_and_fetched_again(
    backend: Backend, tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await backend.commit("foo.com.", OLD)
    await backend.commit("bar.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    with zone_file(tmp_path) as database:
        database.execute(harm)
    capsys.readouterr()
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.bar.com.")
        assert await running.query_text(WWW) == "REFUSED"
    assert re.search(r"last-known\.dropped.*", capsys.readouterr().out)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)


@pytest.mark.parametrize("rot", [b"rot" * 4096, b"", b"SQLite format 3\0" + bytes(4080)])
async def test_a_damaged_file_affects_one_zone(
    backend: Backend, tmp_path: Path, rot: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    for zone in ("foo.com.", "bar.com.", "a.foo.com."):
        await backend.commit(zone, OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        for zone in ("foo.com.", "bar.com.", "a.foo.com."):
            await running.wait_for_text("NOERROR 192.0.2.1", f"www.{zone}")
    (root(tmp_path) / "unique-2" / "foo.com.").write_bytes(rot)
    capsys.readouterr()
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.bar.com.")
        assert await running.query_text("www.a.foo.com.") == "NOERROR 192.0.2.1"
        assert await running.query_text(WWW) == "REFUSED"
    told = [line for line in capsys.readouterr().out.splitlines() if "last-known.dropped" in line]
    assert ["unique-2/foo.com." in line for line in told] == [True]
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    assert len(read_branches(tmp_path)) == 3


async def test_a_file_that_is_found_damaged_by_a_write_is_replaced(
    backend: Backend, tmp_path: Path
) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        await eventually(lambda: bool(files(tmp_path)))
        files(tmp_path)[0].write_bytes(b"rot" * 4096)
        await backend.commit("foo.com.", NEW)
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.2", WWW)


async def test_a_file_under_another_zones_name_is_dropped(backend: Backend, tmp_path: Path) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    (file,) = files(tmp_path)
    file.rename(file.with_name("bar.com."))
    (root(tmp_path) / "unique-2" / "README").write_text("somebody's")
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    assert files(tmp_path) == [file]
    assert (root(tmp_path) / "unique-2" / "README").read_text() == "somebody's"


async def test_the_file_of_a_removed_zone_is_deleted_and_those_in_its_folders_stay(
    backend: Backend, tmp_path: Path
) -> None:
    """Names of more than 200 characters share folders."""
    end = ".".join(["\\032" * 20] * 2) + ".x." + "y" * 60 + ".net."
    gone, stays, other = (f"{first}.{end}" for first in ("a" * 14, "a" * 14 + ".b", "c"))
    for zone in (gone, stays, other, "0/25.2.0.192.in-addr.arpa."):
        await backend.commit(zone, OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        for zone in (gone, stays, other):
            await running.wait_for_text("NOERROR 192.0.2.1", f"www.{zone}")
    assert len(read_branches(tmp_path)) == len(files(tmp_path)) == 4
    async with run_resolver(backend.url, tmp_path) as running:
        for zone in (gone, other):
            await backend.remove(zone)
            await running.wait_for_text("REFUSED", f"www.{zone}")
        assert await running.query_text(f"www.{stays}") == "NOERROR 192.0.2.1"
    left = {path.relative_to(root(tmp_path) / "unique-2") for path in files(tmp_path)}
    assert left == {
        Path(zone_paths.zone_path(names.parse(stays), "unique")),
        Path("0%2F25.2.0.192.in-addr.arpa."),
    }
    folders = {path for path in (root(tmp_path) / "unique-2").rglob("*") if path.is_dir()}
    assert folders == {above for path in files(tmp_path) for above in path.parents} & folders


async def test_a_link_in_the_cache_is_neither_written_through_nor_followed(
    backend: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await backend.commit("bar.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", "www.bar.com.")
    precious = tmp_path / "precious"
    precious.write_text("somebody's")
    (root(tmp_path) / "unique-2" / "foo.com.").symlink_to(precious)
    capsys.readouterr()
    async with run_resolver(backend.url, tmp_path) as running:
        await backend.commit("foo.com.", OLD)
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        await backend.remove("foo.com.")
        await running.wait_for_text("REFUSED", WWW)
    assert precious.read_text() == "somebody's"
    assert "last-known.not-written" in capsys.readouterr().out


async def test_two_resolvers_do_not_share_a_folder(backend: Backend, tmp_path: Path) -> None:
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        with pytest.raises(Unavailable, match=r"another resolver .*uses"):
            async with run_resolver(backend.url, tmp_path) as second:
                await eventually(second.task.done)


async def test_a_stale_zone_is_answered_but_not_ready(backend: Backend, tmp_path: Path) -> None:
    """RFC 1035 section 3.3.13, EXPIRE: 1209600 seconds in this test."""
    await backend.commit("foo.com.", OLD)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    with zone_file(tmp_path) as database:
        database.execute("UPDATE tip SET seen = seen - 1209700")
        update_zone_digests(database)
    with summary(tmp_path) as database:
        database.execute("UPDATE confirmed SET seen = seen - 1209700")
        update_summary_digests(database)
    async with run_resolver(UNUSED_URL, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.1", WWW)
        status, text = await running.page("/readyz")
        assert (status, "foo.com." in text) == (503, True)

        async def is_said_to_be_stale() -> bool:
            reply = await running.ask(WWW, use_edns=0)
            return reply is not None and [each.code for each in reply.options] == [3]

        await eventually_true(is_said_to_be_stale)
        _, metrics = await running.page("/metrics")
    age = re.search(r'zonegit_zone_age_seconds\{branch="main",zone="foo.com."\} (\S+)', metrics)
    assert age is not None
    assert float(age[1]) > 1209600


async def test_an_outage_of_the_bus_fails_no_query(tmp_path: Path) -> None:
    """The bus and the stores are killed, and return on the same port with a change."""
    folder = tmp_path / "bus"
    folder.mkdir()
    with start_nats(folder, -1) as url:
        port = int(url.rpartition(":")[2])
        async with open_in_task(_backend(url, tmp_path / "one")) as backend:
            await backend.commit("foo.com.", OLD)
            running_context = run_resolver(url, tmp_path)
            running = await running_context.__aenter__()
            await running.wait_for_text("NOERROR 192.0.2.1", WWW)
    try:
        for _ in range(50):
            assert await running.query_text(WWW) == "NOERROR 192.0.2.1"
        await _metric(running, "zonegit_bus_up 0.0")
        with start_nats(folder, port) as url:
            async with open_in_task(_backend(url, tmp_path / "one")) as backend:
                await backend.commit("foo.com.", NEW)
                await running.wait_for_text("NOERROR 192.0.2.2", WWW)
                await _metric(running, "zonegit_bus_up 1.0")
                await running_context.__aexit__(None, None, None)
    finally:
        running.task.cancel()


def _backend(url: str, data: Path):
    data.mkdir(exist_ok=True)
    return run_backend(url, data)


async def _metric(running: RunningResolver, line: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while line not in (await running.page("/metrics"))[1]:
        assert time.monotonic() < deadline
