"""Histories with several merge bases: one virtual base, and every doubt is a conflict."""

from collections.abc import Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.graphs import APEX, Graph
from tests.support.histories import OWNER, TXT, State, histories
from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip
from zonegit.history import commit_graph
from zonegit.merge import records
from zonegit.merge.records import Refusal
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge
from zonegit.repo.commit.conflicts import NO_CHOICES, Choices, Conflicted
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.merge_bases import MergeBaseFinder
from zonegit.repo.commit.outcomes import Outcome
from zonegit.store.commit_reader import CommitReader
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes

Found = tuple[State, frozenset[int]]
"""What stands at ``OWNER`` in a base, and the types on which there is no agreement."""


async def base_of(graph: Graph, ours: int, theirs: int, **bound: int) -> Found:
    """Return the result of :class:`MergeBaseFinder` for two commits."""
    store = MemoryObjects()
    await store.put(graph.objects())
    reader = Reader(store)
    past = CommitReader(store, reader)
    bases = await past.answer(commit_graph.find_merge_bases(graph.ids[ours], graph.ids[theirs]))
    found = await MergeBaseFinder(past, reader, APEX, **bound).find(bases)
    disputed = frozenset(rdtype for path, rdtype in found.disputed if path)
    if found.tree is None:
        return {}, disputed
    return (await read_zone.read_rrsets_at(reader, found.tree, [OWNER], APEX))[OWNER], disputed


class PlainMergeBases:
    """The same computation in a plain form, over dictionaries."""

    def __init__(self, graph: Graph, states: list[State]) -> None:
        self.graph = graph
        self.states = states
        self.moments = graph.moments()

    def bases(self, ours: Collection[int], theirs: int) -> list[int]:
        past = set[int]().union(*(self.graph.ancestors(each) for each in ours))
        common = past & self.graph.ancestors(theirs)
        below = {far for at in common for far in self.graph.ancestors(at) - {at}}
        return sorted(common - below, key=lambda at: (-self.moments[at], self.graph.ids[at]))

    def agreed(self, commits: list[int]) -> Found:
        if not commits:
            return {}, frozenset()
        found: Found = (self.states[commits[0]], frozenset())
        for number, other in enumerate(commits[1:], 1):
            base = self.agreed(self.bases(commits[:number], other))
            found = merged(base, found, self.states[other])
        return found


def merged(base: Found, ours: Found, theirs: State) -> Found:
    state, disputed = {}, set(ours[1])
    for rdtype in (rrtypes.A, TXT):
        value = records.merge_rrset(base[0].get(rdtype), ours[0].get(rdtype), theirs.get(rdtype))
        agreed = rdtype not in base[1] or ours[0].get(rdtype) == theirs.get(rdtype)
        if isinstance(value, Refusal) or not agreed:
            disputed.add(rdtype)
        elif value is not None:
            state[rdtype] = value
    return {each: value for each, value in state.items() if each not in disputed}, frozenset(
        disputed
    )


@settings(max_examples=150)
@given(histories(), st.data())
async def test_bases_are_merged_recursively_down_to_the_first_commit(history, data):
    graph, states = history
    numbers = st.integers(0, len(states) - 1)
    ours, theirs = data.draw(numbers), data.draw(numbers)
    plain = PlainMergeBases(graph, states)
    expected = plain.agreed(plain.bases([ours], theirs))
    assert await base_of(graph, ours, theirs) == expected
    assert await base_of(graph, theirs, ours) == expected


@settings(max_examples=50)
@given(histories(), st.data())
async def test_beyond_the_bound_every_difference_between_bases_is_disputed(history, data):
    graph, states = history
    numbers = st.integers(0, len(states) - 1)
    ours, theirs = data.draw(numbers), data.draw(numbers)
    bases = [states[each] for each in PlainMergeBases(graph, states).bases([ours], theirs)]
    state, disputed = await base_of(graph, ours, theirs, max_merges=0)
    for rdtype in (rrtypes.A, TXT):
        values = [each.get(rdtype) for each in bases]
        same = all(each == values[0] for each in values)
        assert (rdtype in disputed) != same
        assert state.get(rdtype) == (values[0] if values and same else None)


async def merge_branch(
    operators: TwoOperators, into: str, theirs: CommitId, choices: Choices = NO_CHOICES
) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, into)
    return await merge.merge(operators.repo, at, theirs, Intent("m", "merge"), choices)


async def crossed(operators: TwoOperators) -> None:
    """Return main and canary, which were merged into each other."""
    ours, theirs = await tip(operators, "main"), await tip(operators, "canary")
    check_committed(await merge_branch(operators, "main", theirs))
    check_committed(await merge_branch(operators, "canary", ours))


@pytest.fixture
async def forked(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. with a branch canary at the commit of main."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo, "main"))
    return foo


async def test_a_revert_after_a_criss_cross_merge_is_kept(forked: TwoOperators) -> None:
    """With only the latest base, canary would seem to have added it again."""
    await forked.edit([Set(address("api", "192.0.2.81"))], "main")
    await forked.edit([Set(address("ftp", "192.0.2.21"))], "canary")
    await crossed(forked)
    await forked.edit([Set(address("api", "192.0.2.80"))], "main")
    await forked.edit([Set(address("new", "192.0.2.5"))], "canary")
    done = check_committed(await merge_branch(forked, "main", await tip(forked, "canary")))
    assert await addresses(forked, done.commit, "api") == ["192.0.2.80"]
    assert await addresses(forked, done.commit, "new") == ["192.0.2.5"]


async def disputed(operators: TwoOperators, ours: str, theirs: str) -> Outcome:
    """Merge main and canary, which conflict about api, into each other with these choices.

    Then merge canary into main again.
    """
    await operators.edit([Set(address("api", "192.0.2.81"))], "main")
    await operators.edit([Set(address("api", "192.0.2.82"))], "canary")
    main, canary = await tip(operators, "main"), await tip(operators, "canary")
    check_committed(await merge_branch(operators, "main", canary, Choices(preferred=ours)))
    check_committed(await merge_branch(operators, "canary", main, Choices(preferred=theirs)))
    await operators.edit([Set(address("new", "192.0.2.5"))], "canary")
    return await merge_branch(operators, "main", await tip(operators, "canary"))


async def test_conflicting_bases_are_no_conflict_if_the_sides_agree(
    forked: TwoOperators,
) -> None:
    done = check_committed(await disputed(forked, "ours", "theirs"))
    assert await addresses(forked, done.commit, "api") == ["192.0.2.81"]
    assert await addresses(forked, done.commit, "new") == ["192.0.2.5"]


async def test_conflicting_bases_are_a_conflict_if_the_sides_differ(
    forked: TwoOperators,
) -> None:
    found = await disputed(forked, "ours", "ours")
    assert isinstance(found, Conflicted)
    (clash,) = found.clashes
    assert (names.text(clash.owner), clash.reason, clash.base) == (
        "api.foo.com.", "no agreed base", None
    )  # fmt: skip
    assert (clash.ours, clash.theirs) == (
        address("api", "192.0.2.81"),
        address("api", "192.0.2.82"),
    )


async def test_the_trees_of_bases_are_never_stored(forked: TwoOperators) -> None:
    await forked.edit([Set(address("api", "192.0.2.81"))], "main")
    await forked.edit([Set(address("ftp", "192.0.2.21"))], "canary")
    await crossed(forked)
    await forked.edit([Set(address("new", "192.0.2.5"))], "canary")
    reader = Reader(forked.repo.objects)
    past = CommitReader(forked.repo.objects, reader)
    ours, theirs = await tip(forked, "main"), await tip(forked, "canary")
    found = await MergeBaseFinder(past, reader, ZONE).find(
        await past.answer(commit_graph.find_merge_bases(ours, theirs))
    )
    check_committed(await merge_branch(forked, "main", theirs))
    assert found.tree is not None
    assert await forked.repo.objects.missing([found.tree]) == {found.tree}
