"""A reader fetches and decodes each object once. The strict memory store. Expected values of
refs."""

import pytest

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects import walk, zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId, RawObject, create_object
from zonegit.objects.model import Blob, Symref
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader
from zonegit.store.refs import Absent, Anything, Exactly, is_expected
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rrset

A = rrtypes.A


def zone(count: int) -> tuple[list[RawObject], ObjectId]:
    """Return blobs and trees of hosts below one label, children first, and the root."""
    objects = []
    edits = {}
    for number in range(count):
        owner = names.parse(f"h{number}.sub.foo.com.")
        objects.append(encode(Blob(rrset(owner, A, 300, [bytes((10, 0, 0, number))]))))
        edits[(b"sub", b"h%d" % number), A] = objects[-1].id
    root = walk.run(zone_tree.update(None, dict(edits), objects), {})
    assert root is not None
    return objects, root


class FetchRecorder(MemoryObjects):
    """A memory store that records fetched objects."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[ObjectId] = []

    async def get(self, ids):
        self.fetched.extend(ids)
        return await super().get(ids)


async def test_each_object_is_fetched_once():
    store = FetchRecorder()
    objects, root = zone(5)
    await store.put(objects)
    reader = Reader(store)
    first = await reader.answer(zone_tree.list_changes(None, root))
    assert await reader.answer(zone_tree.list_changes(None, root)) == first
    assert len(first) == 5
    assert len(store.fetched) == len(set(store.fetched)) == 7


async def test_given_objects_are_never_fetched():
    store = FetchRecorder()
    objects, root = zone(5)
    assert len(await Reader(store, objects).answer(zone_tree.list_changes(None, root))) == 5
    assert store.fetched == []


async def test_a_missing_object_is_named():
    raw = create_object("symref", b"HEAD")
    with pytest.raises(NotFound, match=raw.id.hex()[:12]):
        await Reader(MemoryObjects()).get([raw.id])


async def test_a_malformed_given_object_is_corrupt():
    raw = create_object("tree", b"\7")
    with pytest.raises(Corrupt, match=raw.id.hex()):
        await Reader(MemoryObjects(), [raw]).get([raw.id])


async def test_the_memory_store_refuses_an_object_with_a_missing_link():
    objects, _ = zone(1)
    store = MemoryObjects()
    with pytest.raises(Invalid, match="which is not stored"):
        await store.put(objects[1:])
    await store.put(objects)
    assert await store.missing([raw.id for raw in objects]) == set()


async def test_the_memory_store_refuses_a_wrong_id():
    raw = encode(Symref("HEAD"))
    with pytest.raises(Corrupt):
        await MemoryObjects().put([raw._replace(payload=b"HEAP")])


async def test_objects_are_found_by_the_first_digits_of_their_id():
    store = MemoryObjects()
    raw = encode(Symref("HEAD"))
    await store.put([raw])
    assert await store.find(raw.id.hex()[:4]) == [(raw.id, "symref")]
    assert await store.find("0000") == []


def test_an_expectation_is_a_value():
    one, other = ObjectId(b"\1" * 32), ObjectId(b"\2" * 32)
    assert is_expected(Absent(), None)
    assert not is_expected(Absent(), one)
    assert is_expected(Exactly(one), one)
    assert not is_expected(Exactly(one), other)
    assert not is_expected(Exactly(one), None)
    assert is_expected(Anything(), None)
    assert is_expected(Anything(), one)
