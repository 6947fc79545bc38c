"""Merges into a branch: fast-forwards, merge commits, conflicts, serials, races."""

import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, addresses, check_committed, tip, zone_at
from zonegit.errors import Invalid, Unsafe
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.change import branches, merge
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Add, Delete, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview, Unchanged
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import parse_soa, rdata_from_text, rrset
from zonegit.zonefile import reader


@pytest.fixture
async def forked(foo: TwoOperators) -> TwoOperators:
    """Return foo.com. with a branch canary at the commit of main, serial 7."""
    await branches.create(foo.repo, ZONE, "canary", await tip(foo, "main"))
    return foo


async def merge_branch(operators: TwoOperators, into: str, other: str, **how: bool) -> Outcome:
    position = await heads.find_position(operators.repo, ZONE, into)
    intent = Intent(f"merge {other}", "merge", **how)
    return await merge.merge(operators.repo, position, await tip(operators, other), intent)


async def test_a_branch_without_changes_of_its_own_is_fast_forwarded(forked: TwoOperators) -> None:
    await forked.edit([Set(address("api", "203.0.113.80"))], "canary")
    done = check_committed(await merge_branch(forked, "main", "canary"))
    assert done.commit == await tip(forked, "canary") == await tip(forked, "main")
    assert (done.is_new, done.before, done.serial) == (False, 7, 8)
    assert {names.text(owner) for owner, _ in done.changes} == {"api.foo.com."}


async def test_a_branch_that_has_all_commits_is_not_moved(forked: TwoOperators) -> None:
    await forked.edit([Set(address("api", "192.0.2.81"))], "main")
    before = await tip(forked, "main")
    assert isinstance(await merge_branch(forked, "main", "canary"), Unchanged)
    assert isinstance(await merge_branch(forked, "main", "main"), Unchanged)
    assert await tip(forked, "main") == before


async def test_changes_of_both_become_a_merge_commit_with_a_serial_later_than_both(
    forked: TwoOperators,
) -> None:
    await forked.edit([Set(address("a", "192.0.2.11"))], "main")
    for number in range(3):
        await forked.edit([Set(address("b", f"192.0.2.{number}"))], "canary")
    ours, theirs = await tip(forked, "main"), await tip(forked, "canary")
    done = check_committed(await merge_branch(forked, "main", "canary"))
    found = await read_zone.read_commit(Reader(forked.repo.objects), done.commit)
    assert found.parents == (ours, theirs)
    assert (done.before, done.serial) == (8, 11)
    assert await addresses(forked, done.commit, "a") == ["192.0.2.11"]
    assert await addresses(forked, done.commit, "b") == ["192.0.2.2"]


async def test_a_second_merge_takes_only_new_changes(forked: TwoOperators) -> None:
    await forked.edit([Set(address("a", "192.0.2.11"))], "main")
    await forked.edit([Set(address("b", "192.0.2.12"))], "canary")
    await merge_branch(forked, "main", "canary")
    await forked.edit([Delete(names.parse("b", ZONE))], "main")
    await forked.edit([Set(address("c", "192.0.2.13"))], "canary")
    done = check_committed(await merge_branch(forked, "main", "canary"))
    assert {names.text(owner) for owner, _ in done.changes} == {"c.foo.com."}


async def test_conflicts_are_named_with_reasons_and_nothing_is_moved(
    forked: TwoOperators,
) -> None:
    await forked.edit(
        [Set(address("api", "192.0.2.81")), Delete(names.parse("www", ZONE)),
         Set(address("new", "192.0.2.1"))], "main",
    )  # fmt: skip
    alias = rrset(names.parse("www", ZONE), rrtypes.CNAME, 60, [rdata_from_text(5, "ns1", ZONE)])
    await forked.edit(
        [Set(address("api", "203.0.113.80")), Set(alias), Set(address("new", "192.0.2.2"))],
        "canary",
    )
    before = await tip(forked, "main")
    found = await merge_branch(forked, "main", "canary")
    assert isinstance(found, Conflicted)
    assert [(names.text(c.owner), c.reason) for c in found.clashes] == [
        ("api.foo.com.", "one record replaced two ways"),
        ("www.foo.com.", "deleted against modified"),
    ]
    assert found.clashes[1].ours is None
    assert found.clashes[1].theirs == alias
    assert await tip(forked, "main") == before


async def test_a_fast_forward_with_an_earlier_serial_becomes_a_merge_commit(
    forked: TwoOperators,
) -> None:
    """Main served serials that canary never had: docs/object-model.md, Serials."""
    start = await tip(forked, "main")
    for number in range(4):
        await forked.edit([Set(address("a", f"192.0.2.{number}"))], "main")
    main = await heads.find_position(forked.repo, ZONE, "main")
    await forked.repo.refs.move(
        main.ref, main.expected, start, forked.repo.origin("test", force=True)
    )
    await forked.edit([Set(address("b", "192.0.2.12"))], "canary")
    done = check_committed(await merge_branch(forked, "main", "canary"))
    assert done.is_new
    assert done.serial == 12
    assert await addresses(forked, done.commit, "b") == ["192.0.2.12"]


async def test_a_dry_run_shows_the_merge_and_moves_nothing(forked: TwoOperators) -> None:
    await forked.edit([Set(address("a", "192.0.2.11"))], "main")
    await forked.edit([Set(address("b", "192.0.2.12"))], "canary")
    before = await tip(forked, "main")
    preview = await merge_branch(forked, "main", "canary", dry_run=True)
    assert isinstance(preview, Preview)
    assert (preview.before, preview.serial) == (8, 9)
    assert await forked.repo.objects.missing([preview.objects[-1].id])
    assert await tip(forked, "main") == before


async def test_a_concurrent_commit_is_merged_too(
    forked: TwoOperators,
) -> None:
    await forked.edit([Set(address("a", "192.0.2.11"))], "main")
    await forked.edit([Set(address("b", "192.0.2.12"))], "canary")
    stale = await heads.find_position(forked.repo, ZONE, "main")
    await forked.edit([Set(address("c", "192.0.2.13"))], "main")
    theirs = await tip(forked, "canary")
    done = check_committed(await merge.merge(forked.repo, stale, theirs, Intent("m", "merge")))
    assert done.replayed == 1
    for owner, last in (("a", 11), ("b", 12), ("c", 13)):
        assert await addresses(forked, done.commit, owner) == [f"192.0.2.{last}"]


async def test_a_fast_forward_that_lost_a_race_becomes_a_merge(forked: TwoOperators) -> None:
    await forked.edit([Set(address("b", "192.0.2.12"))], "canary")
    stale = await heads.find_position(forked.repo, ZONE, "main")
    await forked.edit([Set(address("c", "192.0.2.13"))], "main")
    theirs = await tip(forked, "canary")
    done = check_committed(await merge.merge(forked.repo, stale, theirs, Intent("m", "merge")))
    assert done.is_new
    assert await addresses(forked, done.commit, "c") == ["192.0.2.13"]


async def test_a_commit_of_another_zone_is_refused(forked: TwoOperators) -> None:
    bar = names.parse("bar.org.")
    await heads.initialise(forked.repo, bar)
    other = check_committed(await forked.import_file(FOO.replace("foo.com", "bar.org"), bar))
    main = await heads.find_position(forked.repo, ZONE, "main")
    with pytest.raises(Invalid, match=r"of bar\.org\., not foo\.com\."):
        await merge.merge(forked.repo, main, other.commit, Intent("m", "merge", force=True))


async def unrelated(operators: TwoOperators) -> CommitId:
    """Create a branch from an unrelated commit."""
    position = heads.BranchPosition(ZONE, "other", None)
    text = FOO.replace("192.0.2.80", "192.0.2.99") + "ftp IN A 192.0.2.21\n"
    rrsets = list(reader.read(text.encode(), ZONE).rrsets.values())
    plan = change_plan.plan_replacement(rrsets, ZONE)
    return check_committed(
        await commit_loop.commit(operators.repo, position, plan, Intent("i", "import"))
    ).commit


async def test_merging_unrelated_branches_needs_force(forked: TwoOperators) -> None:
    theirs = await unrelated(forked)
    main = await heads.find_position(forked.repo, ZONE, "main")
    with pytest.raises(Unsafe, match="no history"):
        await merge.merge(forked.repo, main, theirs, Intent("m", "merge"))
    found = await merge.merge(forked.repo, main, theirs, Intent("m", "merge", force=True))
    done = check_committed(found)
    assert await addresses(forked, done.commit, "api") == ["192.0.2.80", "192.0.2.99"]
    assert await addresses(forked, done.commit, "ftp") == ["192.0.2.21"]


async def test_merging_a_signed_zone_needs_force(forked: TwoOperators) -> None:
    signature = "@ IN RRSIG SOA 8 2 300 20300101000000 20200101000000 1 foo.com. AAAA\n"
    await forked.import_file(FOO.replace(" 7 7200", " 8 7200") + signature)
    await forked.edit([Set(address("b", "192.0.2.12"))], "canary")
    with pytest.raises(Unsafe, match="signed"):
        await merge_branch(forked, "main", "canary")
    assert isinstance(await merge_branch(forked, "main", "canary", force=True), Committed)


async def test_the_soa_is_merged_except_its_serial(forked: TwoOperators) -> None:
    def start(refresh: int) -> Set:
        text = f"ns1 admin 1 {refresh} 3600 1209600 300"
        return Set(rrset(ZONE, rrtypes.SOA, 300, [rdata_from_text(rrtypes.SOA, text, ZONE)]))

    await forked.edit([start(900)], "canary")
    await forked.edit([Add(address("api", "192.0.2.81"))], "main")
    done = check_committed(await merge_branch(forked, "main", "canary"))
    zone = await zone_at(forked, done.commit)
    fields = parse_soa(zone[ZONE, rrtypes.SOA])
    assert (fields.refresh, fields.serial) == (900, 9)


async def test_a_merged_soa_takes_the_next_serial_even_if_zero_is_later(
    forked: TwoOperators,
) -> None:
    """From 2^31 on, zero is a later serial, too (RFC 1982 section 3.2)."""
    await forked.import_file(FOO.replace(" 7 ", " 2147483653 "))
    await branches.create(forked.repo, ZONE, "staging", await tip(forked, "main"))
    soa_text = "ns1 admin 2147483653 900 3600 1209600 300"
    value = rrset(ZONE, rrtypes.SOA, 300, [rdata_from_text(rrtypes.SOA, soa_text, ZONE)])
    await forked.edit([Set(value)], "staging")
    await forked.edit([Set(address("a", "192.0.2.11"))], "main")
    done = check_committed(await merge_branch(forked, "main", "staging"))
    assert (done.before, done.serial) == (2147483654, 2147483655)
