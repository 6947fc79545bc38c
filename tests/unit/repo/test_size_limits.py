"""RRsets that leave no room for EDNS and a signature: refused if new, kept if already stored."""

import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import tip
from zonegit.errors import Invalid
from zonegit.objects.codec import encode
from zonegit.objects.model import Blob
from zonegit.repo import heads
from zonegit.repo.change import branches, import_series, merge, revert
from zonegit.repo.change.import_series import ImportedVersion
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Add, Delete, Remove, RRsetEdit, Set
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.inspect import fsck
from zonegit.zone import names, sizing
from zonegit.zone.rrset import MAX_MESSAGE, RRset, message_size, rrset
from zonegit.zone.rrtypes import TXT
from zonegit.zonefile import reader, writer

OWNER = names.parse("big", ZONE)
MAX_RDATA = sizing.MAX_ANSWER - 16 - len(OWNER) - 12
"""Octets of the RDATA of one record that just fits."""


def text(octets: int, fill: bytes = b"x") -> bytes:
    """Return TXT RDATA with that many octets."""
    strings, last = divmod(octets, 256)
    if last == 1:  # a string of no octets is one
        return b"".join([b"\xff" + fill * 255] * strings) + b"\0"
    return b"".join(
        [b"\xff" + fill * 255] * strings + [bytes([last - 1]) + fill * (last - 1)] * (last > 0)
    )


def make_rrset(*rdatas: bytes) -> RRset:
    return rrset(OWNER, TXT, 300, rdatas)


TOO_LARGE = make_rrset(text(MAX_RDATA + 1))


async def edited(operators: TwoOperators, *todo: RRsetEdit, branch: str = "main") -> Committed:
    at = await heads.find_position(operators.repo, ZONE, branch)
    intent = Intent("m", "set", on_conflict=OnConflict.REBASE)
    return committed_of(
        await commit_loop.commit(operators.repo, at, change_plan.plan_edits(todo, ZONE), intent)
    )


def committed_of(outcome: object) -> Committed:
    assert isinstance(outcome, Committed)
    return outcome


async def store_as_before(operators: TwoOperators, value: RRset = TOO_LARGE) -> Committed:
    """Store an RRset as an earlier release did."""
    await operators.repo.objects.put([encode(Blob(value))])
    return await edited(operators, Set(value))


def test_the_bound_leaves_1024_octets_of_a_message() -> None:
    fits = make_rrset(text(MAX_RDATA))
    assert message_size(fits) == sizing.MAX_ANSWER == MAX_MESSAGE - 1_024
    assert not sizing.is_too_large(fits)
    assert sizing.is_too_large(TOO_LARGE)


async def test_the_largest_rrset_is_stored(foo: TwoOperators) -> None:
    await edited(foo, Set(make_rrset(text(MAX_RDATA))))


async def test_a_larger_rrset_is_refused_with_its_size(foo: TwoOperators) -> None:
    with pytest.raises(
        Invalid, match=r"big\.foo\.com\. TXT needs .* 64,512 octets, more than 64,511"
    ):
        await edited(foo, Set(TOO_LARGE))


async def test_records_that_are_added_one_by_one_count_together(foo: TwoOperators) -> None:
    await edited(foo, Add(make_rrset(text(40_000, b"a"))))
    with pytest.raises(Invalid, match="64,511"):
        await edited(foo, Add(make_rrset(text(25_000, b"b"))))


def file(value: RRset) -> str:
    (line,) = list(writer.write([value], ZONE))[1:]
    return FOO + line


async def test_an_import_names_the_line(foo: TwoOperators) -> None:
    read = reader.read(file(TOO_LARGE).encode(), ZONE, source="zone.db")
    plan = change_plan.add_findings(
        change_plan.plan_replacement(list(read.rrsets.values()), ZONE), read.findings
    )
    at = await heads.find_position(foo.repo, ZONE)
    with pytest.raises(Invalid, match=r"zone\.db:7: big\.foo\.com\. TXT needs .* 64,512 octets"):
        await commit_loop.commit(foo.repo, at, plan, Intent("m", "import", imports=True))


async def test_a_repairing_import_stores_no_oversized_rrset(
    foo: TwoOperators,
) -> None:
    rrsets = list(reader.read(file(TOO_LARGE).encode(), ZONE).rrsets.values())
    at = await heads.find_position(foo.repo, ZONE)
    plan = change_plan.plan_replacement(rrsets, ZONE, foo.repo.objects)
    for _ in range(2):
        with pytest.raises(Invalid, match="64,511"):
            await commit_loop.commit(foo.repo, at, plan, Intent("m", "import", imports=True))


async def test_an_imported_history_is_refused(foo: TwoOperators) -> None:
    rrsets = reader.read(file(TOO_LARGE).encode(), ZONE).rrsets
    at = await heads.find_position(foo.repo, ZONE)
    who = foo.repo.now()
    one = ImportedVersion("old.db", rrsets, "m", who, who)
    with pytest.raises(Invalid, match=r"old\.db: big\.foo\.com\. TXT needs"):
        await import_series.import_versions(
            foo.repo, at, [one], Intent("m", "import", imports=True)
        )


async def test_a_merge_with_an_oversized_result_conflicts(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "other", await tip(foo, "main"))
    await edited(foo, Set(make_rrset(text(40_000, b"a"))))
    await edited(foo, Set(make_rrset(text(25_000, b"b"))), branch="other")
    at = await heads.find_position(foo.repo, ZONE)
    outcome = await merge.merge(foo.repo, at, await tip(foo, "other"), Intent("m", "merge"))
    assert isinstance(outcome, Conflicted)
    assert "64,511" in str(outcome.clashes[0].detail)


async def test_a_stored_oversized_rrset_may_be_imported_again(foo: TwoOperators) -> None:
    await store_as_before(foo)
    rrsets = list(
        reader.read((file(TOO_LARGE) + "new A 192.0.2.9\n").encode(), ZONE).rrsets.values()
    )
    at = await heads.find_position(foo.repo, ZONE)
    plan = change_plan.plan_replacement(rrsets, ZONE)
    committed_of(await commit_loop.commit(foo.repo, at, plan, Intent("m", "import", imports=True)))


async def test_a_stored_oversized_rrset_may_be_restored(foo: TwoOperators) -> None:
    before = await store_as_before(foo)
    deletion = await edited(foo, Delete(OWNER, TXT))
    at = await heads.find_position(foo.repo, ZONE)
    outcome = await revert.revert(foo.repo, at, deletion.commit, None, Intent("m", "revert"))
    assert committed_of(outcome).commit != before.commit


async def test_a_stored_oversized_rrset_may_be_removed(foo: TwoOperators) -> None:
    value = make_rrset(text(40_000, b"a"), text(24_600, b"b"))
    await store_as_before(foo, value)
    await edited(foo, Remove(OWNER, TXT, value.rdatas[:1]))


async def test_fsck_names_a_stored_oversized_rrset(foo: TwoOperators) -> None:
    await store_as_before(foo)
    report = await fsck.check(foo.repo, lambda _: None)
    assert report.is_clean
    assert [each.finding.rule for each in report.noticed] == ["rrset-too-large"]
    assert "64,512 octets" in report.noticed[0].finding.message
