"""Generate random histories of one name: addresses that are added, removed and added again."""

from collections.abc import Mapping

from hypothesis import strategies as st
from tests.support.graphs import APEX, Graph

from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rrset

OWNER = names.parse("www", APEX)
TXT = rrtypes.NUMBERS["TXT"]

State = Mapping[int, RRset]
"""The records at ``OWNER``, by type."""

_ttls = st.sampled_from([60, 300])
_sets = st.sets(st.integers(1, 4), min_size=1, max_size=3)


def addresses(numbers: set[int], ttl: int = 300, owner: Name = OWNER) -> RRset:
    """Return 192.0.2.n for each number."""
    return rrset(owner, rrtypes.A, ttl, [bytes((192, 0, 2, number)) for number in numbers])


def texts(numbers: set[int], ttl: int = 300) -> RRset:
    """Return a string for each number."""
    return rrset(OWNER, TXT, ttl, [b"\1%d" % number for number in numbers])


_states = st.fixed_dictionaries(
    {},
    optional={
        rrtypes.A: st.builds(addresses, _sets, _ttls),
        TXT: st.builds(texts, _sets, _ttls),
    },
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[Graph, list[State]]:
    """Draw commits and the state in each: that of a parent, or another."""
    graph = Graph()
    states: list[State] = []
    beside = addresses({9}, owner=APEX)
    for number in range(draw(st.integers(1, 16))):
        earlier = st.integers(max(0, number - 4), max(0, number - 1))
        parents = draw(st.lists(earlier, max_size=2, unique=True)) if number else []
        kept = st.sampled_from([states[parent] for parent in parents] or [{}])
        state = draw(st.one_of(kept, _states))
        graph.add(parents, draw(st.integers(0, 50)), records=[beside, *state.values()])
        states.append(state)
    return graph, states
