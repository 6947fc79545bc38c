"""The contract of every object store (``zonegit.store.objects.ObjectStore``)."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import commits
from tests.support.graphs import BASE, Graph, chain, graphs

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject, create_object
from zonegit.objects.model import Blob, Doc, Symref, Tree, rrset_key, subtree_key
from zonegit.store.objects import MAX_LISTED, Dated, ObjectStore
from zonegit.store.outline import MAX_OUTLINED, Outline
from zonegit.zone import names, rrset, rrtypes

ZONE = names.parse("foo.com.")
ABSENT = ObjectId(bytes(32))


async def test_stored_objects_are_returned(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    found = await objects.get([raw.id for raw in made.objects])
    assert found == {raw.id: raw for raw in made.objects}


async def test_a_repeated_id_is_answered_once(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    assert await objects.get([made.id, made.id]) == {made.id: made.objects[-1]}


async def test_an_empty_request_has_an_empty_reply(objects: ObjectStore) -> None:
    assert await objects.get([]) == {}
    await objects.put([])


async def test_a_missing_object_is_named(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    with pytest.raises(NotFound) as caught:
        await objects.get([made.id, ABSENT])
    assert caught.value.details["object"] == ABSENT.hex()


async def test_missing_returns_the_absent_ids(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    assert await objects.missing([made.id, ABSENT]) == {ABSENT}
    assert await objects.missing([]) == set()


async def test_storing_an_object_again_changes_nothing(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    await objects.put(made.objects)
    assert await objects.get([made.id]) == {made.id: made.objects[-1]}


MALFORMED = encode(Blob(rrset.RRset(ZONE, rrtypes.A, 300, (b"\1\2\3",))))


async def test_a_malformed_rrset_is_refused_and_nothing_with_it_is_stored(
    objects: ObjectStore,
) -> None:
    made = commits.commit(ZONE, 1)
    with pytest.raises(Invalid, match=r"foo.com. A: RDATA \\# 3 010203 is malformed") as caught:
        await objects.put([MALFORMED, *made.objects])
    assert caught.value.details["object"] == MALFORMED.id.hex()
    assert await objects.missing([MALFORMED.id, made.id]) == {MALFORMED.id, made.id}


async def test_an_outline_describes_an_rrset_and_a_tree_of_one_owner(
    objects: ObjectStore,
) -> None:
    owner = names.parse("www", ZONE)
    address = encode(Blob(rrset.rrset(owner, rrtypes.A, 300, [bytes(4)])))
    text = encode(Blob(rrset.rrset(owner, rrtypes.TXT, 300, [b"\1x"])))
    beside = encode(Blob(rrset.rrset(ZONE, rrtypes.TXT, 300, [b"\1x"])))
    leaf = encode(Tree({rrset_key(rrtypes.A): address.id, rrset_key(rrtypes.TXT): text.id}))
    mixed = encode(Tree({rrset_key(rrtypes.A): address.id, rrset_key(rrtypes.TXT): beside.id}))
    misnamed = encode(Tree({b"\1TYPE1": address.id}))
    root = encode(Tree({subtree_key(b"www"): leaf.id}))
    symref = encode(Symref("HEAD"))
    elsewhere = encode(Tree({subtree_key(b"www"): leaf.id, subtree_key(b"web"): leaf.id}))
    alias = encode(Blob(rrset.rrset(owner, rrtypes.CNAME, 300, [b"\0"])))
    clashing = encode(Tree({rrset_key(rrtypes.CNAME): alias.id}))
    watched = encode(Tree({subtree_key(b"www"): clashing.id}))
    inside = encode(Tree({subtree_key(b"www"): leaf.id, rrset_key(rrtypes.TXT): beside.id}))
    opaque = [mixed, misnamed, elsewhere, watched, inside]
    await objects.put([address, text, beside, alias, leaf, clashing, root, *opaque, symref])
    asked = [raw.id for raw in (address, leaf, root, *opaque, symref)]
    assert await objects.outlines(asked) == {
        address.id: Outline("blob", owner, [rrtypes.A]),
        leaf.id: Outline("tree", owner, [rrtypes.A, rrtypes.TXT]),
        root.id: Outline("run", ZONE),
        **{raw.id: Outline("tree") for raw in opaque},
        symref.id: Outline("symref"),
    }
    assert await objects.outlines([]) == {}
    with pytest.raises(NotFound) as caught:
        await objects.outlines([address.id, ABSENT])
    assert caught.value.details["object"] == ABSENT.hex()


async def test_outlines_may_need_several_answers(objects: ObjectStore) -> None:
    blobs = [
        encode(Blob(rrset.rrset(names.parse(f"h{number}", ZONE), rrtypes.A, 300, [bytes(4)])))
        for number in range(2 * MAX_OUTLINED + 1)
    ]
    await objects.put(blobs)
    assert (await objects.outlines([raw.id for raw in blobs])).keys() == {raw.id for raw in blobs}


@pytest.mark.parametrize("left_out", [0, -2])
async def test_an_object_with_a_missing_link_is_refused(
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
        await objects.put([create_object("blob", b"\x01 not an RRset")])


async def test_an_object_is_found_by_the_start_of_its_id(objects: ObjectStore) -> None:
    made = commits.commit(ZONE, 1)
    await objects.put(made.objects)
    assert await objects.find(made.id.hex()[:9]) == [(made.id, "commit")]
    assert await objects.find(made.id.hex()) == [(made.id, "commit")]
    everything = [await objects.find(raw.id.hex()[:4]) for raw in made.objects]
    assert {(raw.id, raw.kind) for raw in made.objects} <= {
        hit for hits in everything for hit in hits
    }


async def test_all_objects_are_listed_page_by_page_in_the_order_of_their_ids(
    objects: ObjectStore,
) -> None:
    assert await objects.list_page() == []
    many = [encode(Doc({"n": n})) for n in range(MAX_LISTED + 3)]
    await objects.put(many)
    stored = sorted((raw.id, "doc") for raw in many)
    listed: list[tuple[ObjectId, str]] = []
    while page := await objects.list_page(listed[-1][0] if listed else None):
        assert len(page) <= MAX_LISTED
        listed += page
    assert listed == stored


async def test_objects_of_several_messages_are_stored_and_returned(objects: ObjectStore) -> None:
    """The objects fill three messages of 512 KiB."""
    large = [encode(Doc({"n": n, "padding": bytes(60_000)})) for n in range(20)]
    await objects.put(large)
    assert await objects.get([raw.id for raw in large]) == {raw.id: raw for raw in large}


async def test_ids_of_several_messages_are_stored_and_returned(objects: ObjectStore) -> None:
    small = [
        encode(Blob(rrset.rrset(ZONE, rrtypes.A, n, [b"\xc0\x00\x02\x01"]))) for n in range(9_000)
    ]
    await objects.put(small)
    ids = [raw.id for raw in small]
    assert len(await objects.get(ids)) == len(small)
    assert await objects.missing([*ids, ABSENT]) == {ABSENT}


async def test_a_history_has_its_tips_and_then_their_ancestors_latest_first(
    objects: ObjectStore,
) -> None:
    graph = Graph()
    for parents, time in [([], 10), ([0], 40), ([0], 30), ([2], 50), ([1, 3], 60), ([0], 70)]:
        graph.add(parents, time)
    await objects.put(graph.objects())
    tips = [graph.ids[2], graph.ids[4]]
    found = await objects.history(tips, 100)
    assert found == [Dated(graph.raws[at], graph.moments()[at]) for at in (2, 4, 3, 1, 0)]
    assert await objects.history(tips, 4) == found[:4]


async def test_all_tips_are_returned_even_beyond_the_limit(
    objects: ObjectStore,
) -> None:
    graph = chain(9)
    await objects.put(graph.objects())
    tips = [graph.ids[at] for at in (8, 0, 5)]
    assert [dated.raw.id for dated in await objects.history(tips, 1)] == tips
    assert await objects.history([], 5) == []


async def test_a_moment_is_later_than_those_of_the_parents_for_any_clock(
    objects: ObjectStore,
) -> None:
    graph = Graph()
    latest = 10**18 - 1
    for parents, time in [([], latest), ([0], 7), ([], 100), ([2, 1], 0), ([2], 2**32)]:
        graph.add(parents, time)
    for at in range(0, len(graph.raws), 2):
        await objects.put([*BASE.objects, *graph.raws[: at + 2]])
    found = await objects.history(graph.ids, 100)
    assert [dated.moment for dated in found] == [latest, latest + 1, 100, latest + 2, 2**32]
    assert [dated.raw for dated in found] == graph.raws


async def test_a_missing_commit_of_a_history_is_named(objects: ObjectStore) -> None:
    graph = chain(3)
    await objects.put(graph.objects())
    with pytest.raises(NotFound) as caught:
        await objects.history([graph.ids[0], CommitId(ABSENT)], 10)
    assert caught.value.details["object"] == ABSENT.hex()
    tree = CommitId(BASE.tree)
    with pytest.raises(NotFound) as caught:
        await objects.history([tree], 10)
    assert caught.value.details["object"] == tree.hex()


async def test_all_tips_are_returned_at_any_size(objects: ObjectStore) -> None:
    graph = Graph()
    for number in range(5):
        graph.add([], number, "x" * 300_000)
    graph.add([4], 5)
    await objects.put(graph.objects())
    found = await objects.history(graph.ids[:-1], 5)
    assert [dated.raw for dated in found] == graph.raws[:-1]
    found = await objects.history(graph.ids[-1:], 5)
    assert [dated.raw for dated in found] == [graph.raws[-1], graph.raws[-2]]


async def test_tips_of_several_messages_are_all_returned(objects: ObjectStore) -> None:
    graph = Graph()
    for number in range(1_100):
        graph.add([], number)
    await objects.put(graph.objects())
    found = await objects.history(graph.ids, 1_024)
    assert [dated.raw.id for dated in found] == graph.ids


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs(), data=st.data())
async def test_a_history_matches_its_definition(
    objects: ObjectStore, graph: Graph, data: st.DataObject
) -> None:
    await objects.put(graph.objects())
    number = st.integers(0, len(graph.ids) - 1)
    tips = data.draw(st.lists(number, max_size=4, unique_by=lambda at: graph.ids[at]))
    limit = data.draw(st.integers(1, 30))
    moments = graph.moments()
    reached = {graph.ids[up]: up for tip in tips for up in graph.ancestors(tip)}
    above = [at for at in reached.values() if graph.ids[at] not in [graph.ids[t] for t in tips]]
    above.sort(key=lambda at: (-moments[at], graph.ids[at]))
    wanted = [*tips, *above][: max(limit, len(tips))]
    found = await objects.history([graph.ids[at] for at in tips], limit)
    assert found == [Dated(graph.raws[at], moments[at]) for at in wanted]
