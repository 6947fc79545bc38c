"""The log: its commits, and those that pass a filter."""

import re
from dataclasses import dataclass

import msgspec
import pytest

from tests.support.counting_store import CountingStore
from tests.support.graphs import Graph, chain
from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed
from zonegit.errors import Invalid
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Tag
from zonegit.repo import heads
from zonegit.repo.change import branches
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Delete, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.inspect import log
from zonegit.repo.inspect.log import Label, LogFilter
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.refs import Absent
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rdata_from_text, rrset


@dataclass
class LogHarness:
    """foo.com. after some edits, with the author of each commit."""

    operators: TwoOperators
    ids: dict[str, CommitId]

    async def tell(self, key: str, edit: RRsetEdit, *, other: bool = False) -> CommitId:
        repo = self.operators.other if other else self.operators.repo
        position = await heads.find_position(repo, ZONE)
        intent = Intent(f"{key} it\n\nbecause {key}", "set")
        plan = change_plan.plan_edits([edit], ZONE)
        self.ids[key] = check_committed(
            await commit_loop.commit(repo, position, plan, intent)
        ).commit
        return self.ids[key]

    async def log(self, wanted: LogFilter = log.EVERYTHING, limit: int = 100) -> list[str]:
        by_id = {commit: key for key, commit in self.ids.items()}
        start = (await heads.find_position(self.operators.repo)).commit()
        reader = Reader(self.operators.repo.objects)
        found = await log.read_latest(self.operators.repo, reader, start, ZONE, limit, wanted)
        return [by_id[each.id] for each in found]


@pytest.fixture
async def story(foo: TwoOperators) -> LogHarness:
    told = LogHarness(foo, {"import": (await heads.find_position(foo.repo)).commit()})
    await told.tell("first", Set(address("a", "192.0.2.1")))
    await told.tell("second", Set(address("b", "192.0.2.2")), other=True)
    await told.tell("third", Set(address("a", "192.0.2.3")))
    await told.tell("fourth", Delete(names.parse("b", ZONE), None), other=True)
    return told


def at(*owners: str) -> LogFilter:
    return LogFilter(owners=frozenset(names.parse(owner, ZONE) for owner in owners))


async def test_a_log_ends_with_the_first_commit(story: LogHarness) -> None:
    assert await story.log() == ["fourth", "third", "second", "first", "import"]
    assert await story.log(limit=2) == ["fourth", "third"]


async def test_a_filter_selects_commits_of_an_author(story: LogHarness) -> None:
    assert await story.log(LogFilter(author=re.compile("^bob <"))) == ["fourth", "second"]
    assert await story.log(LogFilter(author=re.compile("Bob"))) == []
    assert await story.log(LogFilter(author=re.compile(r"@example\.net>$")), 1) == ["fourth"]


async def test_a_filter_selects_commits_by_their_message(story: LogHarness) -> None:
    assert await story.log(LogFilter(grep=re.compile("^because (first|third)$"))) == [
        "third",
        "first",
    ]
    assert await story.log(LogFilter(grep=re.compile("it.*because", re.ASCII))) == []


async def test_a_filter_selects_commits_that_changed_a_name(story: LogHarness) -> None:
    assert await story.log(at("a")) == ["third", "first"]
    assert await story.log(at("b")) == ["fourth", "second"]
    assert await story.log(at("a", "b"), 3) == ["fourth", "third", "second"]
    assert await story.log(at("www")) == ["import"]
    assert await story.log(at("nowhere")) == []


async def test_all_filters_must_match(story: LogHarness) -> None:
    wanted = msgspec.structs.replace(at("a", "b"), author=re.compile("alice"))
    assert await story.log(wanted) == ["third", "first"]


async def test_a_new_serial_is_not_a_change_of_the_apex(story: LogHarness) -> None:
    assert await story.log(at("@")) == ["import"]
    await story.tell("mail", Set(soa_with_mail("other.example.")))
    assert await story.log(at("@")) == ["mail", "import"]


def soa_with_mail(mail: str) -> RRset:
    text = f"ns1.foo.com. {mail} 7 7200 3600 1209600 300"
    return rrset(ZONE, rrtypes.SOA, 300, [rdata_from_text(rrtypes.SOA, text)])


async def test_a_name_of_another_zone_is_invalid(story: LogHarness) -> None:
    with pytest.raises(Invalid, match="not within"):
        await story.log(at("www.elsewhere."))


async def test_a_merge_changed_the_rrsets_that_differ_from_every_parent(foo: TwoOperators) -> None:
    """One side changes a, the other b; the merge takes both, and changes c."""
    graph = Graph()

    def add(parents: list[int], a: int, b: int, c: int) -> None:
        hosts = {"a": a, "b": b, "c": c}
        records = [address(owner, f"192.0.2.{number}") for owner, number in hosts.items()]
        graph.add(parents, len(graph.ids), records=records)

    add([], 1, 1, 1)
    add([0], 2, 1, 1)
    add([0], 1, 2, 1)
    add([1, 2], 2, 2, 3)
    await foo.repo.objects.put(graph.objects())
    reader = Reader(foo.repo.objects)
    for owner, wanted in (("a", [1, 0]), ("b", [2, 0]), ("c", [3, 0])):
        found = await log.read_latest(foo.repo, reader, graph.ids[-1], ZONE, 9, at(owner))
        assert [graph.ids.index(each.id) for each in found] == wanted


@pytest.mark.parametrize("text", ["(", "[a", "*", "(?P<x", "a" * 1_001, "(" * 900])
def test_an_invalid_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        log.compile_pattern(text)


async def test_a_long_log_is_read_in_batches(foo: TwoOperators) -> None:
    store = CountingStore()
    repo = msgspec.structs.replace(foo.repo, objects=store)
    graph = chain(2_000)
    await store.put(graph.objects())
    reader = Reader(store)
    found = await log.read_latest(repo, reader, graph.ids[-1], ZONE, 5_000)
    assert [each.id for each in found] == graph.ids[::-1]
    assert store.asked <= 7
    assert await log.read_latest(repo, reader, graph.ids[-1], ZONE, 5_000, at("nowhere")) == []
    assert store.asked <= 20


async def test_a_commit_is_shown_with_its_refs(story: LogHarness) -> None:
    repo = story.operators.repo
    second, third = story.ids["second"], story.ids["third"]
    await branches.create(repo, ZONE, "canary", second)
    signed = encode(Tag(third, "v2", repo.now(), "released"))
    await repo.objects.put([signed])
    for short, target in (("v1", second), ("v2", signed.id)):
        origin = repo.origin("tag")
        await repo.refs.move(ref_names.tag(ZONE, short), Absent(), target, origin)
    assert await log.read_labels(repo, Reader(repo.objects), ZONE) == {
        story.ids["fourth"]: [Label("branch", "main", current=True)],
        third: [Label("tag", "v2")],
        second: [Label("branch", "canary"), Label("tag", "v1")],
    }


async def test_the_changes_of_a_commit_are_shown_without_the_serial(story: LogHarness) -> None:
    reader = Reader(story.operators.repo.objects)
    repo = story.operators.repo
    found = await log.read_latest(repo, reader, story.ids["fourth"], ZONE, 3)
    changed = await log.read_deltas(reader, found, ZONE)
    assert [[names.text(delta.owner) for delta in each] for each in changed] == [
        ["b.foo.com."],
        ["a.foo.com."],
        ["b.foo.com."],
    ]


async def test_a_filter_selects_commits_by_their_time(foo: TwoOperators) -> None:
    graph = chain(200)  # one commit a second
    await foo.repo.objects.put(graph.objects())
    times = [commit.committer.time for commit in graph.commits]
    reader = Reader(foo.repo.objects)
    for since, until in ((times[150], None), (None, times[20]), (times[10] + 0.5, times[13])):
        wanted = LogFilter(since=since, until=until)
        found = await log.read_latest(foo.repo, reader, graph.ids[-1], ZONE, 500, wanted)
        assert [graph.ids.index(each.id) for each in found] == [
            number
            for number in reversed(range(200))
            if (since is None or times[number] >= since)
            and (until is None or times[number] <= until)
        ]


async def test_a_commit_with_a_wrong_clock_does_not_hide_earlier_ones(foo: TwoOperators) -> None:
    graph = Graph()
    for number, time in enumerate((100, 200, 50, 300)):
        records = [address("a", f"192.0.2.{number}")]
        graph.add([number - 1] if number else [], time, records=records)
    await foo.repo.objects.put(graph.objects())
    reader = Reader(foo.repo.objects)
    wanted = LogFilter(since=150)
    found = await log.read_latest(foo.repo, reader, graph.ids[-1], ZONE, 9, wanted)
    assert [graph.ids.index(each.id) for each in found] == [3, 1]


async def test_the_end_of_a_time_range_ends_the_walk(foo: TwoOperators) -> None:
    store = CountingStore()
    repo = msgspec.structs.replace(foo.repo, objects=store)
    graph = chain(2_000)
    await store.put(graph.objects())
    wanted = LogFilter(since=graph.commits[-10].committer.time)
    found = await log.read_latest(repo, Reader(store), graph.ids[-1], ZONE, 5_000, wanted)
    assert len(found) == 10
    assert store.gave < 300


async def test_a_filter_selects_one_type_of_a_name(story: LogHarness) -> None:
    text = rrset(names.parse("a", ZONE), rrtypes.TXT, 60, [rdata_from_text(rrtypes.TXT, '"x"')])
    await story.tell("text", Set(text))
    for rdtype, wanted in ((rrtypes.TXT, ["text"]), (rrtypes.A, ["third", "first"])):
        selected = msgspec.structs.replace(at("a"), rdtype=rdtype)
        assert await story.log(selected) == wanted
        reader = Reader(story.operators.repo.objects)
        start = story.ids["text"]
        found = await log.read_latest(story.operators.repo, reader, start, ZONE, 1)
        (deltas,) = await log.read_deltas(reader, found, ZONE, selected)
        assert [each.rdtype for each in deltas] == ([rdtype] if rdtype == rrtypes.TXT else [])
