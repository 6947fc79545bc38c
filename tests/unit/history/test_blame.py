"""Blame agrees with a naive replay of history, and stops at the commit that introduced a value."""

from collections.abc import Sequence

from hypothesis import given
from tests.support.graphs import Graph, run_strictly
from tests.support.histories import State, addresses, histories

from zonegit.history.blame import BlamedRRset, BlameWalk, RecordsAt, T, blame
from zonegit.zone import rrtypes

Origins = dict[tuple[int, bytes | None], int]
"""The commit that gave each record, and with None each RRset, its value."""


def run(graph: Graph, states: Sequence[State], asks: BlameWalk[T]) -> T:
    """Run the algorithm. It gets exactly the objects it requests."""
    places = {
        commit_id: RecordsAt(states[number], graph.commits[number].parents)
        for number, commit_id in enumerate(graph.ids)
    }
    return run_strictly(places, asks)


def replay(graph: Graph, states: Sequence[State]) -> list[Origins]:
    """Return the origins by a replay from the first commit; a record found in a parent keeps its
    own."""
    every: list[Origins] = []
    for number, state in enumerate(states):
        origins: Origins = {}
        for rdtype, rrset in state.items():
            for value in (None, *rrset.rdatas):
                origins[rdtype, value] = number
                for parent in reversed(graph.parents[number]):
                    there = states[parent].get(rdtype)
                    if there is None:
                        continue
                    if there == rrset if value is None else value in there.rdatas:
                        origins[rdtype, value] = every[parent][rdtype, value]
        every.append(origins)
    return every


def as_origins(graph: Graph, found: Sequence[BlamedRRset]) -> Origins:
    origins: Origins = {}
    for each in found:
        rdtype = each.rrset.rdtype
        origins[rdtype, None] = graph.ids.index(each.commit)
        for rdata, commit in zip(each.rrset.rdatas, each.records, strict=True):
            origins[rdtype, rdata] = graph.ids.index(commit)
    return origins


@given(histories())
def test_blame_agrees_with_a_naive_replay_of_history(history):
    graph, states = history
    wanted = replay(graph, states)
    for number, commit_id in enumerate(graph.ids):
        found = run(graph, states, blame(commit_id))
        assert as_origins(graph, found) == wanted[number]
        assert [each.rrset for each in found] == [at for _, at in sorted(states[number].items())]


@given(histories())
def test_blame_of_one_type_equals_its_part_of_the_blame_of_all(history):
    graph, states = history
    every = run(graph, states, blame(graph.ids[-1]))
    some = run(graph, states, blame(graph.ids[-1], rrtypes.A))
    assert some == [each for each in every if each.rrset.rdtype == rrtypes.A]


def test_a_record_keeps_its_origin_when_another_one_is_added():
    one, both = addresses({1}), addresses({1, 2})
    graph = Graph()
    for number in range(4):
        graph.add([number - 1] if number else [], number)
    states = [{1: one}, {1: one}, {1: both}, {1: both}]
    (found,) = run(graph, states, blame(graph.ids[3]))
    assert found == BlamedRRset(both, graph.ids[2], (graph.ids[0], graph.ids[2]))


def test_a_new_ttl_is_a_change_of_the_rrset_and_not_of_its_records():
    graph = Graph()
    graph.add([], 0)
    graph.add([0], 1)
    states = [{1: addresses({1}, 300)}, {1: addresses({1}, 60)}]
    (found,) = run(graph, states, blame(graph.ids[1]))
    assert (found.commit, found.records) == (graph.ids[1], (graph.ids[0],))


def test_a_merge_that_took_one_side_is_not_an_origin():
    graph = Graph()
    for parents in ([], [0], [0], [1, 2]):
        graph.add(parents, len(graph.ids))
    old, new = {1: addresses({1})}, {1: addresses({2})}
    (found,) = run(graph, [old, old, new, new], blame(graph.ids[3]))
    assert found.commit == graph.ids[2]
    (found,) = run(graph, [old, old, new, {1: addresses({1, 2})}], blame(graph.ids[3]))
    assert (found.commit, found.records) == (graph.ids[3], (graph.ids[0], graph.ids[2]))
