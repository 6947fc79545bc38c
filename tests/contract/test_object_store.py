"""What every object store promises (``zonegit.store.protocols.ObjectStore``)."""

import pytest
from tests.support import commits

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects.canonical import encode
from zonegit.objects.ids import ObjectId, RawObject, seal
from zonegit.objects.model import Blob, Doc, Symref
from zonegit.store.protocols import ObjectStore
from zonegit.zone import names, rrset, rrtypes

ZONE = names.parse("foo.com.")
ABSENT = ObjectId(bytes(32))


async def test_what_was_put_is_got(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    found = await objects.get([raw.id for raw in made.objects])
    assert found == {raw.id: raw for raw in made.objects}


async def test_an_id_asked_for_twice_is_answered_once(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    assert await objects.get([made.id, made.id]) == {made.id: made.objects[-1]}


async def test_nothing_is_asked_for_and_nothing_is_got(objects: ObjectStore) -> None:
    assert await objects.get([]) == {}
    await objects.put([])


async def test_a_missing_object_is_named(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    with pytest.raises(NotFound) as caught:
        await objects.get([made.id, ABSENT])
    assert caught.value.details["object"] == ABSENT.hex()


async def test_missing_tells_what_is_not_held(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    assert await objects.missing([made.id, ABSENT]) == {ABSENT}
    assert await objects.missing([]) == set()


async def test_putting_again_changes_nothing(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    await objects.put(made.objects)
    assert await objects.get([made.id]) == {made.id: made.objects[-1]}


@pytest.mark.parametrize("left_out", [0, -2])
async def test_an_object_that_names_one_not_held_is_refused(
    objects: ObjectStore, left_out: int
) -> None:
    made = commits.commit(ZONE, 1)
    held_back = made.objects[left_out]
    with pytest.raises(Invalid, match="not stored"):
        await objects.put([raw for raw in made.objects if raw != held_back])
    assert await objects.missing([made.id]) == {made.id}


async def test_parents_before_children_are_refused(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    with pytest.raises(Invalid):
        await objects.put(made.objects[::-1])


async def test_an_object_under_anothers_id_is_refused(objects: ObjectStore) -> None:
    true = encode(Symref("refs/heads/foo.com./main"))
    forged = RawObject(true.id, "symref", b"refs/heads/foo.com./evil")
    with pytest.raises(Corrupt) as caught:
        await objects.put([forged])
    assert caught.value.details["object"] == true.id.hex()
    assert await objects.missing([true.id]) == {true.id}


async def test_a_malformed_object_is_refused(objects: ObjectStore) -> None:
    with pytest.raises(Corrupt, match="malformed"):
        await objects.put([seal("blob", b"\x01 not an RRset")])


async def test_an_object_is_found_by_the_start_of_its_id(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    assert await objects.find(made.id.hex()[:9]) == [(made.id, "commit")]
    assert await objects.find(made.id.hex()) == [(made.id, "commit")]
    everything = [await objects.find(raw.id.hex()[:4]) for raw in made.objects]
    assert {(raw.id, raw.kind) for raw in made.objects} <= {
        hit for hits in everything for hit in hits
    }


async def test_more_than_fits_one_message_is_put_and_got(objects: ObjectStore) -> None:
    """Three messages by their octets (512 KiB each)."""
    large = [encode(Doc({"n": n, "padding": bytes(60_000)})) for n in range(20)]
    await objects.put(large)
    assert await objects.get([raw.id for raw in large]) == {raw.id: raw for raw in large}


async def test_more_ids_than_fit_one_message_are_put_and_got(objects: ObjectStore) -> None:
    small = [
        encode(Blob(rrset.rrset(ZONE, rrtypes.A, n, [b"\xc0\x00\x02\x01"]))) for n in range(9_000)
    ]
    await objects.put(small)
    ids = [raw.id for raw in small]
    assert len(await objects.get(ids)) == len(small)
    assert await objects.missing([*ids, ABSENT]) == {ABSENT}
