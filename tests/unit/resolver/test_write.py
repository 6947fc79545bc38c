"""Writes to the disk cache: their cost follows the change, and queries do not wait for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.unit.resolver.cache_files import open_database

from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.nameserver.zone.records import ZoneDelta, ZoneRecord
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, compute_id
from zonegit.objects.model import Blob
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit_resolver.cache.cache import CachedBranch, ZoneCache, open_cache
from zonegit_resolver.cache.journal import Journal
from zonegit_resolver.cache.sqlite import CachedRow
from zonegit_resolver.cache.write import CacheWrite
from zonegit_resolver.config.serving import Serving, ServingPlan
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneStates

FOO = names.parse("foo.com.")
MARK = "INSERT INTO rrset SELECT id, x'00', 1, x'00', x'00' FROM tip WHERE branch = 'main'"
"""What only a zone that is written as a whole takes away."""


def commit(text: str) -> ObjectId:
    return compute_id("commit", text.encode())


def address(zone: Name, host: str, octet: int) -> RRset:
    owner = names.below(zone, (host.encode(),))
    return rrset(owner, rrtypes.A, 300, [rdata_from_text(rrtypes.A, f"192.0.2.{octet}")])


def make_commit(text: str, zone: Name = FOO, hosts: int = 3) -> CacheWrite:
    """Return a commit with this name, of a zone with so many hosts."""
    soa = rdata_from_text(rrtypes.SOA, "ns.example. admin.example. 1 2 3 4 5")
    rrsets = [address(zone, f"h{number}", 1) for number in range(hosts)]
    snapshot = compile_zone(zone, [rrset(zone, rrtypes.SOA, 300, [soa]), *rrsets])
    made = Compiled(commit(text), compute_id("tree", text.encode()), snapshot)
    return CacheWrite(LogPosition(made.commit, "e", 1), made, 1.0, None, None)


def make_change(before: str, after: str, octet: int) -> CacheWrite:
    """Return the change between two commits: another address of the first host."""
    row = CachedRow((b"h0",), rrtypes.A, encode(Blob(address(FOO, "h0", octet))))
    return make_commit(after)._replace(rows=[row], base=commit(before))


@asynccontextmanager
async def cache(folder: Path) -> AsyncIterator[ZoneCache]:
    """Return a cache after it has loaded its files."""
    async with open_cache(folder, Scheduler()) as known:
        async for _ in known.load():
            pass
        yield known


def rows(folder: Path, statement: str, zone: str = "foo.com.") -> list[tuple[object, ...]]:
    with open_database(folder / "unique-2" / zone) as database:
        return database.execute(statement).fetchall()


async def test_queued_changes_are_written_as_changes(tmp_path: Path) -> None:
    async with cache(tmp_path) as known:
        known.record_swap(FOO, "main", make_commit("a"))
    rows(tmp_path, MARK)
    async with cache(tmp_path) as known:
        known.drop(FOO, "main")
        known.record_swap(FOO, "main", make_commit("a"))
        await known.writer.idle.wait()
        rows(tmp_path, MARK)
        for before, after, octet in (("a", "b", 2), ("b", "c", 3), ("c", "d", 4)):
            known.record_swap(FOO, "main", make_change(before, after, octet))
        await known.writer.idle.wait()
    assert rows(tmp_path, "SELECT count(*) FROM rrset") == [(5,)]
    assert rows(tmp_path, "SELECT target FROM tip") == [(commit("d"),)]
    found = rows(tmp_path, "SELECT payload FROM rrset WHERE hex(owner) LIKE '026830%'")
    assert found == [(encode(Blob(address(FOO, "h0", 4))).payload,)]


async def test_after_a_gap_the_whole_zone_is_written(tmp_path: Path) -> None:
    async with cache(tmp_path) as known:
        known.record_swap(FOO, "main", make_commit("a"))
        await known.writer.idle.wait()
        rows(tmp_path, MARK)
        known.record_swap(FOO, "main", make_change("x", "y", 2))
    assert rows(tmp_path, "SELECT count(*) FROM rrset") == [(4,)]


async def test_two_branches_written_concurrently_do_not_mix(tmp_path: Path) -> None:
    """One of them needs several transactions, the last of which writes its tip; the other is
    written during the last."""
    for first, second in (("big", "small"), ("small", "big")):
        folder = tmp_path / first
        async with cache(folder) as known:
            for branch in (first, second):
                known.record_swap(
                    FOO, branch, make_commit(branch, hosts=700 if branch == "big" else 2)
                )
        async with open_cache(folder, Scheduler()) as known:
            found = {each.branch: each.compiled async for each in known.load()}
        assert {branch: each.commit for branch, each in found.items()} == {
            "big": commit("big"),
            "small": commit("small"),
        }
        counts = rows(folder, "SELECT count(*) FROM rrset GROUP BY tip ORDER BY 1")
        assert counts == [(3,), (701,)]


async def test_a_half_written_zone_leaves_nothing(tmp_path: Path) -> None:
    """The process was killed before the tip was written."""
    async with cache(tmp_path) as known:
        known.record_swap(FOO, "main", make_commit("a"))
    rows(tmp_path, "INSERT INTO rrset SELECT 2, owner, rdtype, id, payload FROM rrset")
    async with cache(tmp_path) as known:
        known.record_swap(FOO, "main", make_commit("b", hosts=200))
    assert rows(tmp_path, "SELECT count(*) FROM rrset") == [(201,)]


async def test_of_many_states_only_the_last_is_written(tmp_path: Path) -> None:
    """After a whole state, earlier pending changes and their snapshots are dropped."""
    async with cache(tmp_path) as known:
        for number in range(100):
            known.record_swap(FOO, "main", make_commit(str(number)))
        known.record_swap(FOO, "main", make_change("99", "last", 9))
    assert rows(tmp_path, "SELECT id, target FROM tip") == [(1, commit("last"))]


def seen(recalled: list[CachedBranch]) -> dict[Name, float | None]:
    return {each.zone: each.seen for each in recalled}


async def recalled(folder: Path) -> list[CachedBranch]:
    async with open_cache(folder, Scheduler()) as known:
        return [each async for each in known.load()]


def states(confirmed: float, **late: float) -> ZoneStates:
    """Return the served states, all of them current at that time, except the late ones."""
    made = ZoneStates(ZoneTable(lambda: 0.0), ServingPlan(Serving(branch="main")))
    made.confirmed = confirmed
    for label, moment in late.items():
        zone = names.parse(f"{label}.")
        made.set_target(zone, "main", LogPosition(None, "e", 1)).seen = moment
    return made


async def test_the_time_of_the_last_confirmation_is_in_one_file(tmp_path: Path) -> None:
    """A later swap has a time of its own, and so has a stale state."""
    zones = [names.parse(zone) for zone in ("current.", "late.", "swapped.")]
    current, late, swapped = zones
    async with cache(tmp_path) as known:
        for zone in zones:
            known.record_swap(zone, "main", make_commit("a", zone))
        await known.writer.idle.wait()
        files = [tmp_path / "unique-2" / names.text(zone) for zone in zones]
        before = [path.stat().st_mtime_ns for path in files]
        await known.record_confirmed(states(90.0, late=50.0, swapped=60.0))
        await known.record_confirmed(states(100.0, late=50.0, swapped=60.0))
        assert [path.stat().st_mtime_ns for path in files] == before
        known.record_swap(swapped, "main", make_commit("b", swapped)._replace(seen=130.0))
    assert seen(await recalled(tmp_path)) == {current: 100.0, late: 50.0, swapped: 130.0}
    async with cache(tmp_path) as known:
        await known.record_confirmed(states(200.0))
    assert set(seen(await recalled(tmp_path)).values()) == {200.0}


async def test_a_damaged_summary_file_is_replaced(tmp_path: Path) -> None:
    async with cache(tmp_path) as known:
        known.record_swap(FOO, "main", make_commit("a"))
        await known.record_confirmed(states(100.0))
    (tmp_path / "overall.sqlite3").write_bytes(b"rot" * 4096)
    assert seen(await recalled(tmp_path)) == {FOO: 1.0}


async def test_the_lineage_of_a_zone_outlives_its_file(tmp_path: Path) -> None:
    """RFC 1995: no difference from a serial that may name another state."""

    def stands(known: ZoneCache, branch: str, serial: int) -> None:
        known.lineage.record(FOO, branch, compute_id("tree", b"%d" % serial), serial)

    async with cache(tmp_path) as known:
        known.record_swap(FOO, "main", make_commit("a"))
        stands(known, "main", 5)
        await known.writer.idle.wait()
        known.drop(FOO, "main")
    assert not (tmp_path / "unique-2" / "foo.com.").exists()
    async with cache(tmp_path) as known:
        stands(known, "next", 9)
        known.record_swap(FOO, "next", make_commit("b"))
    async with cache(tmp_path) as known:
        assert not known.lineage.is_base(FOO, 8)
        assert known.lineage.is_base(FOO, 9)


def read_difference(before: int, after: int) -> ZoneDelta:
    """Return the difference sent to a secondary from one serial to another."""

    def soa(serial: int) -> ZoneRecord:
        return ZoneRecord(
            FOO, rrtypes.SOA, 300, b"\1m\0\1r\0" + serial.to_bytes(4, "big") + bytes(16)
        )

    return ZoneDelta((soa(before),), (soa(after),))


async def test_a_full_journal_drops_entries_in_the_files_of_other_zones(tmp_path: Path) -> None:
    bar = names.parse("bar.com.")
    async with cache(tmp_path) as known:
        known.journal = Journal(max_octets=2_000)
        for zone, last in ((FOO, 3), (bar, 30)):
            for serial in range(1, last):
                base = commit(str(serial - 1)) if serial > 1 else None
                kept = make_commit(str(serial), zone)._replace(base=base, rows=None)
                known.record_swap(
                    zone, "main", kept._replace(delta=read_difference(serial - 1, serial))
                )
            await known.writer.idle.wait()
            if zone == FOO:
                assert rows(tmp_path, "SELECT count(*) FROM journal") == [(1,)]
        assert rows(tmp_path, "SELECT count(*) FROM journal") == [(0,)]
    ((left,),) = rows(tmp_path, "SELECT count(*) FROM journal", "bar.com.")
    async with cache(tmp_path) as known:
        since = known.journal.find_deltas((bar, "main"), commit("29"), 29 - int(str(left)))
        assert since is not None
        assert len(since) == left
