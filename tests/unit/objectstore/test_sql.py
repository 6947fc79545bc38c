"""The object store with a file that differs from the one it wrote."""

import secrets
import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.support import commits
from tests.support.graphs import Graph, chain, graphs

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Blob, Doc, Tree
from zonegit.store.outline import Outline
from zonegit.store.sqlite_driver import run_transaction
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset
from zonegit_objectstore.sql import outlines
from zonegit_objectstore.sql.objects import open_objects

MADE = commits.commit(names.parse("foo.com."), 1)
BLOB = MADE.objects[0]


def damage_row(path: Path, change: str) -> None:
    """Change the row of ``BLOB`` in the file."""
    with closing(sqlite3.connect(path)) as other, other:
        assert other.execute(f"UPDATE object {change} WHERE id = ?", (BLOB.id,)).rowcount == 1


@pytest.mark.parametrize(
    "change",
    [
        "SET payload = CAST(x'00' || payload AS BLOB)",
        "SET kind = 'tree'",
        "SET kind = CAST(x'ff' AS TEXT)",
        "SET payload = x''",
    ],
)
async def test_a_damaged_row_is_named_and_never_returned(tmp_path: Path, change: str) -> None:
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        await store.put(MADE.objects)
        damage_row(path, change)
        with pytest.raises(Corrupt) as caught:
            await store.get([MADE.id, BLOB.id])
        assert caught.value.details["object"] == BLOB.id.hex()
        assert caught.value.details["file"] == str(path)
        assert await store.get([MADE.id]) == {MADE.id: MADE.objects[-1]}


async def test_putting_an_object_again_repairs_its_damaged_row(tmp_path: Path) -> None:
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        await store.put(MADE.objects)
        damage_row(path, "SET payload = x'00'")
        await store.put(MADE.objects)
        assert await store.get([BLOB.id]) == {BLOB.id: BLOB}


async def test_a_message_of_objects_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    stranger = commits.commit(names.parse("foo.com."), 2).objects[-1]
    async with open_objects(tmp_path / "objects.sqlite3") as store:
        with pytest.raises(Invalid):
            await store.put([*MADE.objects, stranger])
        assert await store.missing([raw.id for raw in MADE.objects]) == {
            raw.id for raw in MADE.objects
        }


async def test_the_objects_that_fit_are_the_first_requested(tmp_path: Path) -> None:
    ids = [raw.id for raw in MADE.objects]
    async with open_objects(tmp_path / "objects.sqlite3") as store:
        await store.put(MADE.objects)
        assert await store.get_page(ids, len(BLOB.payload)) == [BLOB]
        assert await store.get_page(ids, 0) == [BLOB]
        assert await store.get_page(ids, 1_000_000) == MADE.objects
        with pytest.raises(NotFound):
            await store.get_page([ObjectId(bytes(32)), *ids], 1)


def downgrade(path: Path) -> None:
    """Remove from a file the tables of later layouts."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DROP TABLE history")
        other.execute("DROP TABLE judged")
        other.execute("DROP TABLE installation")
        other.execute("DROP TABLE run")
        other.execute("DROP TABLE digest")
        other.execute("PRAGMA user_version = 1")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(graph=graphs())
async def test_the_graph_of_an_earlier_file_is_built_when_it_is_opened(
    tmp_path: Path, graph: Graph
) -> None:
    path = tmp_path / secrets.token_hex(8)
    async with open_objects(path) as store:
        await store.put(graph.objects())
        wanted = await store.history(graph.ids, 1_024)
    downgrade(path)
    async with open_objects(path) as store:
        assert await store.history(graph.ids, 1_024) == wanted
        following = graph.add([len(graph.ids) - 1], 0)
        await store.put(graph.raws[-1:])
        (dated,) = await store.history([following], 1)
        assert dated.moment == graph.moments()[-1]


MALFORMED = encode(Blob(RRset(names.parse("www.foo.com."), rrtypes.A, 300, (b"\1\2\3",))))


async def test_a_malformed_rrset_of_an_earlier_release_is_kept_and_reported(
    tmp_path: Path,
) -> None:
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        await store.put(MADE.objects)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO object (id, kind, payload) VALUES (?, ?, ?)", MALFORMED)
        other.execute("DROP TABLE judged")
        other.execute("DROP TABLE installation")
        other.execute("DROP TABLE run")
        other.execute("DROP TABLE digest")
        other.execute("PRAGMA user_version = 2")
    tree = encode(Tree({b"\1A": MALFORMED.id}))
    async with open_objects(path) as store:
        assert (await store.outlines([MALFORMED.id]))[MALFORMED.id].flaw.endswith("a field of 4")
        await store.put([MALFORMED, tree])  # it exists, so it is not new
        assert (await store.outlines([tree.id])) == {tree.id: Outline("tree")}
        assert (await store.outlines([BLOB.id]))[BLOB.id].flaw == ""
        worse = encode(Blob(RRset(names.ROOT, rrtypes.A, 300, (b"\1\2\3",))))
        with pytest.raises(Invalid, match="malformed"):
            await store.put([worse])


async def test_an_outline_takes_no_more_memory_where_objects_are_large(tmp_path: Path) -> None:
    """Otherwise a request of a few octets makes the store read many megabytes."""
    path = tmp_path / "objects.sqlite3"
    large = [encode(Doc({"n": number, "text": 60_000 * "x"})) for number in range(100)]
    tree = encode(Tree({b"\0%d" % number: each.id for number, each in enumerate(large)}))
    async with open_objects(path) as store:
        await store.put([*large, tree])
    with closing(sqlite3.connect(path)) as other:
        tracemalloc.start()
        try:
            ids = [tree.id, *(each.id for each in large)]
            found = run_transaction(other, outlines.read_outlines(ids))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert {each.kind for each in found.values()} == {"tree", "doc"}
    assert peak < 100 * 60_000 / 8


async def test_a_damaged_commit_of_an_earlier_file_is_added_to_the_graph_when_it_is_repaired(
    tmp_path: Path,
) -> None:
    path = tmp_path / "objects.sqlite3"
    graph = chain(3)
    async with open_objects(path) as store:
        await store.put(graph.objects())
    downgrade(path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE object SET payload = x'00' WHERE id = ?", (graph.ids[1],))
    async with open_objects(path) as store:
        with pytest.raises(Corrupt, match=graph.ids[1].hex()):
            await store.history([graph.ids[1]], 9)
        await store.put([graph.raws[1]])
        found = await store.history([graph.ids[2]], 9)
        assert [dated.raw for dated in found] == graph.raws[::-1]


async def test_a_kind_that_is_not_text_does_not_end_a_list(tmp_path: Path) -> None:
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        await store.put(MADE.objects)
        damage_row(path, "SET kind = CAST(x'ff' AS TEXT)")
        assert {each for each, _ in await store.list_page()} == {raw.id for raw in MADE.objects}
        assert len(await store.find(BLOB.id.hex()[:8])) == 1


async def test_a_commit_that_the_graph_lost_is_damage(tmp_path: Path) -> None:
    """The error was `not a commit`."""
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        await store.put(MADE.objects)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("DELETE FROM history")
        with pytest.raises(Corrupt, match="table history has no row for commit"):
            await store.history([MADE.id], 9)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE judged SET since = 1000", "DELETE FROM judged", "UPDATE installation SET id = 'x'"],
)
async def test_the_digests_of_the_store_are_compared_at_open(
    tmp_path: Path, statement: str
) -> None:
    path = tmp_path / "objects.sqlite3"
    async with open_objects(path) as store:
        await store.put(MADE.objects)
        await store.join("0123456789abcdef")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute(statement)
    with pytest.raises(Corrupt, match=r"objects\.sqlite3 is damaged"):
        async with open_objects(path):
            pass
