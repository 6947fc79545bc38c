"""Plans: reviewed, saved, and applied only if they still fit."""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import strategies
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators, get_committed
from tests.unit.repo.zone_contents import address, check_committed, tip, zone_at
from zonegit.errors import Conflict, Invalid, Unsafe
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.change import branches, saved_plan
from zonegit.repo.change.saved_plan import SavedPlan, ZoneSize
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.edits import Add, Delete, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Preview, Unchanged
from zonegit.repo.repo import Repo
from zonegit.store.memory import MemoryObjects
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit.zonefile import reader
from zonegit_cli.render import plans as render_plans
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs

CHANGED = FOO.replace("192.0.2.80", "192.0.2.81").replace("www   IN CNAME api", "new A 192.0.2.9")


def replacement(text: str) -> ChangePlanner:
    return change_plan.plan_replacement(
        list(reader.read(text.encode(), ZONE).rrsets.values()), ZONE
    )


async def make_plan(
    operators: TwoOperators, plan: ChangePlanner, *, is_import: bool = True
) -> tuple[SavedPlan, ZoneSize]:
    return await saved_plan.make_plan(
        operators.repo, await heads.find_position(operators.repo, ZONE), plan, is_import=is_import
    )


def written(saved: SavedPlan) -> bytes:
    return msgspec.json.encode(render_plans.to_json(saved, ZoneSize(5, is_exact=True)))


async def apply_plan(operators: TwoOperators, saved: SavedPlan) -> Committed | None:
    """Apply a plan after writing and reading its file."""
    again = saved_plan.read(written(saved), "x.plan")
    assert again == msgspec.structs.replace(saved, judgement=None, findings=())
    at = await heads.find_position(operators.repo, saved.zone, saved.branch)
    intent = Intent("a", "apply", imports=saved.is_import, on_conflict=OnConflict.REBASE)
    outcome = await commit_loop.commit(operators.repo, at, saved_plan.plan_saved(again), intent)
    return get_committed(outcome)


async def test_a_plan_lists_each_rrset_and_moves_nothing(foo: TwoOperators) -> None:
    before = await tip(foo)
    saved, size = await make_plan(foo, replacement(CHANGED))
    assert saved_plan.count_kinds(saved) == {"added": 1, "changed": 1, "deleted": 1}
    assert (saved.base, saved.before, saved.serial) == (before, 7, 8)
    assert size == ZoneSize(5, is_exact=True)
    assert await tip(foo) == before


async def test_an_applied_plan_gives_the_same_tree_as_the_import(
    foo: TwoOperators,
) -> None:
    saved, _ = await make_plan(foo, replacement(CHANGED))
    made = check_committed(await apply_plan(foo, saved))
    assert made.serial == saved.serial
    applied_to = await zone_at(foo, made.commit)
    assert await foo.import_file(CHANGED) is None
    assert set(applied_to) == set(reader.read(CHANGED.encode(), ZONE).rrsets)
    assert await apply_plan(foo, saved) is None  # A second application changes nothing.


async def test_an_applied_plan_of_edits_equals_the_edits(foo: TwoOperators) -> None:
    todo: list[RRsetEdit] = [
        Set(address("api", "192.0.2.81")),
        Add(address("ns1", "192.0.2.2")),
        Delete(names.parse("www", ZONE)),
    ]
    await branches.create(foo.repo, ZONE, "by-hand", await tip(foo))
    saved, _ = await make_plan(foo, change_plan.plan_edits(todo, ZONE), is_import=False)
    made = check_committed(await apply_plan(foo, saved))
    by_hand = check_committed(await foo.edit(todo, "by-hand"))
    assert await zone_at(foo, made.commit) == await zone_at(foo, by_hand.commit)


_owners = st.sampled_from(["@", "a", "b", "x.a", "*.b", "deep.er.c"])
_types = st.sampled_from([rrtypes.A, rrtypes.TXT, rrtypes.NS, rrtypes.RRSIG])
_values = st.tuples(st.integers(1, 2), st.integers(1, 3))
_zones = st.dictionaries(st.tuples(_owners, _types), _values)
Content = dict[tuple[str, int], tuple[int, int]]
"""A zone by owner and type: a TTL, and a number that makes the RDATA."""


def zone_of(content: Content, serial: int) -> list[RRset]:
    text = f"ns. host. {serial} 3600 600 86400 300"
    soa = rrset(ZONE, rrtypes.SOA, 300, [rdata_from_text(rrtypes.SOA, text)])
    others = [
        rrset(names.parse(owner, ZONE), rdtype, ttl, [_rdata(rdtype, value)])
        for (owner, rdtype), (ttl, value) in content.items()
    ]
    return [soa, *others]


def _rdata(rdtype: int, value: int) -> bytes:
    address = bytes((192, 0, 2, value))
    signature = bytes((0, rrtypes.TXT)) + bytes(16) + b"\0" + bytes((value,))
    return {
        rrtypes.A: address,
        rrtypes.TXT: b"\1" + bytes((value,)),
        rrtypes.NS: b"\2n%d\0" % value,
        rrtypes.RRSIG: signature,
    }[rdtype]


@settings(max_examples=60)
@given(_zones, _zones, st.integers(1, 9), st.integers(1, 9))
def test_planning_and_applying_equals_importing(
    old: Content, new: Content, serial: int, wanted: int
) -> None:
    asyncio.run(_planning_and_applying(zone_of(old, serial), zone_of(new, wanted)))


async def _planning_and_applying(old: list[RRset], new: list[RRset]) -> None:
    with TemporaryDirectory() as folder:
        async with open_refs(Path(folder) / "refs.sqlite3") as tables:
            objects = MemoryObjects()
            who = Identity("Ada", "ada@example.net", 1_750_000_000)
            keeper = RefKeeper(tables, objects, lambda *_: None)
            await _plan_and_apply(Repo(objects, keeper, "ada", lambda: who), old, new)


async def _plan_and_apply(repo: Repo, old: list[RRset], new: list[RRset]) -> None:
    await heads.initialise(repo, ZONE)
    start = await heads.find_position(repo, ZONE)
    importing = Intent("i", "import", imports=True)
    check_committed(
        await commit_loop.commit(repo, start, change_plan.plan_replacement(old, ZONE), importing)
    )
    at = await heads.find_position(repo, ZONE)
    intent = msgspec.structs.replace(importing, dry_run=True)
    replacing = change_plan.plan_replacement(new, ZONE)
    saved, _ = await saved_plan.make_plan(repo, at, replacing, is_import=True)
    imported = await commit_loop.commit(repo, at, replacing, intent)
    by_plan = await commit_loop.commit(repo, at, saved_plan.plan_saved(saved), intent)
    if isinstance(imported, Unchanged):
        assert isinstance(by_plan, Unchanged)
    else:
        assert isinstance(imported, Preview)
        assert isinstance(by_plan, Preview)
        assert (by_plan.new, by_plan.serial) == (imported.new, imported.serial)
        assert saved.judgement is not None
        refusals = [each.judgement.refusal for each in (imported, by_plan, saved) if each.judgement]
        assert len({(type(each), str(each)) for each in refusals}) == 1


async def test_changes_elsewhere_do_not_matter(foo: TwoOperators) -> None:
    saved, _ = await make_plan(foo, replacement(CHANGED))
    await foo.edit([Set(address("mail", "192.0.2.25"))])
    made = check_committed(await apply_plan(foo, saved))
    assert made.serial == 9
    at = await zone_at(foo, made.commit)
    assert (names.parse("mail", ZONE), rrtypes.A) in at
    assert (names.parse("new", ZONE), rrtypes.A) in at


async def test_a_changed_rrset_stops_the_whole_plan(foo: TwoOperators) -> None:
    saved, _ = await make_plan(foo, replacement(CHANGED))
    await foo.edit([Set(address("api", "192.0.2.99")), Set(address("new", "192.0.2.9"))])
    before = await tip(foo)
    with pytest.raises(Conflict, match=r"api\.foo\.com\. A, new\.foo\.com\. A; nothing was moved"):
        await apply_plan(foo, saved)
    assert await tip(foo) == before


async def test_an_added_rrset_that_violates_a_rule_of_dns_stops_a_plan(foo: TwoOperators) -> None:
    """RFC 1034 section 3.6.2: a CNAME excludes other data."""
    saved, _ = await make_plan(
        foo, change_plan.plan_edits([Set(address("new", "192.0.2.9"))], ZONE)
    )
    alias = reader.read(f"{FOO}new IN CNAME api\n".encode(), ZONE)
    await foo.edit([Set(alias.rrsets[names.parse("new", ZONE), rrtypes.CNAME])])
    with pytest.raises(Invalid, match="CNAME"):
        await apply_plan(foo, saved)


async def test_a_first_commit_can_be_planned(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    saved, size = await make_plan(operators, replacement(FOO))
    assert (saved.base, saved.before, size) == (None, None, ZoneSize(0, is_exact=True))
    assert check_committed(await apply_plan(operators, saved)).serial == 7


async def test_a_plan_without_changes_changes_nothing(foo: TwoOperators) -> None:
    saved, _ = await make_plan(foo, replacement(FOO))
    assert saved.deltas == []
    assert await apply_plan(foo, saved) is None


async def test_a_plan_of_a_large_zone_has_a_minimum_count(foo: TwoOperators) -> None:
    hosts = "".join(f"h{n} IN A 192.0.2.1\n" for n in range(300))
    await foo.import_file(FOO + hosts)
    _, size = await make_plan(foo, replacement(FOO + hosts))
    assert size == ZoneSize(305, is_exact=False)


async def test_safety_checks_apply_to_plans(foo: TwoOperators) -> None:
    hosts = "".join(f"h{n} IN A 192.0.2.1\n" for n in range(20))
    await foo.import_file(FOO + hosts)
    saved, _ = await make_plan(foo, replacement(FOO))
    with pytest.raises(Unsafe, match="20 of its 25"):
        await apply_plan(foo, saved)


def document(**changed: Any) -> bytes:
    """Return a valid plan with some of its fields changed."""
    here = {
        "plan": 1,
        "zone": "foo.com.",
        "branch": "main",
        "base": None,
        "serial": 8,
        "serial_before": 7,
        "whole_zone": False,
        "changes": [change()],
    }
    return json.dumps({**here, **changed}).encode()


def change(**changed: Any) -> dict[str, Any]:
    here = {
        "name": "www.foo.com.",
        "type": "A",
        "old": None,
        "new": {"ttl": 300, "rdata": ["192.0.2.1"]},
    }
    return {**here, **changed}


APEX_SOA = {"name": "foo.com.", "type": "SOA"}
SOA = {"ttl": 300, "rdata": ["ns. host. 1 2 3 4 5"]}


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"{", "not a plan"),
        (b"{}", "missing required field"),
        (b'{"plan": 2}', "plan"),
        (b"\xff{", "not a plan"),
        (b"[" * 100_000, "not a plan"),
        (document(zone="a..b"), "a..b"),
        (document(branch="../x"), "branch name"),
        (document(base="123"), "not the id of a commit"),
        (document(serial=1 << 32), "serial"),
        (document(changes=[change(name="a.example.")]), r"change 1, a\.example\. A: .*not within"),
        (document(changes=[change(type="WHAT")]), "WHAT"),
        (document(changes=[change(new=None)]), "the same before and after"),
        (document(changes=[change(new={"ttl": -1, "rdata": ["192.0.2.1"]})]), "ttl"),
        (document(changes=[change(new={"ttl": 1, "rdata": []})]), "rdata"),
        (document(changes=[change(new={"ttl": 1, "rdata": ["192.0.2"]})]), "192.0.2"),
        (document(changes=[change(new={"ttl": 1, "rdata": ["192.0.2.1 ; x"]})]), "comment"),
        (document(changes=[change(new={"ttl": 1, "rdata": ["192.0.2.1\n192.0.2.2"]})]), "line end"),
        (document(changes=[change(), change(new=None, old=change()["new"])]), "twice"),
        (document(changes=[change(**APEX_SOA, old=SOA, new=None)]), "must keep its SOA"),
        (document(changes=[change(**APEX_SOA, new={"ttl": 1, "rdata": [r"\# 1 00"]})]), "SOA"),
    ],
)
def test_an_invalid_plan_is_refused_with_the_reason(octets: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        saved_plan.read(octets, "x.plan")
    assert caught.value.message.startswith("x.plan")


@settings(max_examples=200)
@given(st.lists(st.tuples(strategies.rrsets(), st.booleans()), max_size=6))
def test_any_rrset_is_unchanged_in_a_saved_plan(found: list[Any]) -> None:
    deltas = {
        (each.owner, each.rdtype): RRsetDelta(
            each.owner, each.rdtype, None if is_new else each, each if is_new else None
        )
        for each, is_new in found
        if each.rdtype != rrtypes.SOA
    }
    saved = SavedPlan(strategies.APEX, "main", None, 2, 1, False, list(deltas.values()))
    assert saved_plan.read(written(saved), "x.plan") == saved
