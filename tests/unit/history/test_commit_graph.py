"""Walks over commits: the order of the log, merge bases, and the path to an ancestor."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.graphs import Graph, chain, graphs, run_strictly

from zonegit.errors import NotFound
from zonegit.history import commit_graph
from zonegit.history.commit_graph import LogWalk
from zonegit.objects.ids import CommitId
from zonegit.store.commit_reader import CommitNode, CommitWalk, T


def run(graph: Graph, asked: CommitWalk[T]) -> T:
    """Run a walk. It gets exactly the commits it requests."""
    moments = graph.moments()
    known = {
        commit_id: CommitNode(commit, moments[number])
        for number, (commit_id, commit) in enumerate(zip(graph.ids, graph.commits, strict=True))
    }
    return run_strictly(known, asked)


def numbers(graph: Graph, ids: Collection[CommitId]) -> list[int]:
    return [graph.ids.index(each) for each in ids]


def naive_bases(graph: Graph, ours: int, theirs: int) -> list[int]:
    """Return the common ancestors that are not ancestors of others."""
    common = graph.ancestors(ours) & graph.ancestors(theirs)
    below = {far for at in common for far in graph.ancestors(at) - {at}}
    moments = graph.moments()
    return sorted(common - below, key=lambda at: (-moments[at], graph.ids[at]))


@given(graphs(), st.data())
def test_a_log_has_each_ancestor_once_and_after_its_descendants(graph, data):
    start = data.draw(st.integers(0, len(graph.ids) - 1))
    found = run(graph, LogWalk([graph.ids[start]]).take(1_000))
    order = numbers(graph, [each.id for each in found])
    assert sorted(order) == sorted(graph.ancestors(start))
    place = {number: at for at, number in enumerate(order)}
    assert all(place[number] < place[up] for number in order for up in graph.parents[number])


@given(graphs(), st.integers(1, 5))
def test_a_log_in_parts_equals_the_whole_log(graph, count):
    starts = [graph.ids[-1], graph.ids[0]]
    whole = run(graph, LogWalk(starts).take(1_000))
    log = LogWalk(starts)
    parts = []
    while taken := run(graph, log.take(count)):
        parts += taken
    assert parts == whole


def test_a_log_is_in_the_order_of_the_clocks_where_history_permits_it():
    graph = Graph()
    graph.add([], 10)
    graph.add([0], 40)
    graph.add([0], 30)
    graph.add([2], 50)
    graph.add([1, 3], 60)
    found = run(graph, LogWalk([graph.ids[4]]).take(9))
    assert numbers(graph, [each.id for each in found]) == [4, 3, 1, 2, 0]


@given(graphs(), st.data())
def test_merge_bases_are_the_best_common_ancestors_for_any_clocks(graph, data):
    ours = data.draw(st.integers(0, len(graph.ids) - 1))
    theirs = data.draw(st.integers(0, len(graph.ids) - 1))
    found = run(graph, commit_graph.find_merge_bases(graph.ids[ours], graph.ids[theirs]))
    assert numbers(graph, found) == naive_bases(graph, ours, theirs)


@given(graphs(), st.data())
def test_a_comparison_finds_the_ancestors_of_only_one_commit(graph, data):
    ours = data.draw(st.integers(0, len(graph.ids) - 1))
    theirs = data.draw(st.integers(0, len(graph.ids) - 1))
    found = run(graph, commit_graph.compare_histories(graph.ids[ours], graph.ids[theirs]))
    mine, other = graph.ancestors(ours), graph.ancestors(theirs)
    assert sorted(numbers(graph, [each.id for each in found.ours])) == sorted(mine - other)
    assert sorted(numbers(graph, [each.id for each in found.theirs])) == sorted(other - mine)


@given(graphs(), st.data())
def test_the_bases_of_several_commits_are_those_of_their_merge(graph, data):
    numbers_of = st.integers(0, len(graph.ids) - 1)
    ours, theirs = data.draw(st.lists(numbers_of, min_size=2, max_size=2)), data.draw(numbers_of)
    found = run(
        graph,
        commit_graph.find_bases_of_merge([graph.ids[each] for each in ours], graph.ids[theirs]),
    )
    graph.add(ours, 1_000)
    assert numbers(graph, found) == naive_bases(graph, len(graph.ids) - 1, theirs)


def test_criss_cross_merges_have_two_bases():
    graph = Graph()
    graph.add([], 1)
    for parents in ([0], [0], [1, 2], [2, 1]):
        graph.add(parents, 10 + len(graph.ids))
    found = run(graph, commit_graph.find_merge_bases(graph.ids[3], graph.ids[4]))
    assert numbers(graph, found) == [2, 1]


def test_the_base_of_a_commit_and_its_ancestor_is_the_ancestor():
    graph = chain(5)
    assert run(graph, commit_graph.find_merge_bases(graph.ids[4], graph.ids[1])) == [graph.ids[1]]
    assert run(graph, commit_graph.find_merge_bases(graph.ids[1], graph.ids[4])) == [graph.ids[1]]
    assert run(graph, commit_graph.find_merge_bases(graph.ids[2], graph.ids[2])) == [graph.ids[2]]


def test_the_path_to_an_ancestor_follows_the_given_parents():
    graph = chain(3)
    graph.add([0], 2_000)
    graph.add([2, 3], 3_000)
    assert run(graph, commit_graph.follow_parents(graph.ids[4], [2, 1])) == graph.ids[0]
    assert run(graph, commit_graph.follow_parents(graph.ids[4], [1, 1])) == graph.ids[1]
    assert run(graph, commit_graph.follow_parents(graph.ids[4], [])) == graph.ids[4]
    with pytest.raises(NotFound, match="no parent 2"):
        run(graph, commit_graph.follow_parents(graph.ids[2], [2]))
    with pytest.raises(NotFound, match="history ends"):
        run(graph, commit_graph.follow_parents(graph.ids[0], [1]))
