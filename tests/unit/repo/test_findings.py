"""Every outcome of a change has its findings, and ``strict`` turns warnings into errors."""

import msgspec
import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed, tip
from zonegit.errors import Invalid
from zonegit.objects.ids import ObjectId
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Add, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome, Preview, Unchanged
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.rrset import rdata_from_text, rrset
from zonegit.zonefile import reader

WARNING = Finding("a-rule", "warning", "one is odd")
NOTE = Finding("another-rule", "note", "one is good to know")


async def change(
    operators: TwoOperators, last: str, *found: Finding, strict: bool = False, dry_run: bool = False
) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, "main")
    plan = change_plan.plan_edits([Set(address("api", f"192.0.2.{last}"))], ZONE)
    intent = Intent("m", "set", strict=strict, dry_run=dry_run)
    return await commit_loop.commit(
        operators.repo, at, change_plan.add_findings(plan, found), intent
    )


async def stored(operators: TwoOperators) -> list[tuple[ObjectId, str]]:
    return await operators.repo.objects.list_page()


async def test_a_commit_has_the_findings_of_its_plan(foo: TwoOperators) -> None:
    assert check_committed(await change(foo, "81", WARNING, NOTE)).findings == (WARNING, NOTE)


async def test_a_dry_run_has_findings_too(foo: TwoOperators) -> None:
    preview = await change(foo, "81", WARNING, dry_run=True)
    assert isinstance(preview, Preview)
    assert preview.findings == (WARNING,)


async def test_an_outcome_without_a_commit_has_findings_too(
    foo: TwoOperators,
) -> None:
    same = await change(foo, "80", NOTE)
    assert isinstance(same, Unchanged)
    assert (same.commit, same.serial, same.findings) == (await tip(foo), 7, (NOTE,))


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("last", ["80", "81"])
async def test_strict_refuses_a_warning_and_stores_nothing(
    foo: TwoOperators, last: str, dry_run: bool
) -> None:
    before, there = await tip(foo), await stored(foo)
    with pytest.raises(Invalid, match=r"one is odd \(a-rule\)"):
        await change(foo, last, NOTE, WARNING, strict=True, dry_run=dry_run)
    assert (await tip(foo), await stored(foo)) == (before, there)


async def test_strict_accepts_notes(foo: TwoOperators) -> None:
    assert check_committed(await change(foo, "81", NOTE, strict=True)).findings == (NOTE,)


async def test_a_new_rrset_without_a_ttl_gets_the_minimum_of_the_soa_and_a_note(
    foo: TwoOperators,
) -> None:
    at = await heads.find_position(foo.repo, ZONE, "main")
    new, known = (
        Set(msgspec.structs.replace(address(name, "192.0.2.9"), ttl=0), "minimum")
        for name in ("new", "api")
    )
    plan = change_plan.plan_edits([new, known], ZONE)
    made = check_committed(await commit_loop.commit(foo.repo, at, plan, Intent("m", "set")))
    minimum = 300
    ttls = {names.text(key[0]): value.ttl for key, value in made.changes.items() if value}
    assert ttls["new.foo.com."] == minimum
    assert ttls["api.foo.com."] == address("api", "192.0.2.9").ttl
    (note,) = made.findings
    assert (note.rule, note.severity) == ("ttl-from-soa-minimum", "note")
    assert note.message.startswith(f"new.foo.com. A: no TTL is stated, so it is {minimum}")


async def find_in_import(operators: TwoOperators, text: str, **how: bool) -> tuple[Finding, ...]:
    """Return the findings of an import into foo.com. at serial 7."""
    at = await heads.find_position(operators.repo, ZONE, "main")
    rrsets = list(reader.read(text.encode(), ZONE).rrsets.values())
    intent = Intent("m", "import", imports=True, **how)
    outcome = await commit_loop.commit(
        operators.repo, at, change_plan.plan_replacement(rrsets, ZONE), intent
    )
    assert not isinstance(outcome, Conflicted)
    return outcome.findings


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_file_with_an_earlier_serial_gets_a_note_with_the_stored_one(
    foo: TwoOperators, dry_run: bool
) -> None:
    changed = FOO.replace(" 7 7200", " 5 7200").replace("192.0.2.80", "192.0.2.81")
    (note,) = await find_in_import(foo, changed, dry_run=dry_run)
    assert (note.rule, note.severity) == ("serial-not-taken", "note")
    assert note.message == "the serial 5 is not later than 7: 8 is stored"


async def test_a_file_that_differs_only_in_an_earlier_serial_gets_a_note_and_no_commit(
    foo: TwoOperators,
) -> None:
    (note,) = await find_in_import(foo, FOO.replace(" 7 7200", " 5 7200"))
    assert note.message == "the serial 5 is not later than 7: 7 stays"


async def test_a_file_with_the_serial_of_the_tip_gets_no_note(
    foo: TwoOperators,
) -> None:
    assert await find_in_import(foo, FOO.replace("192.0.2.80", "192.0.2.81")) == ()


async def test_a_serial_more_than_a_quarter_ahead_gets_a_note(foo: TwoOperators) -> None:
    far = (1 << 30) + 8
    (note,) = await find_in_import(foo, FOO.replace(" 7 7200", f" {far} 7200"), dry_run=True)
    assert (note.rule, note.severity) == ("serial-far-ahead", "note")
    assert await find_in_import(foo, FOO.replace(" 7 7200", f" {far - 1} 7200"), dry_run=True) == ()


async def test_a_commit_that_states_no_serial_gets_no_note(foo: TwoOperators) -> None:
    await foo.edit([Set(address("api", "192.0.2.81"))])
    assert check_committed(await change(foo, "82")).findings == ()


async def find_in_addition(operators: TwoOperators, ttl: int, *last: str) -> tuple[Finding, ...]:
    """Return the findings of an addition of addresses to api.foo.com. (192.0.2.80 with TTL 300)."""
    rdatas = [rdata_from_text(rrtypes.A, f"192.0.2.{each}") for each in last]
    edit = Add(rrset(names.parse("api", ZONE), rrtypes.A, ttl, rdatas))
    return check_committed(await operators.edit([edit])).findings


async def test_an_added_record_that_changes_the_ttl_of_the_others_gets_a_note(
    foo: TwoOperators,
) -> None:
    (note,) = await find_in_addition(foo, 60, "81")
    assert (note.rule, note.severity) == ("ttl-changed", "note")
    assert note.message == "the TTL of the other records of api.foo.com. A changes from 300 to 60"


async def test_a_record_that_changes_only_its_own_ttl_gets_no_note(foo: TwoOperators) -> None:
    assert await find_in_addition(foo, 300, "81") == ()
    assert await find_in_addition(foo, 60, "80", "81") == ()
