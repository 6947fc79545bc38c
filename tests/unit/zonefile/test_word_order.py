"""TTL, class and type are accepted in the order of zonegit and in that of master files."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zonefile import fields
from zonegit.zonefile.typed_records import parse_rdatas, parse_typed, split_words

ZONE = names.parse("foo.com.")

_TTLS = st.sampled_from(["0", "300", "1h", "1h30m", "2147483647"])
_CLASSES = st.sampled_from(["IN", "in", "CLASS1"])
_RECORDS = st.sampled_from(
    [
        ("A", ["192.0.2.1"]),
        ("A", ["192.0.2.1", "192.0.2.2"]),
        ("MX", ["10", "mail"]),
        ("MX", ["10 mail", "20 mail2"]),
        ("SRV", ["0", "5", "5060", "sip"]),
        ("TXT", ["300"]),
        ("TXT", ["300", "IN", "A"]),
        ("CNAME", ["in"]),
        ("CNAME", ["300"]),
    ]
)


@given(_TTLS, _CLASSES, _RECORDS, st.data())
def test_each_order_with_a_ttl_before_the_type_means_the_same(
    ttl: str, rdclass: str, record: tuple[str, list[str]], data: st.DataObject
) -> None:
    rdtype, rdata = record
    heads = [[ttl], *map(list, permutations([ttl, rdclass]))]
    typed = split_words([*data.draw(st.sampled_from(heads)), rdtype, *rdata])
    assert (typed.rdtype, typed.ttl) == (rrtypes.from_text(rdtype), fields.parse_ttl(ttl))
    assert parse_typed(typed, ZONE) == parse_rdatas(typed.rdtype, rdata, ZONE)
    after = split_words([rdtype, ttl, *rdata])
    assert (after.rdtype, after.ttl) == (typed.rdtype, typed.ttl)
    assert parse_typed(after, ZONE) == parse_typed(typed, ZONE)


@given(_CLASSES, _RECORDS, st.none() | _TTLS)
def test_a_word_after_class_and_type_is_read_in_one_way_or_refused(
    rdclass: str, record: tuple[str, list[str]], ttl: str | None
) -> None:
    rdtype, rdata = record
    number = rrtypes.from_text(rdtype)
    written = [*([ttl] if ttl else []), *rdata]
    readings = [(None, written)]
    if fields.is_ttl(written[0]):
        readings.append((fields.parse_ttl(written[0]), written[1:]))
    valid = [(seconds, rest) for seconds, rest in readings if _is_rdata(number, rest)]
    if len(valid) > 1:
        with pytest.raises(Invalid, match="can be the TTL or RDATA"):
            split_words([rdclass, rdtype, *written])
        return
    typed = split_words([rdclass, rdtype, *written])
    assert [(typed.ttl, list(typed.arguments))] == valid


def test_an_ambiguous_word_shows_both_readings() -> None:
    with pytest.raises(Invalid) as raised:
        split_words(["IN", "TXT", "300", "a b"])
    assert raised.value.hint == (
        "as the TTL: 300 IN TXT 'a b'; as RDATA, with a TTL before it: TTL IN TXT 300 'a b'"
    )


@pytest.mark.parametrize("words", [["IN"], ["300"], ["300", "IN"], ["IN", "300"], []])
def test_a_type_is_required(words: list[str]) -> None:
    with pytest.raises(Invalid, match="expected a record type"):
        split_words(words)


@pytest.mark.parametrize("words", [["CH", "A", "192.0.2.1"], ["300", "CLASS3", "A", "192.0.2.1"]])
def test_a_class_other_than_in_is_refused(words: list[str]) -> None:
    with pytest.raises(Invalid, match="is not served, only IN"):
        split_words(words)


@pytest.mark.parametrize("words", [["300", "600", "A", "x"], ["IN", "IN", "A", "x"], ["", "A"]])
def test_a_repeated_or_empty_word_is_not_a_type(words: list[str]) -> None:
    with pytest.raises(Invalid, match="is not a record type"):
        split_words(words)


def _is_rdata(rdtype: int, words: list[str]) -> bool:
    try:
        parse_rdatas(rdtype, words, ZONE)
    except Invalid:
        return False
    return True
