"""The timeline of an RRset agrees with a walk along the first parents."""

from hypothesis import given
from tests.support.histories import histories
from tests.unit.history.test_blame import run

from zonegit.history.timeline import ValueChange, list_values
from zonegit.zone import rrtypes


@given(histories())
def test_values_agree_with_the_states_of_the_first_parents(history):
    graph, states = history
    line = [len(states) - 1]
    while graph.parents[line[-1]]:
        line.append(graph.parents[line[-1]][0])
    wanted = []
    for at, above in zip(line, [*line[1:], None], strict=True):
        value = states[at].get(rrtypes.A)
        before = states[above].get(rrtypes.A) if above is not None else None
        if value != before:
            wanted.append(ValueChange(graph.ids[at], value))
    tip = graph.ids[line[0]]
    assert run(graph, states, list_values(tip, rrtypes.A, lambda _: False, 100)) == wanted
    assert run(graph, states, list_values(tip, rrtypes.A, lambda _: False, 1)) == wanted[:1]
    assert run(graph, states, list_values(tip, rrtypes.A, lambda _: True, 100)) == wanted[:1]
