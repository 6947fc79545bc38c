"""Records as words of a shell."""

import pytest

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rdata_to_text
from zonegit_cli.typed.records import parse_rdatas, parse_rrset

ZONE = names.parse("foo.com.")


def texts(rdtype: str, *words: str) -> list[str]:
    number = rrtypes.from_text(rdtype)
    return [rdata_to_text(number, rdata) for rdata in parse_rdatas(ZONE, rdtype, words)]


def test_each_address_is_a_record() -> None:
    assert texts("A", "192.0.2.1", "192.0.2.2") == ["192.0.2.1", "192.0.2.2"]


def test_words_that_are_no_records_by_themselves_are_one_together() -> None:
    assert texts("MX", "10", "mail") == ["10 mail.foo.com."]


def test_quoted_words_are_a_record_each() -> None:
    assert texts("mx", "10 mail", "20 mail2.example.") == ["10 mail.foo.com.", "20 mail2.example."]


def test_text_needs_no_quotes_of_its_own() -> None:
    assert texts("TXT", "v=spf1 -all") == ['"v=spf1 -all"']


def test_each_argument_of_txt_is_a_record() -> None:
    assert texts("TXT", "v=spf1", "-all") == ['"v=spf1"', '"-all"']


def test_text_with_quotes_is_as_in_a_master_file() -> None:
    assert texts("TXT", '"one" "two"', '"three"') == ['"one" "two"', '"three"']


def test_long_text_is_cut_into_strings_of_255_octets() -> None:
    (rdata,) = parse_rdatas(ZONE, "TXT", ["x" * 300])
    assert (rdata[0], rdata[256], len(rdata)) == (255, 45, 302)


def test_text_outside_ascii_is_utf_8() -> None:
    (rdata,) = parse_rdatas(ZONE, "TXT", ["é"])
    assert rdata == b"\x02\xc3\xa9"


def test_unknown_types_take_rfc_3597_data() -> None:
    assert parse_rdatas(ZONE, "TYPE65400", ["\\# 4 0a000001"]) == [bytes((10, 0, 0, 1))]
    assert parse_rdatas(ZONE, "TYPE65400", ["\\#", "4", "0a000001"]) == [bytes((10, 0, 0, 1))]


@pytest.mark.parametrize(
    ("rdtype", "words"), [("A", ["192.0.2.300"]), ("MX", ["mail"]), ("NOPE", ["x"]), ("ANY", ["x"])]
)
def test_bad_words_are_refused(rdtype: str, words: list[str]) -> None:
    with pytest.raises(Invalid):
        parse_rdatas(ZONE, rdtype, words)


def test_names_are_relative_to_the_zone() -> None:
    made = parse_rrset(ZONE, "www", "A", "1h30m", ["192.0.2.1"])
    assert (names.text(made.owner), made.ttl) == ("www.foo.com.", 5400)
    assert parse_rrset(ZONE, "@", "A", "60", ["192.0.2.1"]).owner == ZONE
