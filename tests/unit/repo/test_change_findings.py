"""A change is examined for the faults that it introduces, and for no others."""

import asyncio
from collections.abc import Collection, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.counting_store import CountingStore
from tests.support.earlier_release import accept_any_tip
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import check_committed, tip
from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId
from zonegit.repo import heads
from zonegit.repo.change import branches, merge, reset
from zonegit.repo.commit import change_plan, commit_loop, drafts, edits
from zonegit.repo.commit.change_findings import ChangeFindings
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import RRsetEdit
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Outcome
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.lint import table
from zonegit.zone.lint.view import WholeZone
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit.zonefile import reader


def record(owner: str, rdtype: str, *rdatas: str) -> RRset:
    number = rrtypes.from_text(rdtype)
    octets = [rdata_from_text(number, text, ZONE) for text in rdatas]
    return rrset(names.parse(owner, ZONE), number, 300, octets)


def becomes(owner: str, rdtype: str, *rdatas: str) -> RRsetEdit:
    return edits.Set(record(owner, rdtype, *rdatas))


def goes(owner: str, rdtype: str) -> RRsetEdit:
    return edits.Delete(names.parse(owner, ZONE), rrtypes.from_text(rdtype))


async def change(
    operators: TwoOperators, *todo: RRsetEdit, strict: bool = False, branch: str = "main"
) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, branch)
    plan = change_plan.plan_edits(todo, ZONE)
    return await commit_loop.commit(
        operators.repo, at, plan, Intent("m", "set", True, reason="x", strict=strict)
    )


async def replace(operators: TwoOperators, text: str) -> Outcome:
    at = await heads.find_position(operators.repo, ZONE, "main")
    rrsets = list(reader.read(text.encode(), ZONE).rrsets.values())
    intent = Intent("m", "import", imports=True, on_conflict=OnConflict.FAIL)
    return await commit_loop.commit(
        operators.repo, at, change_plan.plan_replacement(rrsets, ZONE), intent
    )


def told(outcome: Outcome) -> list[tuple[str, str]]:
    found = check_committed(outcome).findings
    return [(each.rule, each.message) for each in found if each.severity != "note"]


async def test_a_zone_cut_has_a_finding_with_the_names_that_it_hides(foo: TwoOperators) -> None:
    www = [becomes(f"{name}.sub", "A", "192.0.2.9") for name in ("a", "b", "c", "d", "e.f")]
    assert told(await change(foo, *www, becomes("ns.sub", "A", "192.0.2.9"))) == []
    assert told(await change(foo, becomes("sub", "NS", "ns1", "ns.sub"))) == [
        (
            "hidden-by-cut",
            "sub.foo.com. NS hides a.sub.foo.com. A, b.sub.foo.com. A, c.sub.foo.com. A and 2 more",
        )
    ]


async def test_a_dname_has_a_finding_with_the_names_that_it_hides(foo: TwoOperators) -> None:
    await change(foo, becomes("w.d", "TXT", "x"))
    (found,) = check_committed(await change(foo, becomes("d", "DNAME", "x."))).findings
    assert (found.rule, found.message) == (
        "hidden-by-dname", "d.foo.com. DNAME hides w.d.foo.com. TXT",
    )  # fmt: skip
    assert (found.owner, found.rdtype) == (names.parse("d", ZONE), rrtypes.DNAME)


async def test_a_dname_at_the_apex_hides_all_names_below(foo: TwoOperators) -> None:
    found = dict(told(await change(foo, becomes("@", "DNAME", "x."))))
    assert found["hidden-by-dname"] == (
        "foo.com. DNAME hides api.foo.com. A, ns1.foo.com. A, www.foo.com. CNAME"
    )
    assert set(found) == {"hidden-by-dname", "ns-below-dname"}


async def test_a_name_that_is_added_below_a_cut_is_hidden(foo: TwoOperators) -> None:
    await change(foo, becomes("sub", "NS", "ns.sub"), becomes("ns.sub", "A", "192.0.2.9"))
    (found,) = told(await change(foo, becomes("w.sub", "A", "192.0.2.9")))
    assert found == (
        "hidden-by-cut",
        "w.sub.foo.com. A is below the zone cut sub.foo.com., which hides it",
    )
    assert not told(await change(foo, becomes("w.sub", "A", "192.0.2.10")))
    assert not told(await change(foo, becomes("ns.sub", "AAAA", "2001:db8::9")))
    assert not told(await change(foo, becomes("sub", "DS", "1 8 2 " + "ab" * 32)))


async def test_glue_may_be_added_with_its_cut_or_later(foo: TwoOperators) -> None:
    assert not told(await change(foo, becomes("s", "NS", "n.s"), becomes("n.s", "A", "192.0.2.9")))
    assert [rule for rule, _ in told(await change(foo, becomes("t", "NS", "n.t")))] == [
        "ns-without-address"
    ]
    assert not told(await change(foo, becomes("n.t", "A", "192.0.2.9")))


async def test_existing_records_at_a_new_cut_are_hidden(foo: TwoOperators) -> None:
    assert told(await change(foo, becomes("api", "NS", "ns1"))) == [
        ("hidden-by-cut", "api.foo.com. NS hides api.foo.com. A")
    ]


async def test_a_file_is_examined_like_edits(foo: TwoOperators) -> None:
    hidden = ("hidden-by-cut", "sub.foo.com. NS hides w.sub.foo.com. A")
    assert told(await replace(foo, FOO + "w.sub A 192.0.2.9\nsub NS ns1\n")) == [hidden]
    assert told(await replace(foo, FOO + "w.sub A 192.0.2.9\nsub NS ns1\nx A 192.0.2.1")) == []


async def test_the_first_commit_of_a_zone_is_examined_as_a_whole(operators: TwoOperators) -> None:
    await heads.initialise(operators.repo, ZONE)
    text = FOO.replace("ns1   IN A", "ns2 IN A")
    records = "w.sub A 192.0.2.9\nsub NS ns2\nsub TXT x\nx.w.sub NS ns2\n"
    found = told(await replace(operators, text + records))
    assert [rule for rule, _ in found] == ["ns-without-address", "hidden-by-cut"]
    assert found[1][1] == (
        "sub.foo.com. NS hides sub.foo.com. TXT, w.sub.foo.com. A, x.w.sub.foo.com. NS"
    )


async def test_earlier_findings_are_not_repeated(foo: TwoOperators) -> None:
    await change(foo, becomes("@", "MX", "10 www"))
    assert not told(await change(foo, becomes("@", "MX", "10 www", "20 al"), strict=True))
    with pytest.raises(Invalid, match="mx-to-cname"):
        await change(
            foo,
            becomes("@", "MX", "10 www", "30 w2"),
            becomes("w2", "CNAME", "api"),
            strict=True,
        )


@pytest.mark.parametrize(
    ("todo", "expected"),
    [
        ([goes("@", "NS")], "apex-without-ns"),
        ([goes("ns1", "A")], "ns-without-address"),
        ([goes("ns1", "A"), becomes("ns1", "CNAME", "api")], "ns-to-cname"),
        ([becomes("@", "NS", "www")], "ns-to-cname"),
        ([becomes("@", "NS", "nothing")], "ns-without-address"),
        ([becomes("_x", "SRV", "0 0 1 www")], "srv-to-cname"),
        ([becomes("t", "CNAME", "www.foo.com")], "missing-dot"),
        ([becomes("t", "CNAME", "www.example.org")], "missing-dot"),
        ([becomes("www.foo.com", "A", "192.0.2.1")], "missing-dot-owner"),
        ([becomes("n", "NAPTR", '1 1 "u" "E2U+sip" "!a!" .')], "naptr-regexp"),
    ],
)
async def test_an_edit_has_a_finding_for_the_fault_that_it_introduces(
    foo: TwoOperators, todo: list[RRsetEdit], expected: str
) -> None:
    assert [rule for rule, _ in told(await change(foo, *todo))] == [expected]


async def test_a_mail_exchanger_that_becomes_an_alias_is_found(foo: TwoOperators) -> None:
    await change(foo, becomes("@", "MX", "10 mail"), becomes("mail", "A", "192.0.2.5"))
    todo = goes("mail", "A"), becomes("mail", "CNAME", "api")
    assert [rule for rule, _ in told(await change(foo, *todo))] == ["mx-to-cname"]


async def test_removed_glue_is_found(foo: TwoOperators) -> None:
    await change(foo, becomes("s", "NS", "n.s"), becomes("n.s", "A", "192.0.2.9"))
    assert told(await change(foo, goes("n.s", "A"))) == [
        ("ns-without-address", "s.foo.com. NS: n.s.foo.com. has no address record in this zone")
    ]


async def test_a_merge_has_a_finding_with_the_names_that_it_hides(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "other", await tip(foo))
    await change(foo, becomes("w.sub", "A", "192.0.2.9"))
    theirs = check_committed(await change(foo, becomes("sub", "NS", "ns1"), branch="other"))
    at = await heads.find_position(foo.repo, ZONE, "main")
    merged = await merge.merge(foo.repo, at, theirs.commit, Intent("m", "merge"))
    assert told(merged) == [("hidden-by-cut", "sub.foo.com. NS hides w.sub.foo.com. A")]


async def test_a_fast_forward_has_a_finding_with_the_names_that_it_hides(foo: TwoOperators) -> None:
    await change(foo, becomes("w.sub", "A", "192.0.2.9"))
    await branches.create(foo.repo, ZONE, "other", await tip(foo))
    theirs = check_committed(await change(foo, becomes("sub", "NS", "ns1"), branch="other"))
    at = await heads.find_position(foo.repo, ZONE, "main")
    merged = check_committed(await merge.merge(foo.repo, at, theirs.commit, Intent("m", "merge")))
    assert not merged.is_new
    assert told(merged) == [("hidden-by-cut", "sub.foo.com. NS hides w.sub.foo.com. A")]


@pytest.mark.parametrize("owner", ["api", "new", "a.b.c", "www.sub"])
async def test_examining_an_address_needs_no_further_reads(foo: TwoOperators, owner: str) -> None:
    """The commit of one record takes as many round trips as without the examination."""
    objects = foo.repo.objects
    assert isinstance(objects, CountingStore)
    await change(foo, becomes("x.sub", "A", "192.0.2.9"))
    at = await heads.find_position(foo.repo, ZONE, "main")
    asked = []
    for examine in (False, True):
        before = objects.asked
        reader = Reader(objects)
        state = await drafts.read_tip(reader, at)
        planned = await change_plan.plan_edits([becomes(owner, "A", "192.0.2.1")], ZONE)(
            reader, state
        )
        assert planned is not None
        await drafts.draft(
            foo.repo, reader, at, state, planned, Intent("m", "set"), examine=examine
        )
        asked.append(objects.asked - before)
    assert asked[0] == asked[1]


# a zone cut that is a DNAME

BOTH = FOO + "d DNAME x.\nd NS ns1\n"
REFUSED = r"d\.foo\.com\. has NS and DNAME records \(RFC 6672 section 2\.3\)"


async def store_both(operators: TwoOperators) -> None:
    """Commit a zone that releases before this rule accepted."""
    at = await heads.find_position(operators.repo, ZONE, "main")
    rrsets = [record("d", "DNAME", "x."), record("d", "NS", "ns1.foo.com.")]

    async def plan(_reader: Reader, state: drafts.CommitBase) -> drafts.PlannedChange:
        changes: edits.Changes = {(each.owner, each.rdtype): each for each in rrsets}
        # A move to a stored commit is not examined.
        return drafts.PlannedChange(
            changes, changes.keys(), parents=(state.commit or CommitId(b""),)
        )

    with accept_any_tip():
        await commit_loop.commit(operators.repo, at, plan, Intent("m", "reset"))


@pytest.mark.parametrize("first", [("NS", "ns1"), ("DNAME", "x.")])
async def test_an_edit_that_makes_a_zone_cut_a_dname_is_refused(
    foo: TwoOperators, first: tuple[str, str]
) -> None:
    await change(foo, becomes("d", *first))
    second = ("DNAME", "x.") if first[0] == "NS" else ("NS", "ns1")
    with pytest.raises(Invalid, match=REFUSED):
        await change(foo, becomes("d", *second))
    await change(foo, goes("d", first[0]), becomes("d", *second))


async def test_a_file_with_a_zone_cut_that_is_a_dname_is_refused(foo: TwoOperators) -> None:
    with pytest.raises(Invalid, match=REFUSED):
        await replace(foo, BOTH)
    await change(foo, becomes("d", "NS", "ns1"))
    with pytest.raises(Invalid, match=REFUSED):
        await replace(foo, BOTH)


async def test_a_merge_of_a_zone_cut_and_a_dname_is_a_conflict(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "other", await tip(foo))
    await change(foo, becomes("d", "NS", "ns1"))
    theirs = check_committed(await change(foo, becomes("d", "DNAME", "x."), branch="other"))
    at = await heads.find_position(foo.repo, ZONE, "main")
    merged = await merge.merge(foo.repo, at, theirs.commit, Intent("m", "merge"))
    assert isinstance(merged, Conflicted)


async def test_an_existing_dname_at_a_zone_cut_may_stay(foo: TwoOperators) -> None:
    await store_both(foo)
    with_both = await tip(foo)
    await change(foo, becomes("d", "TXT", "x"))
    await change(foo, becomes("d", "NS", "api"))
    await replace(foo, BOTH + "n A 192.0.2.1\n")
    await branches.create(foo.repo, ZONE, "other", await tip(foo))
    await change(foo, becomes("d", "TXT", "y"))
    theirs = check_committed(
        await change(foo, becomes("d", "DS", "1 8 2 " + "ab" * 32), branch="other")
    )
    at = await heads.find_position(foo.repo, ZONE, "main")
    intent = Intent("m", "merge", True, reason="x")
    assert check_committed(await merge.merge(foo.repo, at, theirs.commit, intent))
    await change(foo, goes("d", "DNAME"))
    at = await heads.find_position(foo.repo, ZONE, "main")
    assert check_committed(await reset.reset(foo.repo, at, with_both, intent, exact=False))


# The law: a change has exactly the findings of lint that are new after it.

OWNERS = st.sampled_from(["@", "a", "b", "a.b", "*.b", "w.a", "f.example.f.example", "c.com"])
CONTENTS = st.sampled_from(
    [
        ("A", "192.0.2.1"), ("CNAME", "a"), ("CNAME", "x.c.com"), ("DNAME", "x."), ("MX", "1 b"),
        ("MX", "1 x.a.b"), ("NS", "a"), ("NS", "q.b"), ("NS", "w.a"), ("SRV", "0 0 1 a.b"),
        ("X25", "12"), ("PTR", "a.foo.com"), ("TXT", "x"),
    ]
)  # fmt: skip


@st.composite
def zones(draw: st.DrawFn) -> dict[edits.RRsetKey, RRset]:
    """Draw a zone without a CNAME next to other data."""
    zone = {(ZONE, rrtypes.SOA): record("@", "SOA", "ns1. admin. 1 2 3 4 5")}
    for owner, (rdtype, text) in draw(st.lists(st.tuples(OWNERS, CONTENTS), max_size=8)):
        made = record(owner, rdtype, text)
        types = {each for name, each in zone if name == made.owner}
        if rrtypes.CNAME not in types and (rdtype != "CNAME" or not types):
            zone[made.owner, made.rdtype] = made
    return zone


def content_findings(
    zone: dict[edits.RRsetKey, RRset], keys: Iterable[edits.RRsetKey]
) -> set[Finding]:
    view = WholeZone(ZONE, zone)
    return {
        finding
        for key in keys
        if key in zone
        for finding in table.examine(view, zone[key], "content")
    }


@given(zones(), zones())
def test_the_findings_of_a_change_are_those_of_lint(
    old: dict[edits.RRsetKey, RRset], new: dict[edits.RRsetKey, RRset]
) -> None:
    async def examine() -> set[Finding]:
        store = MemoryObjects()
        (objects, before), (others, after) = (
            change_plan.build_zone(list(zone.values()), ZONE) for zone in (old, new)
        )
        await store.put([*objects, *others])
        assert after is not None
        changes: edits.Changes = {
            key: new.get(key) for key in old.keys() | new.keys() if old.get(key) != new.get(key)
        }
        soa = new[ZONE, rrtypes.SOA]
        added = new.keys() - old.keys()
        change = ChangeFindings(Reader(store), ZONE, soa, before, after, changes, added)
        found = await change.run()
        place = {rule.id for rule in table.RULES if rule.scope == "place"}
        return {each for each in found if each.rule not in place and is_changed(each, changes)}

    def is_changed(finding: Finding, keys: Collection[edits.RRsetKey]) -> bool:
        return (finding.owner, finding.rdtype) in keys

    changed = {key for key in new if old.get(key) != new[key]}
    expected = content_findings(new, changed) - content_findings(old, changed)
    assert asyncio.run(examine()) == expected
