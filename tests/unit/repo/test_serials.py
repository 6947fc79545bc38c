"""The serial rules of docs/object-model.md (RFC 1982)."""

from zonegit.repo.commit.serials import choose_soa
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, parse_soa, rdata_from_text, rrset
from zonegit.zone.serial import is_later

ZONE = names.parse("foo.com.")


def soa_rrset(serial: int, refresh: int = 7200) -> RRset:
    rdata = rdata_from_text(rrtypes.SOA, f"ns1 admin {serial} {refresh} 3600 1209600 300", ZONE)
    return rrset(ZONE, rrtypes.SOA, 300, [rdata])


def serial_of(value: RRset | None) -> int:
    assert value is not None
    return parse_soa(value).serial


def test_an_edit_takes_the_serial_after_the_tips() -> None:
    assert serial_of(choose_soa(soa_rrset(7), None, 7, True)) == 8


def test_an_edit_that_changes_nothing_commits_nothing() -> None:
    assert choose_soa(soa_rrset(7), None, 7, False) is None


def test_the_serial_wraps_around_as_in_rfc_1982() -> None:
    last = (1 << 32) - 1
    following = serial_of(choose_soa(soa_rrset(last), None, last, True))
    assert following == 0
    assert is_later(following, last)


def test_an_edit_on_a_branch_forced_back_has_a_serial_later_than_all_served() -> None:
    assert serial_of(choose_soa(soa_rrset(7), None, 12, True)) == 13


def test_an_import_keeps_a_later_serial_of_the_file() -> None:
    assert serial_of(choose_soa(soa_rrset(7), soa_rrset(2018012900), 7, True)) == 2018012900


def test_an_import_with_an_older_serial_increments_that_of_the_tip() -> None:
    assert serial_of(choose_soa(soa_rrset(7), soa_rrset(3), 7, True)) == 8


def test_an_import_that_changes_another_field_of_the_soa_is_a_change() -> None:
    changed = choose_soa(soa_rrset(7), soa_rrset(7, refresh=900), 7, False)
    assert changed is not None
    assert (parse_soa(changed).serial, parse_soa(changed).refresh) == (8, 900)


def test_an_import_of_an_equal_file_commits_nothing() -> None:
    assert choose_soa(soa_rrset(7), soa_rrset(7), 7, False) is None
    assert choose_soa(soa_rrset(7), soa_rrset(5), 7, False) is None


def test_a_later_serial_is_a_change() -> None:
    assert serial_of(choose_soa(soa_rrset(7), soa_rrset(9), 7, False)) == 9


def test_the_first_commit_keeps_the_soa() -> None:
    assert serial_of(choose_soa(None, soa_rrset(0), None, True)) == 0
    assert choose_soa(None, None, None, True) is None
