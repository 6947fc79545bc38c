"""Records as arguments."""

from collections.abc import Sequence

import pytest

from zonegit.errors import Invalid
from zonegit.repo.commit.edits import Add, Set
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rdata_to_text
from zonegit.zonefile.typed_records import split_words
from zonegit_cli.parse.records import parse_add, parse_remove, parse_set

ZONE = names.parse("foo.com.")


def parse_rdatas(zone: names.Name, rdtype: str, words: Sequence[str]) -> list[bytes]:
    return list(parse_remove(zone, "@", rdtype, words).rdatas)


def typed(*words: str, ttl: int | None = None) -> Set:
    return parse_set(ZONE, "www", split_words(words), ttl)


def texts(rdtype: str, *words: str) -> list[str]:
    number = rrtypes.from_text(rdtype)
    return [rdata_to_text(number, rdata) for rdata in parse_rdatas(ZONE, rdtype, words)]


def test_each_address_is_a_record() -> None:
    assert texts("A", "192.0.2.1", "192.0.2.2") == ["192.0.2.1", "192.0.2.2"]


def test_words_that_are_not_records_are_the_fields_of_one() -> None:
    assert texts("MX", "10", "mail") == ["10 mail.foo.com."]


def test_each_quoted_word_is_a_record() -> None:
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
def test_malformed_rdata_is_refused(rdtype: str, words: list[str]) -> None:
    with pytest.raises(Invalid):
        parse_rdatas(ZONE, rdtype, words)


def test_names_are_relative_to_the_zone() -> None:
    made = typed("A", "1h30m", "192.0.2.1").rrset
    assert (names.text(made.owner), made.ttl) == ("www.foo.com.", 5400)
    assert parse_set(ZONE, "@", split_words(["A", "192.0.2.1"])).rrset.owner == ZONE


@pytest.mark.parametrize(
    ("words", "ttl", "count"),
    [
        (["A", "300", "192.0.2.1"], 300, 1),
        (["300", "A", "192.0.2.1"], 300, 1),
        (["1h", "MX", "10", "mail"], 3600, 1),
        (["A", "192.0.2.1", "192.0.2.2"], None, 2),
        (["TXT", "5", "6"], 5, 1),
        (["TXT", "v=spf1 -all"], None, 1),
        (["SOA", "a", "b", "1", "2", "3", "4", "5"], None, 1),
        (["X25", "311061700956"], None, 1),
        (["MX", "10", "20", "mail"], 10, 1),
    ],
)
def test_a_ttl_is_before_or_after_the_type_or_missing(
    words: list[str], ttl: int | None, count: int
) -> None:
    made = typed(*words)
    assert (made.ttl == "stated") == (ttl is not None)
    assert len(made.rrset.rdatas) == count
    if ttl is not None:
        assert made.rrset.ttl == ttl


def test_a_configured_ttl_is_for_new_rrsets_without_one() -> None:
    made = typed("A", "192.0.2.1", ttl=60)
    assert (made.ttl, made.rrset.ttl) == ("configured", 60)
    assert typed("A", "300", "192.0.2.1", ttl=60).rrset.ttl == 300
    assert parse_add(ZONE, "www", split_words(["A", "192.0.2.1"]), 60) == Add(made.rrset, made.ttl)


@pytest.mark.parametrize(
    ("words", "ttl", "rdata"),
    [
        (["MX", "10", "mail"], "10", "MX TTL 10 mail"),
        (["TXT", "300"], "300", "TXT TTL 300"),
        (["CAA", "0", "issue", "ca; x"], "0", "CAA TTL 0 issue 'ca; x'"),
        (["SRV", "0", "0", "1", "x"], "0", "SRV TTL 0 0 1 x"),
    ],
)
def test_an_error_shows_both_readings_of_a_number(words: list[str], ttl: str, rdata: str) -> None:
    with pytest.raises(Invalid) as refused:
        typed(*words)
    assert refused.value.message.startswith(f"read with {ttl} as the TTL: ")
    assert refused.value.hint is not None
    assert refused.value.hint.endswith(rdata)


def test_an_error_unrelated_to_the_ttl_does_not_mention_it() -> None:
    with pytest.raises(Invalid, match=r"^'192.0.2.300' is not RDATA of type A"):
        typed("A", "300", "192.0.2.300")


@pytest.mark.parametrize("rdtype", ["ALIAS", "aname"])
def test_a_type_of_products_is_refused_with_the_standard_one(rdtype: str) -> None:
    with pytest.raises(Invalid) as refused:
        typed(rdtype, "300", "x")
    assert refused.value.hint is not None
    assert "CNAME" in refused.value.hint
    assert "HTTPS" in refused.value.hint
