"""Restore of one name or RRset from another commit."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip, zone_at
from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId
from zonegit.repo import heads
from zonegit.repo.change import restore_records
from zonegit.repo.commit import commit_loop
from zonegit.repo.commit.edits import Delete, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Outcome, Unchanged
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rdata_from_text, rrset


def text(owner: str, value: str) -> RRsetEdit:
    rdata = rdata_from_text(rrtypes.TXT, f'"{value}"')
    return Set(rrset(names.parse(owner, ZONE), rrtypes.TXT, 60, [rdata]))


async def restore(
    foo: TwoOperators, source: CommitId, owner: str, rdtype: int | None = None
) -> Outcome:
    at = await heads.find_position(foo.repo, ZONE)
    plan = restore_records.plan_restore(source, names.parse(owner, ZONE), rdtype, ZONE)
    return await commit_loop.commit(foo.repo, at, plan, Intent("r", "restore"))


async def test_one_rrset_returns_and_the_rest_stays(foo: TwoOperators) -> None:
    before = await tip(foo)
    await foo.edit([Set(address("api", "192.0.2.81")), text("api", "new")])
    await foo.edit([Set(address("later", "192.0.2.7"))])
    done = check_committed(await restore(foo, before, "api", rrtypes.A))
    assert await addresses(foo, done.commit, "api") == ["192.0.2.80"]
    now = await zone_at(foo, done.commit)
    assert (names.parse("api", ZONE), rrtypes.TXT) in now
    assert (names.parse("later", ZONE), rrtypes.A) in now
    assert done.serial == 10


async def test_a_name_returns_with_all_its_types(foo: TwoOperators) -> None:
    await foo.edit([text("api", "old")])
    before = await tip(foo)
    await foo.edit([Delete(names.parse("api", ZONE))])
    await foo.edit([Set(address("api", "192.0.2.99"))])
    done = check_committed(await restore(foo, before, "api"))
    owner = names.parse("api", ZONE)
    now, past = await zone_at(foo, done.commit), await zone_at(foo, before)
    assert {key: now[key] for key in now if key[0] == owner} == {
        key: past[key] for key in past if key[0] == owner
    }


async def test_a_name_that_did_not_exist_is_deleted_with_a_note(foo: TwoOperators) -> None:
    before = await tip(foo)
    await foo.edit([Set(address("new", "192.0.2.9"))])
    done = check_committed(await restore(foo, before, "new"))
    assert (names.parse("new", ZONE), rrtypes.A) not in await zone_at(foo, done.commit)
    (note,) = [each for each in done.findings if each.rule == restore_records.RESTORE_DELETES]
    assert "new.foo.com. did not exist at" in note.message


async def test_the_same_records_are_no_change(foo: TwoOperators) -> None:
    assert isinstance(await restore(foo, await tip(foo), "api"), Unchanged)


async def test_a_name_that_exists_in_neither_commit_is_an_error(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="neither now nor at"):
        await restore(foo, await tip(foo), "nosuch")


async def test_the_apex_is_restored_without_its_soa(foo: TwoOperators) -> None:
    before = await tip(foo)
    await foo.edit([text("@", "new")])
    done = check_committed(await restore(foo, before, "@"))
    assert (done.before, done.serial) == (8, 9)
    assert (ZONE, rrtypes.TXT) not in await zone_at(foo, done.commit)
    with pytest.raises(Invalid, match="serial must not decrease"):
        await restore(foo, before, "@", rrtypes.SOA)


async def test_records_that_break_a_rule_now_are_refused(foo: TwoOperators) -> None:
    before = await tip(foo)
    owner = names.parse("www", ZONE)
    await foo.edit([Delete(owner)])
    await foo.edit([Set(address("www", "192.0.2.5"))])
    with pytest.raises(Invalid, match="CNAME and other data"):
        await restore(foo, before, "www", rrtypes.CNAME)


async def test_a_commit_of_another_zone_is_refused(foo: TwoOperators) -> None:
    bar = names.parse("bar.org.")
    await heads.initialise(foo.repo, bar)
    made = await foo.import_file(
        "@ 300 IN SOA a b 1 2 3 4 5\n@ 300 IN NS a\na 300 A 192.0.2.1", bar
    )
    assert made is not None
    with pytest.raises(Invalid, match=r"is a commit of bar\.org\."):
        await restore(foo, made.commit, "api")


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(("api", "b", "c.b")),
        st.sampled_from((rrtypes.A, rrtypes.TXT)),
        st.one_of(st.none(), st.integers(1, 5)),
    ),
    max_size=6,
)


def _apply(owner: str, rdtype: int, value: int | None) -> RRsetEdit:
    if value is None:
        return Delete(names.parse(owner, ZONE), rdtype)
    if rdtype == rrtypes.A:
        return Set(address(owner, f"192.0.2.{value}"))
    return text(owner, str(value))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(edits=_EDITS, owner=st.sampled_from(("api", "b", "c.b")))
async def test_a_restored_name_equals_the_name_at_the_commit(
    foo: TwoOperators, edits: list[tuple[str, int, int | None]], owner: str
) -> None:
    await foo.edit([Set(address("api", "192.0.2.80"))])
    before = await tip(foo)
    for each in edits:
        try:
            await foo.edit([_apply(*each)])
        except NotFound:
            continue
    last = await zone_at(foo, await tip(foo))
    try:
        outcome = await restore(foo, before, owner)
    except NotFound:
        return
    at = names.parse(owner, ZONE)
    now, past = await zone_at(foo, await tip(foo)), await zone_at(foo, before)
    assert {key: now[key] for key in now if key[0] == at} == {
        key: past[key] for key in past if key[0] == at
    }
    others = {key: value for key, value in last.items() if key[0] != at and key[1] != rrtypes.SOA}
    assert others == {
        key: value for key, value in now.items() if key[0] != at and key[1] != rrtypes.SOA
    }
    assert isinstance(outcome, Committed) == (
        {key: last[key] for key in last if key[0] == at}
        != {key: past[key] for key in past if key[0] == at}
    )
