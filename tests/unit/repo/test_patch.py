"""Diffs as text: written records are read as the same records, and nothing is skipped."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import strategies
from zonegit.errors import Invalid, NotFound
from zonegit.repo.commit import edits, patch
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.edits import Add, Changes, Delete, Remove, RRsetEdit, Set
from zonegit.zone import lexer, names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset, with_serial

ZONE = names.parse("foo.com.")
WWW = names.parse("www.foo.com.")

Zone = Mapping[tuple[Name, int], RRset]


def records(owner: Name, rdtype: int, *texts: str, ttl: int = 300) -> RRset:
    return rrset(owner, rdtype, ttl, [rdata_from_text(rdtype, text, ZONE) for text in texts])


ONE = records(WWW, rrtypes.A, "192.0.2.1")
TWO = records(WWW, rrtypes.A, "192.0.2.1", "192.0.2.2")
SOA = records(ZONE, rrtypes.SOA, "ns1 admin 1 7200 3600 1209600 300")


def lines(old: RRset | None, new: RRset | None) -> list[str]:
    at = old or new
    assert at is not None
    return list(patch.write([RRsetDelta(at.owner, at.rdtype, old, new)]))


def read(*text: str) -> list[RRsetEdit]:
    return patch.read("\n".join(text).encode(), ZONE, "change.diff")


def apply_edits(todo: Sequence[RRsetEdit], zone: Zone) -> dict[tuple[Name, int], RRset]:
    """Return the zone after ``todo``."""
    present: dict[Name, dict[int, RRset]] = {edits.get_owner(edit): {} for edit in todo}
    for (owner, rdtype), value in zone.items():
        if owner in present:
            present[owner][rdtype] = value
    changes: Changes = edits.apply(todo, present, ZONE)
    after = {**zone, **changes}
    return {key: value for key, value in after.items() if value is not None}


def test_only_the_records_that_differ_are_written() -> None:
    assert lines(ONE, TWO) == ["+ www.foo.com. 300 IN A 192.0.2.2"]
    assert lines(TWO, None) == [
        "- www.foo.com. 300 IN A 192.0.2.1",
        "- www.foo.com. 300 IN A 192.0.2.2",
    ]


def test_a_new_ttl_is_a_change_of_every_record() -> None:
    later = records(WWW, rrtypes.A, "192.0.2.1", ttl=600)
    assert lines(ONE, later) == [
        "- www.foo.com. 300 IN A 192.0.2.1",
        "+ www.foo.com. 600 IN A 192.0.2.1",
    ]


def test_a_line_becomes_an_edit_with_its_position() -> None:
    found = read(
        "diff foo.com. 0123..4567",
        "# why",
        "",
        "- www.foo.com. 300 IN A 192.0.2.1",
        "+ www.foo.com. 300 IN A 192.0.2.2",
    )
    assert found == [
        Remove(WWW, rrtypes.A, ONE.rdatas, 300, where="change.diff:4"),
        Add(records(WWW, rrtypes.A, "192.0.2.2"), where="change.diff:5"),
    ]


def test_soas_that_differ_only_in_the_serial_are_not_an_edit() -> None:
    assert read(*lines(SOA, with_serial(SOA, 2))) == []


def test_an_added_soa_is_set_for_any_removed_one() -> None:
    other = records(ZONE, rrtypes.SOA, "ns2 admin 2 7200 3600 1209600 300")
    assert read(*lines(SOA, other)) == [Set(other, where="change.diff:2")]


def test_a_removed_soa_cannot_be_applied() -> None:
    (edit,) = read(*lines(SOA, None))
    assert edit == Delete(ZONE, rrtypes.SOA, where="change.diff:1")
    with pytest.raises(Invalid, match=r"^change.diff:1: .* no SOA"):
        apply_edits([edit], {(ZONE, rrtypes.SOA): SOA})


def test_a_missing_record_is_an_error_with_the_line() -> None:
    todo = read("+ a 300 IN A 192.0.2.9", "- www 300 IN A 192.0.2.2")
    with pytest.raises(NotFound, match=r"^change.diff:2: www.foo.com. A has no record 192.0.2.2"):
        apply_edits(todo, {(WWW, rrtypes.A): ONE})


def test_a_record_with_another_ttl_counts_as_missing() -> None:
    todo = read("- www.foo.com. 600 IN A 192.0.2.1")
    with pytest.raises(NotFound, match=r"^change.diff:1: .* no record with TTL 600"):
        apply_edits(todo, {(WWW, rrtypes.A): ONE})


def test_a_violated_rule_of_dns_is_an_error_with_the_line() -> None:
    todo = read("+ a 300 IN A 192.0.2.9", "+ www 300 IN CNAME a")
    with pytest.raises(Invalid, match=r"^change.diff:2: .*CNAME and other data"):
        apply_edits(todo, {(WWW, rrtypes.A): ONE})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("www 300 IN A 192.0.2.1", "invalid line of a diff"),
        ("+www 300 IN A 192.0.2.1", "invalid line of a diff"),
        ("different", "invalid line of a diff"),
        ('"+" www 300 IN A 192.0.2.1', "invalid line of a diff"),
        ("+ www 300 CH A 192.0.2.1", "invalid line of a diff"),
        ("+ www 300 IN", "invalid line of a diff"),
        ("+ www soon IN A 192.0.2.1", "not a TTL"),
        ("+ www 300 IN NOPE 192.0.2.1", "not a record type"),
        ("+ www 300 IN A 192.0.2.256", "not RDATA of type A"),
        ("+ www 300 IN A", "not RDATA of type A"),
        ("+ www 300 IN TXT ( x", "parenthesis"),
        ('+ www 300 IN TXT "x', "quoted string"),
        ("+ www.elsewhere. 300 IN A 192.0.2.1", "not within"),
        ("+ a..b 300 IN A 192.0.2.1", "not a domain name"),
        ("+ foo.com. 300 IN SOA ns1 a 1 2 3 4 5\n+ @ 1 IN SOA ns1 a 1 2 3 4 5", "a second"),
    ],
)
def test_an_invalid_diff_is_refused_with_file_and_line(line: str, reason: str) -> None:
    with pytest.raises(Invalid, match=rf"^change.diff:\d: .*{reason}"):
        read(line)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("# why\n\n+ www 300 IN A 192.0.2.1\n", True),
        ("diff foo.com. a..b\n", True),
        ("set www A 300 192.0.2.1\n- www\n", False),
        ("# nothing\n", False),
        ("different\n+ www 300 IN A 192.0.2.1\n", False),
        ("\x0b\n", False),
        ("", False),
    ],
)
def test_the_first_significant_line_identifies_a_diff(text: str, is_one: bool) -> None:
    assert patch.is_patch(text.encode()) is is_one


@given(st.binary() | st.text('+- @a.\\"();IN3\n').map(str.encode))
def test_arbitrary_octets_raise_only_invalid(octets: bytes) -> None:
    assert patch.is_patch(octets) in (True, False)
    with suppress(Invalid):
        patch.read(octets, ZONE, "change.diff")


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """Draw zones of few names, so that two of them share names.

    They have no aliases, which exclude other data, and no DS, which is not permitted at the apex.
    """
    owners = st.sampled_from([WWW, names.parse("a.foo.com."), names.parse(r"\@\.b.foo.com.")])
    drawn = draw(st.lists(strategies.rrsets(owners | strategies.owners), max_size=6))
    found = {
        (value.owner, value.rdtype): value
        for value in drawn
        if isinstance(value, RRset) and value.rdtype not in (rrtypes.CNAME, rrtypes.SOA, rrtypes.DS)
    }
    return {**found, (ZONE, rrtypes.SOA): SOA}


@given(zones(), zones())
def test_the_diff_of_two_zones_applied_to_one_gives_the_other(old: Zone, new: Zone) -> None:
    deltas = [
        RRsetDelta(owner, rdtype, old.get((owner, rdtype)), new.get((owner, rdtype)))
        for owner, rdtype in sorted(old.keys() | new.keys())
        if old.get((owner, rdtype)) != new.get((owner, rdtype))
    ]
    text = "\n".join(["diff foo.com. a..b", *patch.write(deltas)])
    todo = patch.read(text.encode(), ZONE, "change.diff")
    assert apply_edits(todo, old) == new
    assert sum(sum(patch.count_records(delta)) for delta in deltas) == len(todo)


def test_a_file_and_its_lines_have_bounds() -> None:
    with pytest.raises(Invalid, match=r"^\S+:1: a line of more"):
        patch.read(b"+ t 300 IN TXT a" * lexer.MAX_ENTRY, ZONE, "change.diff")
    with pytest.raises(Invalid, match="more than"):
        patch.read(bytes(patch.MAX_OCTETS + 1), ZONE, "change.diff")
