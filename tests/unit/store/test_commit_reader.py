"""Reads of history in batches: few round trips, and the received order is verified."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.counting_store import CountingStore
from tests.support.graphs import Graph, chain, graphs

from zonegit.errors import Corrupt, NotFound
from zonegit.history import commit_graph
from zonegit.history.commit_graph import LogWalk
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.store.commit_reader import CommitReader
from zonegit.store.memory import MemoryObjects
from zonegit.store.objects import Dated
from zonegit.store.reader import Reader


class MisdatingStore(MemoryObjects):
    """A store that gives every commit the same time."""

    async def history(self, tips, limit):
        return [Dated(dated.raw, 7) for dated in await super().history(tips, limit)]


async def past_of(graph: Graph, store: MemoryObjects) -> CommitReader:
    await store.put(graph.objects())
    return CommitReader(store, Reader(store))


@pytest.mark.parametrize(("length", "most"), [(20, 1), (300, 4), (900, 5), (5_000, 9)])
async def test_round_trips_grow_with_the_logarithm_of_a_history(length: int, most: int) -> None:
    graph = chain(length)
    store = CountingStore()
    past = await past_of(graph, store)
    assert (
        await past.answer(commit_graph.follow_parents(graph.ids[-1], [1] * (length - 1)))
        == graph.ids[0]
    )
    assert store.asked <= most
    assert store.gave == length


async def test_parallel_branches_are_fetched_together_and_once() -> None:
    graph = Graph()
    graph.add([], 0)
    left = right = 0
    for time in range(1, 400):
        graph.add([left], 2 * time)
        left = len(graph.ids) - 1
        graph.add([right], 2 * time + 1)
        right = len(graph.ids) - 1
    store = CountingStore()
    past = await past_of(graph, store)
    found = await past.answer(commit_graph.find_merge_bases(graph.ids[left], graph.ids[right]))
    assert found == [graph.ids[0]]
    assert store.asked <= 6
    assert store.gave <= len(graph.ids) + 10


async def test_the_common_history_of_two_branches_is_not_read_completely() -> None:
    graph = chain(2_000)
    for _ in ("ours", "theirs"):
        graph.add([1_999], 10_000)
    store = CountingStore()
    past = await past_of(graph, store)
    compared = await past.answer(commit_graph.compare_histories(graph.ids[-1], graph.ids[-2]))
    assert compared.bases == [graph.ids[1_999]]
    assert (len(compared.ours), len(compared.theirs)) == (1, 1)
    assert store.asked == 1


@given(graphs(size=80), st.data())
async def test_a_walk_has_the_same_result_for_any_batches(graph, data):
    start = data.draw(st.integers(0, len(graph.ids) - 1))
    past = await past_of(graph, MemoryObjects())
    found = await past.answer(LogWalk([graph.ids[start]]).take(100))
    moments = graph.moments()
    wanted = sorted(graph.ancestors(start), key=lambda at: (-moments[at], graph.ids[at]))
    assert [each.id for each in found] == [graph.ids[at] for at in wanted]


async def test_the_reader_caches_fetched_commits() -> None:
    graph = chain(10)
    store = CountingStore()
    await store.put(graph.objects())
    reader = Reader(store)
    await CommitReader(store, reader).answer(commit_graph.follow_parents(graph.ids[-1], [1] * 9))
    await reader.get(graph.ids)
    assert store.asked == 1


async def test_a_history_out_of_order_is_refused() -> None:
    graph = chain(3)
    past = await past_of(graph, MisdatingStore())
    with pytest.raises(Corrupt, match="out of order"):
        await past.answer(LogWalk([graph.ids[-1]]).take(3))


async def test_a_missing_commit_is_named() -> None:
    past = await past_of(chain(1), MemoryObjects())
    with pytest.raises(NotFound, match="000000000000"):
        await past.answer(commit_graph.follow_parents(CommitId(ObjectId(bytes(32))), [1]))
