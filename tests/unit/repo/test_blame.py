"""Blame over a store: the same result as over values, in a few round trips."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from tests.support.counting_store import CountingStore
from tests.support.graphs import APEX, Graph
from tests.support.histories import OWNER, addresses, histories
from tests.unit.history.test_blame import as_origins, replay
from tests.unit.repo.conftest import TwoOperators
from zonegit.errors import Invalid, NotFound
from zonegit.repo.inspect import blame
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes


@pytest.fixture
def repo(operators: TwoOperators) -> Repo:
    return msgspec.structs.replace(operators.repo, objects=CountingStore())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(history=histories())
async def test_blame_over_a_store_agrees_with_a_naive_replay(repo: Repo, history) -> None:
    graph, states = history
    await repo.objects.put(graph.objects())
    last = len(states) - 1
    asked = blame.blame(repo, Reader(repo.objects), graph.ids[last], OWNER, None, APEX)
    if not states[last]:
        with pytest.raises(NotFound, match=r"no www\.foo\.com\."):
            await asked
        return
    found = await asked
    assert as_origins(graph, found.rrsets) == replay(graph, states)[last]
    for each in found.rrsets:
        for commit_id in (each.commit, *each.records):
            assert found.commits[commit_id] == graph.commits[graph.ids.index(commit_id)]


async def test_a_thousand_commits_need_few_round_trips(repo: Repo) -> None:
    graph = Graph()
    for number in range(1_000):
        records = [addresses({1}), addresses({number % 250}, owner=APEX)]
        graph.add([number - 1] if number else [], number, records=records)
    await repo.objects.put(graph.objects())
    reader = Reader(repo.objects)
    found = await blame.blame(repo, reader, graph.ids[-1], OWNER, rrtypes.A, APEX)
    assert [(each.commit, each.records) for each in found.rrsets] == [
        (graph.ids[0], (graph.ids[0],))
    ]
    assert isinstance(repo.objects, CountingStore)
    assert repo.objects.asked <= 30


async def test_a_young_record_is_found_without_the_whole_history(repo: Repo) -> None:
    graph = Graph()
    for number in range(500):
        records = [addresses({number // 490 + 1}), addresses({number % 250}, owner=APEX)]
        graph.add([number - 1] if number else [], number, records=records)
    await repo.objects.put(graph.objects())
    reader = Reader(repo.objects)
    found = await blame.blame(repo, reader, graph.ids[-1], OWNER, rrtypes.A, APEX)
    assert found.rrsets[0].commit == graph.ids[490]
    assert isinstance(repo.objects, CountingStore)
    assert repo.objects.gave < 100


async def test_a_missing_rrset_is_not_found(repo: Repo) -> None:
    graph = Graph()
    graph.add([], 0, records=[addresses({1})])
    await repo.objects.put(graph.objects())
    reader = Reader(repo.objects)
    with pytest.raises(NotFound, match=r"no www\.foo\.com\. AAAA"):
        await blame.blame(repo, reader, graph.ids[0], OWNER, rrtypes.AAAA, APEX)
    elsewhere = names.parse("www.elsewhere.")
    with pytest.raises(Invalid, match="not within"):
        await blame.blame(repo, reader, graph.ids[0], elsewhere, rrtypes.A, APEX)


async def test_a_timeline_of_a_thousand_commits_needs_few_round_trips(repo: Repo) -> None:
    graph = Graph()
    for number in range(1_000):
        records = [addresses({number // 400 + 1}), addresses({number % 250}, owner=APEX)]
        graph.add([number - 1] if number else [], number, records=records)
    await repo.objects.put(graph.objects())
    found = await blame.read_timeline(
        repo, Reader(repo.objects), graph.ids[-1], OWNER, rrtypes.A, APEX, 50
    )
    assert [graph.ids.index(each.commit) for each in found.values] == [800, 400, 0]
    assert isinstance(repo.objects, CountingStore)
    assert repo.objects.asked <= 30
    since = await blame.read_timeline(
        repo, Reader(repo.objects), graph.ids[-1], OWNER, rrtypes.A, APEX, 50, 500.0
    )
    assert [graph.ids.index(each.commit) for each in since.values] == [800, 400]
    with pytest.raises(NotFound, match="no commit has"):
        await blame.read_timeline(
            repo, Reader(repo.objects), graph.ids[-1], OWNER, rrtypes.AAAA, APEX, 50
        )
