"""Commits to several zones as one operation: all of them, or as many as are known."""

from collections.abc import Sequence

import msgspec
import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address
from zonegit.errors import Conflict, Invalid
from zonegit.objects.ids import RawObject
from zonegit.repo import heads
from zonegit.repo.change import multi_zone
from zonegit.repo.change.multi_zone import ZoneCommitRequest, ZonesRefused
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Unchanged
from zonegit.store.objects import ObjectStore
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zonefile import reader

BAR = names.parse("bar.com.")
INTENT = Intent("both", "workspace commit", operation="one-operation")


async def wish(
    operators: TwoOperators, zone: Name, address: str = "192.0.2.81"
) -> ZoneCommitRequest:
    """Request another address for ``api`` of the zone."""
    text = FOO.replace("192.0.2.80", address)
    rrsets = list(reader.read(text.encode(), zone).rrsets.values())
    return ZoneCommitRequest(await heads.find_position(operators.repo, zone, "main"), rrsets)


async def impossible(operators: TwoOperators) -> ZoneCommitRequest:
    """Request a first commit of bar.com. without an SOA."""
    full = await wish(operators, BAR)
    return ZoneCommitRequest(
        msgspec.structs.replace(full.position, tip=None),
        [each for each in full.rrsets if each.rdtype != rrtypes.SOA],
    )


@pytest.fixture
async def both(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. and bar.com. with a commit each."""
    await heads.initialise(foo.repo, BAR)
    await foo.import_file(FOO, BAR)
    return foo


async def test_all_moves_have_one_operation(both: TwoOperators) -> None:
    found = await multi_zone.commit(
        both.repo, [await wish(both, zone) for zone in (ZONE, BAR)], INTENT
    )
    assert list(found) == [ZONE, BAR]
    for made in found.values():
        assert isinstance(made, Committed)
        (entry,) = made.moved.entries
        assert entry.operation == "one-operation"


async def test_an_unchanged_zone_gets_no_commit(both: TwoOperators) -> None:
    before = await heads.find_position(both.repo, BAR, "main")
    found = await multi_zone.commit(
        both.repo, [await wish(both, ZONE), await wish(both, BAR, "192.0.2.80")], INTENT
    )
    assert isinstance(found[BAR], Unchanged)
    assert await heads.find_position(both.repo, BAR, "main") == before


async def test_an_old_serial_of_a_committed_file_gets_no_note(
    both: TwoOperators,
) -> None:
    """Files stay unchanged, so their serial falls behind that of the branch with each commit."""
    for text, serial in (("192.0.2.81", 8), ("192.0.2.82", 9)):
        intent = msgspec.structs.replace(INTENT, operation=f"of {text}")
        found = await multi_zone.commit(both.repo, [await wish(both, ZONE, text)], intent)
        made = found[ZONE]
        assert isinstance(made, Committed)
        assert (made.serial, made.findings) == (serial, ())


async def test_if_one_zone_cannot_be_committed_none_is(both: TwoOperators) -> None:
    before = await heads.find_position(both.repo, ZONE, "main")
    with pytest.raises(ZonesRefused) as refused:
        await multi_zone.commit(both.repo, [await wish(both, ZONE), await impossible(both)], INTENT)
    assert [type(error) for error in refused.value.errors.values()] == [Invalid]
    assert await heads.find_position(both.repo, ZONE, "main") == before


class RacingObjects:
    """An object store; before its first write, another client commits to foo.com."""

    def __init__(self, operators: TwoOperators, objects: ObjectStore) -> None:
        self._operators = operators
        self._objects = objects
        self._idle = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._objects, name)

    async def put(self, objects: Sequence[RawObject]) -> None:
        if not self._idle:
            self._idle = True
            await self._operators.edit([Set(address("b", "192.0.2.12"))])
        await self._objects.put(objects)


async def test_a_concurrent_move_is_reported_and_the_others_are_committed(
    both: TwoOperators,
) -> None:
    wishes = [await wish(both, zone) for zone in (ZONE, BAR)]
    raced = msgspec.structs.replace(both.repo, objects=RacingObjects(both, both.repo.objects))
    found = await multi_zone.commit(raced, wishes, INTENT)
    assert isinstance(found[ZONE], Conflict)
    assert isinstance(found[BAR], Committed)
    assert (await heads.find_position(both.repo, ZONE, "main")).commit().hex() == found[
        ZONE
    ].details["tip"]


async def test_a_new_zone_is_registered_only_after_all_commits_are_ready(
    both: TwoOperators,
) -> None:
    new = names.parse("new.com.")
    rrsets = list(reader.read(FOO.encode(), new).rrsets.values())
    fresh = ZoneCommitRequest(heads.BranchPosition(new, "main", None), rrsets, register=True)
    with pytest.raises(ZonesRefused):
        await multi_zone.commit(both.repo, [fresh, await impossible(both)], INTENT)
    assert new not in {each.zone for each in (await both.repo.refs.snapshot()).zones}
    assert isinstance((await multi_zone.commit(both.repo, [fresh], INTENT))[new], Committed)
