"""A zone edited as text while others commit."""

import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address
from zonegit.errors import Conflict, NotFound
from zonegit.repo import heads
from zonegit.repo.change import branches, edit
from zonegit.repo.change.edit import EditedZone
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Delete, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Outcome, Unchanged
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, parse_soa, rdata_from_text, rrset
from zonegit.zonefile import reader

API, WWW = names.parse("api", ZONE), names.parse("www", ZONE)


async def put_back(operators: TwoOperators, opened: EditedZone, text: str) -> Outcome:
    """Commit a whole zone file to the branch from which it was read."""
    deltas = edit.find_changes(opened, list(reader.read(text.encode(), ZONE).rrsets.values()))
    at = await heads.find_position(operators.repo, ZONE)
    return await edit.commit_edited(operators.repo, at, opened, deltas, Intent("edit", "edit"))


async def addresses(operators: TwoOperators) -> dict[str, RRset]:
    now = await edit.open_zone(operators.repo, ZONE, None)
    return {names.text(each.owner): each for each in now.rrsets if each.rdtype == rrtypes.A}


async def test_only_changed_rrsets_are_committed(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    made = await put_back(foo, opened, FOO.replace("192.0.2.80", "192.0.2.81"))
    assert isinstance(made, Committed)
    assert made.changes == {(API, rrtypes.A): address("api", "192.0.2.81")}
    assert made.serial == 8


async def test_an_unchanged_zone_makes_no_commit(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    assert isinstance(await put_back(foo, opened, FOO), Unchanged)


async def test_a_later_serial_in_the_text_is_used(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    made = await put_back(foo, opened, FOO.replace("admin 7 ", "admin 2026112100 "))
    assert isinstance(made, Committed)
    assert made.serial == 2_026_112_100


async def test_concurrent_changes_of_other_rrsets_are_kept(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    await foo.edit([Set(address("new", "192.0.2.5"))])
    made = await put_back(foo, opened, FOO.replace("192.0.2.80", "192.0.2.81"))
    assert isinstance(made, Committed)
    found = await addresses(foo)
    assert found["api.foo.com."] == address("api", "192.0.2.81")
    assert found["new.foo.com."] == address("new", "192.0.2.5")
    now = await edit.open_zone(foo.repo, ZONE, None)
    assert [parse_soa(each).serial for each in now.rrsets if each.rdtype == rrtypes.SOA] == [9]


async def test_an_rrset_changed_concurrently_is_a_conflict(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    await foo.edit([Set(address("api", "192.0.2.5"))])
    made = await put_back(foo, opened, FOO.replace("192.0.2.80", "192.0.2.81"))
    assert isinstance(made, Conflicted)
    assert [(clash.owner, clash.rdtype) for clash in made.clashes] == [(API, rrtypes.A)]
    assert (await addresses(foo))["api.foo.com."] == address("api", "192.0.2.5")


async def test_two_changes_that_break_a_rule_together_are_a_conflict(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    await foo.edit([Set(address("new", "192.0.2.5"))])
    made = await put_back(foo, opened, FOO + "new IN CNAME api\n")
    assert isinstance(made, Conflicted)


async def test_signatures_that_differ_only_in_the_ttl_are_equal(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    text = "A 13 3 300 20300101000000 20200101000000 1 foo.com. AAAA"
    rdata = rdata_from_text(rrtypes.RRSIG, text)
    signed = rrset(API, rrtypes.RRSIG, 300, [rdata])
    told = edit.find_changes(opened, [*opened.rrsets, signed])
    assert [delta.rdtype for delta in told] == [rrtypes.RRSIG]
    other = EditedZone(opened.position, opened.state, [*opened.rrsets, signed])
    assert edit.find_changes(other, [*opened.rrsets, rrset(API, rrtypes.RRSIG, 60, [rdata])]) == []


async def test_a_branch_without_a_commit_cannot_be_edited(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    with pytest.raises(NotFound, match="no commit yet"):
        await edit.open_zone(operators.repo, None, None)


async def test_a_name_deleted_concurrently_is_a_conflict(foo: TwoOperators) -> None:
    opened = await edit.open_zone(foo.repo, None, None)
    await foo.edit([Delete(API)])
    made = await put_back(foo, opened, FOO.replace("192.0.2.80", "192.0.2.81"))
    assert isinstance(made, Conflicted)


async def test_a_branch_deleted_concurrently_is_a_conflict(
    foo: TwoOperators,
) -> None:
    opened = await edit.open_zone(foo.repo, ZONE, "main")
    await branches.delete(foo.other, ZONE, "main", force=True)
    with pytest.raises(Conflict, match=r"main of foo\.com\. was deleted meanwhile"):
        await put_back(foo, opened, FOO + "new IN A 192.0.2.7\n")
