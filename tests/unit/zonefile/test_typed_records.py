"""The arguments of a command as records, with one rule for every type."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.strategies import plain, rdatas_of

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rdata_to_text
from zonegit.zonefile.typed_records import find_notes, parse_rdatas

ZONE = names.parse("foo.com.")
TXT, SPF = rrtypes.TXT, rrtypes.NUMBERS["SPF"]
DIGEST = "0123456789abcdef" * 4
TYPES = sorted(rrtypes.MNEMONICS)


def read(rdtype: str, *arguments: str) -> list[bytes]:
    return parse_rdatas(rrtypes.from_text(rdtype), arguments, ZONE)


def texts(rdtype: str, *arguments: str) -> list[str]:
    number = rrtypes.from_text(rdtype)
    return [rdata_to_text(number, rdata) for rdata in read(rdtype, *arguments)]


def refusal(rdtype: str, *arguments: str) -> str:
    with pytest.raises(Invalid) as refused:
        read(rdtype, *arguments)
    return refused.value.message


drawn_rdatas = st.sampled_from(TYPES).flatmap(
    lambda rdtype: st.tuples(st.just(rdtype), rdatas_of(rdtype))
)


@given(drawn_rdatas)
def test_exported_rdata_as_one_argument_have_the_same_octets(
    drawn: tuple[int, bytes],
) -> None:
    rdtype, octets = drawn
    assert parse_rdatas(rdtype, [rdata_to_text(rdtype, octets)], ZONE) == [octets]


@pytest.mark.parametrize("rdtype", TYPES, ids=rrtypes.to_text)
def test_every_type_has_a_sample_that_can_be_parsed(rdtype: int) -> None:
    octets = plain(rdtype)
    assert parse_rdatas(rdtype, [rdata_to_text(rdtype, octets)], ZONE) == [octets]


@given(drawn_rdatas)
def test_generic_rdata_gives_the_same_octets_in_one_argument_and_in_several(
    drawn: tuple[int, bytes],
) -> None:
    rdtype, octets = drawn
    text = f"\\# {len(octets)} {octets.hex()}".rstrip()
    assert parse_rdatas(rdtype, [text], ZONE) == [octets]
    assert parse_rdatas(rdtype, text.split(" "), ZONE) == [octets]


@given(st.lists(st.binary(max_size=600), min_size=1, max_size=3))
def test_an_argument_of_txt_is_its_own_octets(arguments: list[bytes]) -> None:
    found = parse_rdatas(TXT, [f"x{os.fsdecode(each)}x" for each in arguments], ZONE)
    assert [_joined(rdata) for rdata in found] == [b"x%bx" % each for each in arguments]


def _joined(rdata: bytes) -> bytes:
    pieces = []
    while rdata:
        pieces.append(rdata[1 : 1 + rdata[0]])
        rdata = rdata[1 + rdata[0] :]
    return b"".join(pieces)


@pytest.mark.parametrize(
    "text", ['say "hi" twice', '"open', r"a\"b", "a ; b", "\\#", r"\# heading"]
)
@pytest.mark.parametrize("rdtype", ["TXT", "SPF", "TYPE16", "TYPE99"])
def test_text_with_any_characters_is_literal(rdtype: str, text: str) -> None:
    assert [_joined(rdata) for rdata in read(rdtype, text)] == [text.encode()]


def test_an_argument_of_txt_that_is_quoted_strings_is_those_strings() -> None:
    assert read("TXT", '"one" "t\\"wo"', ' "\\255;" ') == [b'\3one\4t"wo', b"\2\xff;"]


def test_an_empty_argument_of_txt_is_an_empty_string() -> None:
    assert read("TXT", "") == [b"\0"]


def test_long_text_is_cut_into_strings_of_255_octets() -> None:
    (rdata,) = read("TXT", "x" * 300)
    assert (rdata[0], rdata[256], len(rdata)) == (255, 45, 302)


def test_text_too_long_for_rdata_is_refused() -> None:
    assert "more than 65535" in refusal("TXT", "x" * 65_500)


@pytest.mark.parametrize(
    ("rdtype", "arguments", "text"),
    [
        ("CAA", ["0", "issue", "ca.example; accounturi=https://ca/1"], None),
        ("CAA", ["0", "issue", 'a"b'], '0 issue "a\\"b"'),
        ("CAA", ["0", "issue", '"ca; x"'], '0 issue "ca; x"'),
        ("URI", ["1", "2", "ftp://a/b;c d"], '1 2 "ftp://a/b;c d"'),
        ("NAPTR", ["1", "2", "u", "E2U+sip", r"!^(.*)$!sip:\1@x!", "."], None),
        ("HINFO", ["", "Linux 6"], '"" "Linux 6"'),
        ("HINFO", ["é", "b\\"], '"\\195\\169" "b\\\\"'),
        ("RESINFO", ["qnamemin", "infourl=https://a/;b"], '"qnamemin" "infourl=https://a/;b"'),
        ("SVCB", ["1", ".", 'key65=a"b; c'], '1 . key65="a\\"b; c"'),
        ("HTTPS", ["1", ".", 'alpn="h2,h3"', "no-default-alpn"], None),
        ("HTTPS", ["1", ".", "alpn=h2,h3", "ipv4hint=192.0.2.1,192.0.2.2"], None),
        ("SVCB", ["1", ".", r"alpn=f\,oo,bar"], r'1 . alpn="f\\,oo,bar"'),
        ("GPOS", ["-32.6", "116.8", "10.0"], "-32.6 116.8 10.0"),
    ],
)
def test_a_character_string_that_is_an_argument_is_literal(
    rdtype: str, arguments: list[str], text: str | None
) -> None:
    (found,) = texts(rdtype, *arguments)
    if text is not None:
        assert found == text


def test_backslashes_of_a_literal_regexp_are_kept() -> None:
    (rdata,) = read("NAPTR", "1", "2", "u", "E2U+sip", r"!^(.*)$!sip:\1@x!", ".")
    assert rb"!^(.*)$!sip:\1@x!" in rdata


@pytest.mark.parametrize(
    ("rdtype", "arguments"),
    [
        ("DS", ["1", "8", "2", DIGEST[:10], DIGEST[10:]]),
        ("CDS", ["1", "8", "2", *re.findall("....", DIGEST)]),
        ("TLSA", ["3", "1", "1", DIGEST[:10], DIGEST[10:]]),
        ("SMIMEA", ["3", "1", "1", DIGEST[:10], DIGEST[10:]]),
        ("SSHFP", ["4", "2", DIGEST[:10], DIGEST[10:]]),
        ("DNSKEY", ["257", "3", "13", "AAAA", "BBBB"]),
        ("CERT", ["1", "2", "3", "AAAA", "BBBB"]),
        ("DHCID", ["AAAA", "BBBB"]),
        ("OPENPGPKEY", ["AAAA", "BBBB"]),
        ("ZONEMD", ["1", "1", "1", DIGEST, DIGEST[:32]]),
    ],
)
def test_a_last_field_of_base64_or_hex_takes_several_arguments(
    rdtype: str, arguments: list[str]
) -> None:
    assert read(rdtype, *arguments) == read(rdtype, " ".join(arguments))


@pytest.mark.parametrize(
    ("rdtype", "arguments"),
    [
        ("NSEC", ["a.", "A", "MX", "RRSIG"]),
        ("CSYNC", ["66", "3", "A", "NS"]),
        ("APL", ["1:192.0.2.0/24", "!1:192.0.2.64/28"]),
        ("HIP", ["2", "2001", "AAAA", "a.", "b."]),
    ],
)
def test_a_field_that_repeats_takes_one_argument_each(rdtype: str, arguments: list[str]) -> None:
    assert read(rdtype, *arguments) == read(rdtype, " ".join(arguments))


@pytest.mark.parametrize("rdtype", ["A", "CAA", "MX", "HINFO", "URI", "SVCB", "TYPE65400"])
@pytest.mark.parametrize("end", ["; x", " ;", "\nx", "\r", "\r\n", "\0", ' "', ")", " (", "\\"])
def test_an_argument_that_would_be_cut_from_rdata_is_an_error(rdtype: str, end: str) -> None:
    right = {
        "A": "192.0.2.1",
        "CAA": "0 issue ca",
        "MX": "10 a",
        "HINFO": "a b",
        "URI": "1 2 x",
        "SVCB": "1 .",
        "TYPE65400": r"\# 1 00",
    }[rdtype]
    assert read(rdtype, right)
    message = refusal(rdtype, right + end)
    assert message.startswith(f"{right + end!r} is not RDATA of type {rdtype}: ")
    if rdtype != "HINFO":  # Two of its arguments are two strings with any content.
        assert repr(right + end) in refusal(rdtype, right, right + end)


def test_matching_parentheses_group_as_in_a_file() -> None:
    assert texts("SOA", "a b ( 1 2 3 4 5 )") == ["a.foo.com. b.foo.com. 1 2 3 4 5"]


def test_more_than_one_record_in_an_argument_is_an_error() -> None:
    assert "'192.0.2.1 192.0.2.2' is not RDATA" in refusal("A", "192.0.2.1 192.0.2.2")


def test_the_only_invalid_record_among_arguments_is_named() -> None:
    assert refusal("A", "192.0.2.1", "192.0.2.300").startswith(
        "argument 2 is not a record by itself: '192.0.2.300' is not RDATA of type A: an IPv4"
    )


def test_an_invalid_field_is_named() -> None:
    assert refusal("MX", "10", "a", "b").startswith(
        "the 3 arguments are not one MX record: 'b' is one field too many"
    )
    assert "not one A record: at 'x': an IPv4 address is expected" in refusal("A", "x", "y")
    assert "record: '-1' is" in refusal("SRV", "0", "0", "-1", "a")


@pytest.mark.parametrize("argument", ['"a', '"a" b', '"a""b"'])
def test_a_string_that_begins_with_a_quote_is_one_quoted_string(argument: str) -> None:
    assert repr(argument) in refusal("CAA", "0", "issue", argument)


@pytest.mark.parametrize(
    ("rdtype", "argument"),
    [("A", r"\# 4 0a0000"), ("A", r"\# 3 0a0000"), ("TXT", r"\# 2 zz"), ("TXT", r"\# 1 05")],
)
def test_generic_rdata_with_a_wrong_length_or_content_is_refused(
    rdtype: str, argument: str
) -> None:
    assert repr(argument) in refusal(rdtype, argument)


def test_unknown_types_take_generic_rdata_alone() -> None:
    assert read("TYPE65400", "\\# 4 0a000001") == [bytes((10, 0, 0, 1))]
    assert read("TYPE65400", "\\#", "4", "0a00", "0001") == [bytes((10, 0, 0, 1))]
    assert read("TYPE65400", "\\# 1 00", "\\# 1 01") == [b"\0", b"\1"]
    refusal("TYPE65400", "0a000001")


def test_no_argument_is_an_error() -> None:
    refusal("A")


@pytest.mark.parametrize("rdtype", [TXT, SPF])
def test_several_texts_are_noted_as_several_records(rdtype: int) -> None:
    (note,) = find_notes(rdtype, ["v=spf1", "-all"])
    assert (note.rule, note.severity, note.rdtype) == ("txt-arguments-are-records", "note", rdtype)
    assert note.message.startswith("2 arguments are 2 ")


@pytest.mark.parametrize(
    "arguments", [["one text"], ['"a"', '"b" "c"'], ["\\#", "1", "00"], ["\\# 1 00", "\\# 1 00"]]
)
def test_unambiguous_arguments_cause_no_note(arguments: list[str]) -> None:
    assert find_notes(TXT, arguments) == []
    assert find_notes(rrtypes.A, ["192.0.2.1", "192.0.2.2"]) == []
