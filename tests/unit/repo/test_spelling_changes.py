"""Records that differ only in the case of names are one record in every command."""

from collections.abc import Sequence

import msgspec
import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import check_committed, tip, zone_at
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, edit, import_series, merge, reset, saved_plan
from zonegit.repo.change.import_series import ImportedSeries, ImportedVersion
from zonegit.repo.commit import change_plan, commit_loop, diff, edits
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.conflicts import Choices
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.edits import Add, Remove, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome, Unchanged
from zonegit.repo.inspect import blame
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, parse_soa, rdata_from_text, rdata_to_text, rrset
from zonegit.zonefile import reader
from zonegit_cli.render import plans as render_plans

MAIL = names.parse("mail", ZONE)
KEY = (MAIL, rrtypes.MX)
UPPER = "10 MX.foo.com."
LOWER = "10 mx.foo.com."
OTHER = "20 b.foo.com."


def mx(*texts: str, ttl: int = 300) -> RRset:
    return rrset(MAIL, rrtypes.MX, ttl, [rdata_from_text(rrtypes.MX, text) for text in texts])


def twins(*texts: str) -> RRset:
    """Return two spellings of a record, as earlier releases stored them."""
    rdatas = {rdata_from_text(rrtypes.MX, text) for text in texts}
    return RRset(MAIL, rrtypes.MX, 300, tuple(sorted(rdatas)))


async def done(
    operators: TwoOperators,
    plan: ChangePlanner,
    branch: str | None = None,
    *,
    imports: bool = False,
) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, branch)
    intent = Intent("m", "set", imports=imports, on_conflict=OnConflict.REBASE)
    return await commit_loop.commit(operators.repo, at, plan, intent)


async def edited(
    operators: TwoOperators, *todo: RRsetEdit, branch: str | None = None, respell: bool = False
) -> Outcome:
    return await done(operators, change_plan.plan_edits(todo, ZONE, respell=respell), branch)


async def import_file(operators: TwoOperators, text: str, *, respell: bool = False) -> Outcome:
    rrsets = list(reader.read(text.encode(), ZONE).rrsets.values())
    plan = change_plan.plan_replacement(rrsets, ZONE, respell=respell)
    return await done(operators, plan, imports=True)


async def stored(operators: TwoOperators, value: RRset, branch: str | None = None) -> Committed:
    """Store an RRset unchanged, including twins."""

    async def plan(_reader: Reader, _tip: CommitBase) -> PlannedChange:
        return PlannedChange({(value.owner, value.rdtype): value}, {(value.owner, value.rdtype)})

    return check_committed(await done(operators, plan, branch))


async def blob(operators: TwoOperators, branch: str = "main") -> RRset:
    """Return the stored RRset of mail at the tip."""
    reader = Reader(operators.repo.objects)
    tree = (await read_zone.read_commit(reader, await tip(operators, branch))).tree
    found = await reader.answer(zone_tree.find_one(tree, names.path(MAIL, ZONE), rrtypes.MX))
    assert found is not None
    return (await read_zone.read_stored_rrsets(reader, {found}))[found]


def rules_of(outcome: Outcome) -> list[str]:
    """Return the rules of all findings except those about the serial of a file."""
    assert isinstance(outcome, Committed | Unchanged)
    rules = [finding.rule for finding in outcome.findings]
    return [rule for rule in rules if rule != "serial-not-taken"]


async def tree_of(operators: TwoOperators, commit: CommitId) -> ObjectId:
    return (await read_zone.read_commit(Reader(operators.repo.objects), commit)).tree


async def test_set_keeps_the_first_spelling_of_a_record(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER, LOWER)))
    assert await blob(foo) == mx(UPPER)


@pytest.mark.parametrize("edit", [Set(mx(LOWER)), Add(mx(LOWER)), Set(mx(LOWER, UPPER))])
async def test_another_spelling_makes_no_commit_and_causes_a_note(
    foo: TwoOperators, edit: RRsetEdit
) -> None:
    await edited(foo, Set(mx(UPPER)))
    before = await tip(foo)
    outcome = await edited(foo, edit)
    assert isinstance(outcome, Unchanged)
    assert rules_of(outcome) == ["spelling-only"]
    assert await tip(foo) == before


@pytest.mark.parametrize("edit", [Set(mx(LOWER)), Add(mx(LOWER))])
async def test_another_spelling_is_stored_on_request(foo: TwoOperators, edit: RRsetEdit) -> None:
    await edited(foo, Set(mx(UPPER)))
    made = check_committed(await edited(foo, edit, respell=True))
    assert made.changes == {KEY: mx(LOWER)}
    assert made.findings == ()
    assert await blob(foo) == mx(LOWER)


async def test_known_records_keep_their_spelling_when_an_rrset_changes(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER)))
    await edited(foo, Set(mx(LOWER, OTHER)))
    assert await blob(foo) == mx(UPPER, OTHER)
    await edited(foo, Set(mx(LOWER, OTHER, ttl=60)))
    assert await blob(foo) == mx(UPPER, OTHER, ttl=60)


async def test_a_record_is_removed_by_any_spelling(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER, OTHER)))
    await edited(foo, Remove(MAIL, rrtypes.MX, mx(LOWER).rdatas))
    assert await blob(foo) == mx(OTHER)


async def test_an_import_keeps_the_spelling_of_the_tip(foo: TwoOperators) -> None:
    await import_file(foo, f"{FOO}mail MX {UPPER}\n")
    outcome = await import_file(foo, f"{FOO}mail MX {LOWER}\n")
    assert isinstance(outcome, Unchanged)
    assert rules_of(outcome) == ["spelling-only"]
    made = check_committed(await import_file(foo, f"{FOO}mail MX {LOWER}\nmail MX {OTHER}\n"))
    assert made.changes == {KEY: mx(UPPER, OTHER)}
    made = check_committed(await import_file(foo, f"{FOO}mail MX {LOWER}\n", respell=True))
    assert made.changes == {KEY: mx(LOWER)}


async def test_an_import_with_another_spelling_of_the_soa_makes_no_commit(
    foo: TwoOperators,
) -> None:
    outcome = await import_file(foo, FOO.replace("SOA ns1", "SOA NS1"))
    assert isinstance(outcome, Unchanged)
    assert rules_of(outcome) == ["spelling-only"]
    made = check_committed(
        await import_file(foo, FOO.replace("SOA ns1", "SOA NS1").replace(" 7 ", " 9 "))
    )
    at = (await zone_at(foo, made.commit))[ZONE, rrtypes.SOA]
    assert parse_soa(at).serial == 9
    assert at.rdatas[0].startswith(b"\3ns1")


async def test_spellings_beyond_the_first_few_are_counted(foo: TwoOperators) -> None:
    lines = [f"m{number} MX 10 mx\n" for number in range(12)]
    await import_file(foo, FOO + "".join(lines))
    outcome = await import_file(foo, FOO + "".join(lines).replace("10 mx", "10 MX"))
    assert rules_of(outcome) == ["spelling-only"] * 11
    assert isinstance(outcome, Unchanged)
    assert "2 more findings of spelling-only" in {each.message for each in outcome.findings}


async def test_case_sensitive_records_stay_separate_with_a_warning(foo: TwoOperators) -> None:
    """RFC 6840 section 5.1 does not list them."""
    text = f"{FOO}svc HTTPS 1 A.foo.com.\nsvc HTTPS 1 a.foo.com.\n"
    made = check_committed(await import_file(foo, text))
    (value,) = (value for (_, rdtype), value in made.changes.items() if rdtype == rrtypes.HTTPS)
    assert value is not None
    assert len(value.rdatas) == 2
    assert rules_of(made) == ["case-variants"]


async def versions(operators: TwoOperators, *texts: str, respell: bool = False) -> ImportedSeries:
    at = await heads.find_position(operators.repo, ZONE)
    who = operators.repo.now()
    each = [
        ImportedVersion(f"v{number}", reader.read(text.encode(), ZONE).rrsets, "m", who, who)
        for number, text in enumerate(texts)
    ]
    intent = Intent("i", "import", imports=True, on_conflict=OnConflict.FAIL, respell=respell)
    return await import_series.import_versions(operators.repo, at, each, intent)


async def test_a_series_keeps_the_first_spelling_with_one_note(foo: TwoOperators) -> None:
    written = await versions(
        foo,
        f"{FOO}mail MX {UPPER}\n",
        f"{FOO}mail MX {LOWER}\n",
        f"{FOO}mail MX {LOWER}\nnew A 192.0.2.9\n",
        f"{FOO}mail MX {LOWER}\nmail MX {OTHER}\n",
    )
    assert [each.commit is not None for each in written.added] == [True, False, True, True]
    assert [each.changed for each in written.commits] == [1, 1, 2]
    assert [finding.rule for finding in written.findings] == ["spelling-only"]
    assert await blob(foo) == mx(UPPER, OTHER)


async def test_a_series_stores_each_spelling_on_request(foo: TwoOperators) -> None:
    texts = (f"{FOO}mail MX {UPPER}\n", f"{FOO}mail MX {LOWER}\n")
    written = await versions(foo, *texts, respell=True)
    assert len(written.commits) == 2
    assert await blob(foo) == mx(LOWER)


async def put_back(operators: TwoOperators, change: RRset, *, respell: bool = False) -> Outcome:
    opened = await edit.open_zone(operators.repo, ZONE, "main")
    rrsets = [each for each in opened.rrsets if (each.owner, each.rdtype) != KEY]
    deltas = edit.find_changes(opened, [*rrsets, change])
    at = await heads.find_position(operators.repo, ZONE, "main")
    intent = Intent("e", "edit", respell=respell)
    return await edit.commit_edited(operators.repo, at, opened, deltas, intent)


async def test_an_edited_file_keeps_the_spelling_of_the_tip(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER)))
    outcome = await put_back(foo, mx(LOWER))
    assert isinstance(outcome, Unchanged)
    assert rules_of(outcome) == ["spelling-only"]
    assert check_committed(await put_back(foo, mx(LOWER, OTHER))).changes == {KEY: mx(UPPER, OTHER)}
    assert check_committed(await put_back(foo, mx(LOWER), respell=True)).changes == {KEY: mx(LOWER)}


async def saved(operators: TwoOperators, *todo: RRsetEdit, respell: bool = False) -> ChangePlanner:
    at = await heads.find_position(operators.repo, ZONE)
    plan = change_plan.plan_edits(todo, ZONE, respell=respell)
    found, size = await saved_plan.make_plan(operators.repo, at, plan, is_import=False)
    text = msgspec.json.encode(render_plans.to_json(found, size))
    return saved_plan.plan_saved(saved_plan.read(text, "x.plan"))


async def test_a_saved_plan_fits_if_only_the_spelling_has_changed(
    foo: TwoOperators,
) -> None:
    await edited(foo, Set(mx(UPPER)))
    plan = await saved(foo, Add(mx(OTHER)))
    await edited(foo, Set(mx(LOWER)), respell=True)
    await done(foo, plan)
    assert await blob(foo) == mx(LOWER, OTHER)


async def test_a_saved_plan_stores_its_own_spelling(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER)))
    plan = await saved(foo, Set(mx(LOWER)), respell=True)
    await done(foo, plan)
    assert await blob(foo) == mx(LOWER)
    assert isinstance(await done(foo, plan), Unchanged)


async def test_stored_spellings_are_one_record_and_stay_until_it_changes(foo: TwoOperators) -> None:
    made = await stored(foo, twins(UPPER, LOWER, OTHER))
    assert (await zone_at(foo, made.commit))[KEY] == mx(UPPER, OTHER)
    for todo in (Set(mx(UPPER, OTHER)), Add(mx(LOWER))):
        assert isinstance(await edited(foo, todo), Unchanged)


async def test_another_change_keeps_the_blob_of_two_spellings(foo: TwoOperators) -> None:
    await stored(foo, twins(UPPER, LOWER))
    address = rrset(names.parse("new", ZONE), rrtypes.A, 300, [b"abcd"])
    await edited(foo, Set(address))
    await import_file(foo, f"{FOO}mail MX {LOWER}\nnew A 192.0.2.9\n")
    assert await blob(foo) == twins(UPPER, LOWER)
    await edited(foo, Add(mx(OTHER)))
    assert await blob(foo) == mx(UPPER, OTHER)


async def test_removing_one_spelling_removes_the_record(foo: TwoOperators) -> None:
    await stored(foo, twins(UPPER, LOWER, OTHER))
    await edited(foo, Remove(MAIL, rrtypes.MX, mx(LOWER).rdatas))
    assert await blob(foo) == mx(OTHER)


async def test_a_difference_only_in_spellings_is_not_a_change(foo: TwoOperators) -> None:
    one = await stored(foo, twins(UPPER, LOWER))
    other = await stored(foo, mx(UPPER))
    reader = Reader(foo.repo.objects)
    pair = (await tree_of(foo, one.commit), await tree_of(foo, other.commit))
    assert diff.drop_serial_changes(await diff.diff_trees(reader, *pair, ZONE)) == []
    exact = diff.drop_serial_changes(await diff.diff_stored_trees(reader, *pair, ZONE))
    assert [(each.old, each.new) for each in exact] == [(twins(UPPER, LOWER), mx(UPPER))]


async def test_a_reset_restores_both_spellings(foo: TwoOperators) -> None:
    one = await stored(foo, twins(UPPER, LOWER))
    await edited(foo, Set(mx(OTHER)))
    at = await heads.find_position(foo.repo, ZONE)
    await reset.reset(foo.repo, at, one.commit, Intent("r", "reset"), exact=False)
    assert await blob(foo) == twins(UPPER, LOWER)


async def branched(operators: TwoOperators, *starts: RRset) -> None:
    for value in starts:
        await stored(operators, value)
    await branches.create(
        operators.repo, ZONE, "canary", await tip(operators), operators.repo.origin("branch")
    )


async def merged(operators: TwoOperators, *, respell: bool = False) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, "main")
    theirs = await tip(operators, "canary")
    choices = Choices(respell=respell)
    return await merge.merge(operators.repo, at, theirs, Intent("m", "merge"), choices)


async def other_change(operators: TwoOperators) -> None:
    """Make a commit on main, so that no merge is a fast-forward."""
    address = rrset(names.parse("new", ZONE), rrtypes.A, 300, [b"abcd"])
    await edited(operators, Set(address), branch="main")


async def test_a_merge_takes_a_blob_changed_on_one_side_unchanged(foo: TwoOperators) -> None:
    await branched(foo, mx(UPPER))
    await other_change(foo)
    await stored(foo, twins(LOWER, UPPER, OTHER), "canary")
    await merged(foo)
    assert await blob(foo) == twins(LOWER, UPPER, OTHER)


async def test_a_merge_of_an_rrset_changed_on_both_sides_keeps_our_spelling(
    foo: TwoOperators,
) -> None:
    await branched(foo, mx(OTHER))
    await stored(foo, mx(UPPER, OTHER), "main")
    await stored(foo, mx(LOWER, OTHER, "30 c.foo.com."), "canary")
    await merged(foo)
    assert await blob(foo) == mx(UPPER, OTHER, "30 c.foo.com.")


@pytest.mark.parametrize("respell", [False, True])
async def test_the_same_change_on_both_sides_has_one_spelling(
    foo: TwoOperators, respell: bool
) -> None:
    await branched(foo, mx(OTHER))
    await stored(foo, mx(UPPER), "main")
    await stored(foo, mx(LOWER), "canary")
    outcome = await merged(foo, respell=respell)
    assert await blob(foo) == mx(LOWER if respell else UPPER)
    assert rules_of(outcome) == ([] if respell else ["spelling-only"])


async def test_a_changed_spelling_merges_with_the_removal_of_the_record(foo: TwoOperators) -> None:
    await branched(foo, mx(UPPER, OTHER))
    await edited(foo, Set(mx(LOWER, OTHER)), branch="main", respell=True)
    await edited(foo, Remove(MAIL, rrtypes.MX, mx(UPPER).rdatas), branch="canary")
    await merged(foo)
    assert await blob(foo) == mx(OTHER)


async def test_blame_ignores_a_change_of_spelling(foo: TwoOperators) -> None:
    made = check_committed(await edited(foo, Set(mx(UPPER))))
    respelled = check_committed(await edited(foo, Set(mx(LOWER)), respell=True))
    reader = Reader(foo.repo.objects)
    found = await blame.blame(foo.repo, reader, respelled.commit, MAIL, rrtypes.MX, ZONE)
    (blamed,) = found.rrsets
    assert (blamed.commit, blamed.records) == (made.commit, (made.commit,))


def shown(values: Sequence[bytes]) -> list[str]:
    return [rdata_to_text(rrtypes.MX, value) for value in values]


async def test_a_diff_of_one_spelling_applies_to_another(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER)))
    todo = [Remove(MAIL, rrtypes.MX, mx(LOWER).rdatas, 300), Add(mx(OTHER))]
    assert edits.get_owner(todo[0]) == MAIL
    await edited(foo, *todo)
    assert shown((await blob(foo)).rdatas) == [OTHER]


async def test_strict_allows_a_change_of_spelling(foo: TwoOperators) -> None:
    await edited(foo, Set(mx(UPPER)))
    at = await heads.find_position(foo.repo, ZONE)
    intent = msgspec.structs.replace(Intent("m", "set"), strict=True)
    outcome = await commit_loop.commit(
        foo.repo, at, change_plan.plan_edits([Set(mx(LOWER))], ZONE), intent
    )
    assert isinstance(outcome, Unchanged)
