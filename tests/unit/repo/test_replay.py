"""Lost races: edits that are repeated on the new tip, and edits that are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip
from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop, edits
from zonegit.repo.commit.edits import Add, Changes, Delete, Remove, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome, Unchanged
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset

POOL = names.parse("pool", ZONE)


def pool(*last: int, ttl: int = 300) -> RRset:
    return rrset(POOL, rrtypes.A, ttl, [bytes((192, 0, 2, each)) for each in last])


def remove(*last: int) -> Remove:
    return Remove(POOL, rrtypes.A, tuple(bytes((192, 0, 2, each)) for each in last))


async def race(operators: TwoOperators, mine: RRsetEdit, theirs: RRsetEdit) -> Outcome:
    """Commit an edit on a tip that another edit has already replaced."""
    seen = await heads.find_position(operators.repo, ZONE, "main")
    check_committed(await commit(operators, theirs, seen))
    return await commit(operators, mine, seen)


async def commit(operators: TwoOperators, edit: RRsetEdit, at: heads.BranchPosition) -> Outcome:
    plan = change_plan.plan_edits([edit], ZONE)
    return await commit_loop.commit(operators.repo, at, plan, Intent("m", "x"))


async def pool_now(operators: TwoOperators) -> list[str]:
    return [
        each.rpartition(".")[2] for each in await addresses(operators, await tip(operators), "pool")
    ]


@pytest.mark.parametrize(
    ("mine", "theirs", "left"),
    [
        (Add(pool(3)), Add(pool(4)), ["1", "2", "3", "4"]),
        (Add(pool(3)), remove(1), ["2", "3"]),
        (remove(1), Add(pool(3)), ["2", "3"]),
        (remove(1), remove(2), None),
        (Add(pool(3)), Set(pool(7)), ["3", "7"]),
        (Add(pool(3)), Delete(POOL, rrtypes.A), ["3"]),
        (Add(pool(3, ttl=60)), Add(pool(4)), ["1", "2", "3", "4"]),
        (Add(pool(3, ttl=60)), Add(pool(4, ttl=60)), ["1", "2", "3", "4"]),
        (remove(1), Add(pool(3, ttl=60)), ["2", "3"]),
        (Add(pool(3), "minimum"), Add(pool(4, ttl=60)), ["1", "2", "3", "4"]),
        (Add(pool(3), "configured"), Add(pool(4, ttl=60)), ["1", "2", "3", "4"]),
    ],
)
async def test_edits_of_other_records_of_the_same_rrset_are_replayed(
    foo: TwoOperators, mine: RRsetEdit, theirs: RRsetEdit, left: list[str] | None
) -> None:
    await foo.edit([Set(pool(1, 2))])
    assert check_committed(await race(foo, mine, theirs)).replayed == 1
    if left is not None:
        assert await pool_now(foo) == left


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (Set(pool(1, 3)), Add(pool(4))),
        (Set(pool(1, 3)), remove(2)),
        (Delete(POOL, rrtypes.A), Add(pool(4))),
        (Delete(POOL), Add(pool(4))),
        (Delete(POOL), Add(rrset(POOL, rrtypes.TXT, 300, [b"\1x"]))),
        (Add(pool(3)), Add(pool(4, ttl=60))),
        (Add(pool(3)), Set(pool(1, 2, ttl=60))),
        (Set(pool(1, 2)), Set(pool(9))),
    ],
)
async def test_an_edit_of_a_record_changed_concurrently_is_refused(
    foo: TwoOperators, mine: RRsetEdit, theirs: RRsetEdit
) -> None:
    await foo.edit([Set(pool(1, 2, 5))] if isinstance(mine, Set) else [Set(pool(1, 2))])
    with pytest.raises(Conflict, match=r"pool\.foo\.com\. \w+ was changed meanwhile"):
        await race(foo, mine, theirs)


async def test_a_record_added_twice_concurrently_exists_once(foo: TwoOperators) -> None:
    assert isinstance(await race(foo, Add(pool(3)), Add(pool(3))), Unchanged)


async def test_two_equal_concurrent_edits_are_accepted(foo: TwoOperators) -> None:
    assert isinstance(await race(foo, Set(pool(3)), Set(pool(3))), Unchanged)


async def test_removing_a_record_that_another_removed_first_is_refused(
    foo: TwoOperators,
) -> None:
    await foo.edit([Set(pool(1, 2))])
    with pytest.raises(NotFound, match=r"has no record 192\.0\.2\.1"):
        await race(foo, remove(1), remove(1))


async def test_the_second_of_two_aliases_for_one_name_is_refused(foo: TwoOperators) -> None:
    one, other = (
        rrset(POOL, rrtypes.CNAME, 300, [rdata_from_text(rrtypes.CNAME, text)])
        for text in ("a.example.", "b.example.")
    )
    with pytest.raises(Invalid):
        await race(foo, Add(one), Add(other))


async def test_the_second_of_two_changes_of_the_soa_is_refused(foo: TwoOperators) -> None:
    """The serial moves with every commit, and is not a conflict; the other fields are."""
    one, other = (
        rrset(
            ZONE, rrtypes.SOA, 300, [rdata_from_text(rrtypes.SOA, f"ns1. admin. 1 {refresh} 2 3 4")]
        )
        for refresh in (100, 200)
    )
    with pytest.raises(Conflict, match="SOA was changed meanwhile"):
        await race(foo, Set(one), Set(other))
    assert (
        check_committed(await race(foo, Set(one), Set(address("api", "192.0.2.9")))).replayed == 1
    )


_records = st.sets(st.integers(1, 12), min_size=1)


@given(_records, _records, st.sampled_from(["add", "remove"]), st.sampled_from(["add", "remove"]))
def test_edits_of_different_records_commute(
    mine: set[int], theirs: set[int], do: str, they_do: str
) -> None:
    theirs = theirs - mine or {13}
    first = [Add(pool(*mine)) if do == "add" else remove(*mine)]
    second = [Add(pool(*theirs)) if they_do == "add" else remove(*theirs)]
    start = pool(14, *(mine if do == "remove" else ()), *(theirs if they_do == "remove" else ()))
    assert _after(_after(start, first), second) == _after(_after(start, second), first)


def _after(start: RRset, todo: list[RRsetEdit]) -> RRset:
    present: dict[Name, dict[int, RRset]] = {POOL: {rrtypes.A: start}}
    changes: Changes = edits.apply(todo, present, ZONE)
    found = changes.get((POOL, rrtypes.A), start)
    assert found is not None
    return found
