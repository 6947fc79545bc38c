"""Reads of many zones at once: their refs and their records."""

import pytest

from tests.support.counting_store import CountingStore
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from zonegit.errors import Invalid
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit, Identity
from zonegit.repo import read_zones
from zonegit.repo.commit import change_plan
from zonegit.repo.repo import Repo
from zonegit.store.memory import MemoryObjects
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit.zonefile import reader

NOBODY = Identity("nobody", "nobody@example.net", 0)


async def put(objects: MemoryObjects, zone: Name, hosts: int) -> tuple[CommitId, set[RRset]]:
    """Store a zone, and return its commit and its RRsets."""
    text = FOO + "".join(f"h{number} A 192.0.2.{number}\n" for number in range(hosts))
    rrsets = list(reader.read(text.encode(), zone).rrsets.values())
    made, tree = change_plan.build_zone(rrsets, zone)
    assert tree is not None
    commit = encode(Commit(tree, (), NOBODY, NOBODY, ""))
    await objects.put([*made, commit])
    return CommitId(commit.id), set(rrsets)


def zones(number: int) -> list[Name]:
    return [names.parse(f"z{each:03}.example.") for each in range(number)]


async def test_zones_are_returned_whole_in_the_requested_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    objects = CountingStore()
    every = [(zone, *await put(objects, zone, at % 7)) for at, zone in enumerate(zones(23))]
    wanted = [(zone, commit) for zone, commit, _ in every]
    asked = []
    for at_once, rrsets in ((256, 8_192), (4, 8_192), (256, 10), (1, 1)):
        monkeypatch.setattr(read_zones, "ZONE_BATCH", at_once)
        monkeypatch.setattr(read_zones, "RRSET_BATCH", rrsets)
        objects.asked = 0
        found = [whole async for whole in read_zones.read_zones(objects, wanted)]
        assert [whole.zone for whole in found] == [zone for zone, _, _ in every]
        assert [set(whole.rrsets) for whole in found] == [held for _, _, held in every]
        asked.append(objects.asked)
    assert asked[0] == 4, "commits, apexes, names below, RRsets: of all zones together"
    assert asked[0] < asked[1] < asked[3]


async def test_a_commit_of_another_zone_is_refused() -> None:
    objects = MemoryObjects()
    commit, _ = await put(objects, ZONE, 1)
    with pytest.raises(Invalid, match=r"not a commit of other.example."):
        async for _ in read_zones.read_zones(objects, [(names.parse("other.example."), commit)]):
            pass


async def test_refs_of_many_zones_are_complete_and_unregistered_zones_have_none(
    operators: TwoOperators, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo: Repo = operators.repo
    there = zones(5)
    for zone in there:
        await repo.refs.register(zone, repo.origin("zone add"))
    asked = [*there[1:], names.parse("absent.example.")]
    one_by_one = await read_zones.read_refs(repo, asked)
    monkeypatch.setattr(read_zones, "MAX_SINGLE_LOOKUPS", 2)
    assert await read_zones.read_refs(repo, asked) == one_by_one
    assert set(one_by_one) == set(there[1:])


async def test_the_first_error_is_raised() -> None:
    async def work(number: int) -> int:
        if number == 7:
            raise Invalid("seven")
        return -number

    assert await read_zones.run_concurrently(work, range(6)) == [-number for number in range(6)]
    with pytest.raises(Invalid, match="seven"):
        await read_zones.run_concurrently(work, range(9))
