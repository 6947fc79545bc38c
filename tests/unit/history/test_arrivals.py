"""The move that brought a commit to a branch agrees with the sets of ancestors."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from tests.support.graphs import Graph, chain, graphs, run_strictly

from zonegit.history import arrivals
from zonegit.history.commit_graph import LogWalk
from zonegit.objects.ids import ObjectId
from zonegit.store import ref_names
from zonegit.store.commit_reader import CommitNode
from zonegit.store.ref_log import LogEntry
from zonegit.zone import names

MAIN = ref_names.branch(names.parse("foo.com."), "main")


def make_moves(tips: Sequence[ObjectId | None], first: ObjectId | None = None) -> list[LogEntry]:
    """Return the moves of a branch to some tips, numbered by their sequence."""
    return [
        LogEntry(number, "moved", MAIN, old, new, 1, "bob", 0.0, "approve", "o" * 16)
        for number, (old, new) in enumerate(zip([first, *tips[:-1]], tips, strict=True))
    ]


def find(graph: Graph, moves: Sequence[LogEntry]) -> dict[int, int | None]:
    """Return the sequence of the move that brought each commit, by the number of the commit."""
    positions = arrivals.list_positions(moves)
    moments = graph.moments()
    known = {
        each: CommitNode(graph.commits[number], moments[number])
        for number, each in enumerate(graph.ids)
    }
    number_of = {each: number for number, each in enumerate(graph.ids)}
    start = graph.ids[number_of[positions[-1].tip]]
    walked = run_strictly(known, LogWalk([start]).take(len(graph.ids)))
    found = arrivals.find_arrivals(positions, walked)
    return {number_of[each]: move and move.sequence for each, move in found.items()}


@given(graphs(), st.data())
def test_a_commit_came_with_the_first_tip_that_has_it_in_its_history(graph, data):
    last = data.draw(st.integers(0, len(graph.ids) - 1))
    earlier = st.sampled_from(sorted(graph.ancestors(last)))
    tips = data.draw(st.lists(earlier, max_size=6, unique=True).map(lambda some: [*some, last]))
    positions = tips[: tips.index(last) + 1]
    wanted = {
        number: next(at for at, tip in enumerate(positions) if number in graph.ancestors(tip))
        for number in graph.ancestors(last)
    }
    assert find(graph, make_moves([graph.ids[tip] for tip in tips])) == wanted


def test_commits_before_the_first_known_move_came_with_none():
    graph = chain(4)
    found = find(graph, make_moves([graph.ids[3]], first=graph.ids[1]))
    assert found == {0: None, 1: None, 2: 0, 3: 0}


def test_a_move_back_forgets_the_moves_after_it():
    graph = chain(3)
    one, two, three = graph.ids
    assert find(graph, make_moves([one, three, one, two, three])) == {0: 0, 1: 3, 2: 4}


def test_a_deletion_forgets_all_moves_before_it():
    graph = chain(2)
    one, two = graph.ids
    assert find(graph, make_moves([one, None, two])) == {0: 2, 1: 2}
    assert arrivals.list_positions(make_moves([one, None])) == []
