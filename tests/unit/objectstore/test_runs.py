"""Outlines of runs are the same if they are stored and if they are computed."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zonegit.bus.remote_objects import batches
from zonegit.errors import Corrupt, Invalid
from zonegit.objects.codec import decode, encode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob, Index, Tree
from zonegit.repo.commit.change_plan import build_zone
from zonegit.store.outline import RUN, is_run, outline_known
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset
from zonegit.zonefile import reader
from zonegit_objectstore.sql import runs
from zonegit_objectstore.sql.objects import open_objects

APEX = names.parse("foo.com.")
NAMES = 6_000
ZONE = "\n".join(
    [
        "@ 300 SOA ns1 admin 1 7200 3600 1209600 300",
        "@ 300 NS ns1",
        *(f"h{n} 300 A 192.0.2.{n % 250}" for n in range(NAMES)),
        "h17 300 TXT one",
        "alias 300 CNAME h1",
    ]
)


@pytest.fixture(scope="module")
def objects() -> list[RawObject]:
    read = reader.read(ZONE.encode(), APEX)
    made, _ = build_zone(read.rrsets.values(), APEX)
    return made


def find_runs(objects: list[RawObject]) -> list[RawObject]:
    trees = [(raw, decode(raw)) for raw in objects if raw.kind == "tree"]
    return [raw for raw, value in trees if isinstance(value, Tree) and is_run(value)]


async def put(path: Path, objects: list[RawObject]) -> None:
    async with open_objects(path) as store:
        for batch in batches(objects):
            await store.put(batch)


async def check(path: Path, objects: list[RawObject]) -> None:
    """Check that the outlines of the store follow from the objects."""
    by_id = {raw.id: raw for raw in objects}
    asked = [raw.id for raw in find_runs(objects)]
    async with open_objects(path) as store:
        # One by one, because a request for many is answered only up to a bound on its work.
        found = {each: (await store.outlines([each]))[each] for each in asked}
    assert found == {each: outline_known(by_id[each], by_id.get) for each in asked}
    assert {outline.kind for outline in found.values()} == {RUN, "tree"}


def store_all(path: Path) -> dict[ObjectId, bytes]:
    with closing(sqlite3.connect(path)) as other:
        return dict(other.execute("SELECT id, owner FROM run"))


async def test_a_large_zone_is_stored_with_the_outlines_of_its_runs(
    tmp_path: Path, objects: list[RawObject]
) -> None:
    path = tmp_path / "objects.sqlite3"
    await put(path, objects)
    await check(path, objects)
    owners = store_all(path)
    assert set(owners.values()) == {APEX}
    # The run with the alias has a type that may clash, so it is judged by its parts.
    assert len(owners) == len(find_runs(objects)) - 1 > 10


async def test_missing_outlines_are_computed(tmp_path: Path, objects: list[RawObject]) -> None:
    """A client may store objects in another order, and the service may restart in between."""
    path = tmp_path / "objects.sqlite3"
    await put(path, [raw for raw in objects if raw.kind == "blob"])
    await put(path, [raw for raw in objects if raw.kind == "tree"])
    assert not store_all(path)
    await check(path, objects)


async def test_a_damaged_row_does_not_make_a_run_part_of_a_zone(
    tmp_path: Path, objects: list[RawObject]
) -> None:
    path = tmp_path / "objects.sqlite3"
    await put(path, objects)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE run SET owner = CAST(x'03626172' || substr(owner, 5) AS BLOB)")
    asked = list(store_all(path))
    async with open_objects(path) as store:
        found = await store.outlines(asked)
    assert all(outline.owner != APEX for outline in found.values())


async def test_few_outlines_are_kept(
    tmp_path: Path, objects: list[RawObject], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dropped outline is computed on demand."""
    monkeypatch.setattr(runs, "MAX_RECENT", 100)
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        for at in range(0, len(objects), 50):
            await store.put(objects[at : at + 50])
    await check(path, objects)
    assert len(store_all(path)) < len(find_runs(objects)) - 1


OWNERS = [names.parse(each) for each in ("foo.com.", "x.foo.com.", "y.x.foo.com.", "y.foo.com.")]
RECORDS = [(rrtypes.A, b"\1\2\3\4"), (rrtypes.CNAME, b"\1a\0"), (rrtypes.TXT, b"\1a")]
KEYS = [b"\0x", b"\0y", b"\1A", b"\1CNAME", b"\1TXT", b"\1TYPE1"]
BLOBS = st.builds(
    lambda owner, record: encode(Blob(RRset(owner, record[0], 300, (record[1],)))),
    st.sampled_from(OWNERS),
    st.sampled_from(RECORDS),
)


@st.composite
def senseless_objects(draw: st.DrawFn) -> list[RawObject]:
    """Draw RRsets, then trees with any earlier objects as entries, under any keys."""
    made = draw(st.lists(BLOBS, min_size=1, max_size=4))
    for _ in range(draw(st.integers(1, 6))):
        keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))
        ids = [raw.id for raw in made]
        entries = {key: draw(st.sampled_from(ids)) for key in sorted(keys)}
        with suppress(Corrupt, Invalid):
            raw = encode(Tree(entries))
            decode(raw)
            made.append(raw)
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(objects=senseless_objects(), cut=st.integers(0, 10))
async def test_written_outlines_follow_from_the_objects(
    tmp_path: Path, objects: list[RawObject], cut: int
) -> None:
    path = tmp_path / f"{uuid4().hex}.sqlite3"
    by_id = {raw.id: raw for raw in objects}
    async with open_objects(path) as store:
        await store.put(objects[:cut])
        await store.put(objects[cut:])
    for each, owner in store_all(path).items():
        outline = outline_known(by_id[each], by_id.get)
        assert (outline.kind, outline.owner) == (RUN, owner)


def test_the_objects_of_a_run_come_directly_before_it(objects: list[RawObject]) -> None:
    """A store in this order then has the objects of a run at hand."""
    at = {raw.id: number for number, raw in enumerate(objects)}
    assert len(at) == len(objects)
    for number, raw in enumerate(objects):
        value = decode(raw)
        if isinstance(value, Tree):
            assert all(at[each] < number for each in value.entries.values())
            if is_run(value):
                first = min(at[each] for each in value.entries.values())
                assert number - first <= 3 * len(value.entries)
        elif isinstance(value, Index):
            assert all(at[row.id] < number for row in value.rows)
