"""RDATA of every type: from text to octets and back, and from octets to text and back."""

import dns.exception
import dns.rdata
import dns.rdataclass
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.support import wire
from tests.support.presentation import SAMPLES

from zonegit.errors import Invalid
from zonegit.zone import lexer, names, rdata, rrtypes
from zonegit.zone.lexer import Quoted, Words
from zonegit.zone.names import ROOT
from zonegit.zone.rrset import rdata_from_text, rdata_from_tokens, rdata_to_text
from zonegit.zone.rrtypes import NUMBERS
from zonegit.zonefile import writer

LOC = NUMBERS["LOC"]
TYPES_WITH_TEXT = sorted(set(NUMBERS.values()) - rdata.NO_TEXT)


def every_type(*mnemonics: str):
    return pytest.mark.parametrize("mnemonic", mnemonics or sorted(wire.STRATEGIES))


def refused(mnemonic: str, text: str) -> str:
    with pytest.raises(Invalid) as caught:
        rdata_from_text(NUMBERS[mnemonic], text)
    return str(caught.value)


def test_every_type_of_the_registry_is_read_or_has_no_presentation_format():
    without = {rrtypes.MNEMONICS[rdtype] for rdtype in rdata.NO_TEXT}
    assert SAMPLES.keys() == wire.STRATEGIES.keys() == NUMBERS.keys() - without
    assert without == {"NULL", "UINFO", "UID", "GID", "UNSPEC"}


@pytest.mark.parametrize(
    ("mnemonic", "text", "printed"),
    [(mnemonic, *sample) for mnemonic, samples in SAMPLES.items() for sample in samples],
)
def test_text_becomes_octets_and_the_same_text(mnemonic: str, text: str, printed: str | None):
    octets = rdata_from_text(NUMBERS[mnemonic], text)
    assert rdata_to_text(NUMBERS[mnemonic], octets) == (printed or text)
    assert rdata_from_text(NUMBERS[mnemonic], printed or text) == octets


@every_type()
@settings(max_examples=40, derandomize=True)
@given(data=st.data())
def test_octets_become_text_and_the_same_octets(mnemonic: str, data: st.DataObject):
    rdtype = NUMBERS[mnemonic]
    octets = data.draw(wire.STRATEGIES[mnemonic])
    text = rdata_to_text(rdtype, octets)
    assert not text.startswith("\\#")
    assert text.isascii()
    assert text.isprintable()
    assert rdata_from_text(rdtype, text) == octets


@pytest.mark.parametrize("rdtype", [*sorted(rrtypes.MNEMONICS), 65_400])
@settings(max_examples=40, derandomize=True)
@given(data=st.data())
def test_any_stored_octets_are_parsed_from_their_printed_text(rdtype: int, data: st.DataObject):
    """A diff shows them, and a plan may remove them; in new content they must be well formed."""
    known = wire.STRATEGIES.get(rrtypes.to_text(rdtype), st.binary())
    octets = data.draw(st.binary(max_size=60) | known)
    octets = octets[: data.draw(st.integers(0, len(octets)))]
    words = lexer.split(rdata_to_text(rdtype, octets))
    assert writer.rdata_from_words(rdtype, words, ROOT) == octets
    try:
        rdata.check(rdtype, octets)
    except rdata.MalformedRdata:
        assert words[0] == "\\#"
    else:
        assert rdata_from_tokens(rdtype, Words(words), ROOT) == octets


WORDS = st.text(max_size=12) | st.sampled_from(
    ["\\#", "0", "1", "-1", "A", "TYPE0", "TYPE65536", ".", "@", "a.", "\\", "\\256", "\\1", "-",
     "192.0.2.1", "::1", "0x00", "AA==", "AB==", "0g", "1h", "20300230000000", "1:0.0.0.0/0",
     "+1", "N", "E", "0.01m", "(", ";", "\u0663", "9" * 5_000, "a" * 300, "\ud800"]
)  # fmt: skip


@pytest.mark.parametrize("rdtype", [*sorted(rrtypes.MNEMONICS), 65_400])
@settings(max_examples=40, derandomize=True)
@given(st.lists(WORDS | WORDS.map(Quoted), max_size=9))
def test_any_words_are_rdata_or_refused(rdtype: int, words: list[str]):
    try:
        octets = rdata.read(rdtype, words, ROOT)
    except ValueError:
        return
    assert rdata_from_text(rdtype, rdata_to_text(rdtype, octets)) == octets


NOT_OF_DNSPYTHON = {
    "MD", "MF", "MB", "MG", "MR", "MINFO", "NXT", "A6", "EID", "NIMLOC", "ATMA", "SINK", "RKEY",
    "TALINK", "DOA", "TA", "CLA", "IPN",
}  # fmt: skip
ALTERED_BY_DNSPYTHON = {
    "LOC": "coordinates and altitudes go through a float",
    "ISDN": "an empty subaddress is lost",
}
REFUSED_BY_DNSPYTHON = {
    "IPSECKEY": "a key is required",
    "KEY": "a key is required",
    "NSEC": "types without a mnemonic of its own are refused, TA among them",
    "NSEC3": "likewise",
    "CSYNC": "likewise",
    "RRSIG": "likewise",
    "SIG": "likewise",
    "DSYNC": "likewise",
    "GPOS": "the first number is held to be the latitude",
}


@every_type(*sorted(wire.STRATEGIES.keys() - NOT_OF_DNSPYTHON - ALTERED_BY_DNSPYTHON.keys()))
@settings(max_examples=40, derandomize=True)
@given(data=st.data())
def test_dnspython_reads_the_same_octets_from_the_text(mnemonic: str, data: st.DataObject):
    rdtype = NUMBERS[mnemonic]
    octets = data.draw(wire.STRATEGIES[mnemonic])
    text = rdata_to_text(rdtype, octets)
    try:
        read = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, relativize=False)
    except (dns.exception.DNSException, ValueError):
        assert mnemonic in REFUSED_BY_DNSPYTHON
        return
    assert read.to_wire() == octets


@pytest.mark.parametrize("mnemonic", sorted(rrtypes.MNEMONICS[each] for each in rdata.NO_TEXT))
def test_a_type_without_presentation_format_is_written_in_generic_form(mnemonic: str):
    assert "no presentation format; write \\# LENGTH HEX" in refused(mnemonic, "1")
    assert rdata_from_text(NUMBERS[mnemonic], "\\# 2 0aFF") == b"\x0a\xff"
    assert rdata_to_text(NUMBERS[mnemonic], b"\x0a\xff") == "\\# 2 0aff"


@pytest.mark.parametrize("text", ["\\#", "\\# 1", "\\# 2 0a", "\\# 1 0", "\\# -1 0a", "\\# x 0a"])
def test_generic_rdata_has_as_many_octets_as_it_says(text: str):
    refused("NULL", text)


def test_a_quoted_mark_is_not_generic_rdata():
    assert rdata_from_text(rrtypes.TXT, '"\\\\#" "0"') == b"\2\\#\0010"
    assert rdata_to_text(rrtypes.TXT, b"\2\\#\0010") == '"\\\\#" "0"'


# LOC


def test_an_altitude_is_exact_to_the_centimetre():
    """RFC 1876 section 2."""
    for centimetres in range(10_000):
        text = f"52 14 05 N 00 08 50 E {centimetres // 100}.{centimetres % 100:02}m"
        octets = rdata_from_text(LOC, text)
        assert int.from_bytes(octets[12:], "big") == 10_000_000 + centimetres


def test_an_altitude_of_29_centimetres():
    assert rdata_from_text(LOC, "52 14 05 N 00 08 50 E 0.29m")[12:].hex() == "0098969d"


@given(st.integers(-324_000_000, 324_000_000), st.integers(-648_000_000, 648_000_000))
@example(1, -1)
@example(324_000_000, -648_000_000)
def test_a_position_is_exact_to_the_thousandth_of_a_second(latitude: int, longitude: int):
    octets = b"\0\x12\x16\x13" + b"".join(
        value.to_bytes(4, "big")
        for value in ((1 << 31) + latitude, (1 << 31) + longitude, 10_000_000)
    )
    assert rdata_from_text(LOC, rdata_to_text(LOC, octets)) == octets


@pytest.mark.parametrize(
    ("text", "size"),
    [("0m", 0x00), ("0.01m", 0x10), ("1", 0x12), ("1.5m", 0x12), ("15m", 0x13), ("90000000m", 0x99),
     (".5m", 0x51), ("9.m", 0x92)],
)  # fmt: skip
def test_a_size_keeps_its_first_digit_as_in_bind(text: str, size: int):
    """RFC 1876 section 2: one digit and a power of ten."""
    assert rdata_from_text(LOC, f"1 N 2 E 3m {text}")[1] == size


@pytest.mark.parametrize(
    "text",
    ["91 0 0 N 0 0 0 E 0m", "1 60 0 N 2 E 0m", "1 0 60 N 2 E 0m", "1 N 181 E 0m", "1 N 2 E 0.001m",
     "1 N 2 E", "1 N 2 E 1e3m", "1 N 2 E nan", "1 N 2 E 1m 1m 1m 1m 1m", "1 N 2 E 1m -1m",
     "1 N 2 E 1m 90000001m", "1 N 2 E 42849672.96m", "1 N 2 E -100000.01m", "N 2 E 1m", "1 2 E 1m",
     "1 0 0.0001 N 2 E 1m", "1 N 2 E m", "1 N 2 E .m", "1 N 2 E \u0663m", "1 0 0 0 N 2 E 1m"],
)  # fmt: skip
def test_a_position_without_a_representation_is_refused(text: str):
    refused("LOC", text)


# lists of types


@every_type("NSEC", "CSYNC", "NSEC3", "NXT")
def test_a_list_of_types_takes_every_mnemonic_of_the_registry(mnemonic: str):
    heads = {"NSEC": "a. ", "CSYNC": "1 1 ", "NSEC3": "1 0 0 - 00 ", "NXT": "a. "}
    most = 127 if mnemonic == "NXT" else 65_535
    wanted = [number for number in sorted(rrtypes.MNEMONICS) if number <= most]
    by_name = " ".join(map(rrtypes.to_text, wanted))
    by_number = " ".join(f"TYPE{number}" for number in wanted)
    octets = rdata_from_text(NUMBERS[mnemonic], heads[mnemonic] + by_name)
    assert rdata_from_text(NUMBERS[mnemonic], heads[mnemonic] + by_number) == octets
    assert rdata_to_text(NUMBERS[mnemonic], octets) == heads[mnemonic] + by_name


@every_type("RRSIG", "SIG")
def test_a_signature_covers_any_type(mnemonic: str):
    rest = "8 2 300 20300101000000 20200101000000 1 a. AAAA"
    for number, name in rrtypes.MNEMONICS.items():
        octets = rdata_from_text(NUMBERS[mnemonic], f"TYPE{number} {rest}")
        assert int.from_bytes(octets[:2], "big") == number
        assert rdata_to_text(NUMBERS[mnemonic], octets) == f"{name} {rest}"


def test_types_that_no_zone_holds_are_listed_by_number():
    octets = rdata_from_text(NUMBERS["NSEC"], "a. ANY NXNAME TYPE65535")
    assert rdata_to_text(NUMBERS["NSEC"], octets) == "a. TYPE128 TYPE255 TYPE65535"


@pytest.mark.parametrize("text", ["a. TYPE0", "a. TYPE65536", "a. NOSUCH", "a. A\u00e9"])
def test_a_type_that_does_not_exist_is_refused(text: str):
    refused("NSEC", text)


# text that readers drop or misinterpret


@pytest.mark.parametrize(
    ("mnemonic", "text"),
    [
        ("OPENPGPKEY", "AB=="),
        ("DNSKEY", "256 3 8 AAAA===="),
        ("DNSKEY", "256 3 8"),
        ("KEY", "0 3 8"),
        ("CERT", "PKIX 1 1"),
        ("NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojs1"),
        ("NSEC3PARAM", "1 0 0 " + "00" * 256),
        ("RRSIG", "A 8 2 300 20300230000000 20200101000000 1 a. AAAA"),
        ("RRSIG", "A 8 2 300 21070101000000 20200101000000 1 a. AAAA"),
        ("RRSIG", "A 8 2 300 203001010000 20200101000000 1 a. AAAA"),
        ("RRSIG", "A 8 256 300 1 1 1 a. AAAA"),
        ("DS", "1 8 2 ABCD"),
        ("DS", "1 8 0 ABCD"),
        ("TLSA", "3 1 1 ABCD"),
        ("SSHFP", "1 1 ABCD"),
        ("ZONEMD", "1 1 1 ABCD"),
        ("SOA", "a. b. 4294967296 1 1 1 1"),
        ("MX", '"10" a.'),
        ("MX", '10 "a."'),
        ("CAA", "0 is-sue a"),
        ("CAA", "256 issue a"),
        ("URI", '1 1 ""'),
        ("HINFO", "one"),
        ("EUI48", "00-00-5e-00-53"),
        ("EUI48", "000-0-5e-00-53-2a"),
        ("NID", "10 14:4fff:0"),
        ("APL", "1:192.0.2.0/33"),
        ("APL", "1:192.0.2.0"),
        ("A6", "64 1::1 a."),
        ("A6", "129 a."),
        ("ATMA", "+12a"),
        ("ATMA", "1..2"),
        ("NSAP", "47.0005"),
        ("WKS", "192.0.2.1 6 65536"),
        ("WKS", "192.0.2.1 6 nosuch"),
        ("IPSECKEY", "10 4 2 a. AQNR"),
        ("IPSECKEY", "10 0 2 a. AQNR"),
        ("AMTRELAY", "10 2 0 ."),
        ("HIP", "2 aa"),
        ("KEY", "ZONE|NOSUCH 3 8 AAAA"),
        ("A", "192.0.2.1 x"),
        ("TXT", "\\256"),
        ("TXT", "\\25"),
    ],
)
def test_text_that_would_be_altered_is_refused(mnemonic: str, text: str):
    refused(mnemonic, text)


@pytest.mark.parametrize(
    ("mnemonic", "text", "octets"),
    [
        ("ISDN", '"1" ""', b"\0011\0"),
        ("ISDN", '"1"', b"\0011"),
        ("IPSECKEY", "10 3 0 gw.", b"\x0a\3\0\2gw\0"),
        ("CAA", '0 issue "\\200"', b"\0\5issue\xc8"),
        ("URI", '1 1 "\\200"', b"\0\1\0\1\xc8"),
        ("RRSIG", "A 8 2 1h 1 2 3 . AAAA",
         b"\0\1\x08\2\0\0\x0e\x10\0\0\0\1\0\0\0\2\0\3\0\0\0\0"),
        ("RRSIG", "A 8 2 0 19691231235959 20380119031408 3 . AAAA",
         b"\0\1\x08\2\0\0\0\0\xff\xff\xff\xff\x80\0\0\0\0\3\0\0\0\0"),
        ("KEY", "ZONE|NOAUTH EMAIL RSASHA1 AAAA", b"\x81\0\2\5\0\0\0"),
        ("GPOS", "116.8652 -32.6882 +10", b"\x08116.8652\x08-32.6882\3+10"),
        ("MB", "Box", b"\3Box\3foo\3com\0"),
    ],
)  # fmt: skip
def test_text_that_dnspython_alters_or_refuses_is_read(mnemonic: str, text: str, octets: bytes):
    assert rdata_from_text(NUMBERS[mnemonic], text, names.parse("foo.com.")) == octets


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ("alpn=h2 novel=1", "'novel=1' is an unknown parameter; use keyNNN"),
        ("mandatory=novel", "'mandatory=novel' is an unknown parameter; use keyNNN"),
        ("port=1 ipv4hint=::1", "'ipv4hint=::1' is a parameter with an invalid value"),
        ("key1=a", "'key1=a' is a parameter with an invalid value"),
        ("port=x", "port is not an integer"),
    ],
)
def test_an_error_about_a_parameter_of_svcb_names_it(parameters: str, why: str) -> None:
    assert why in refused("SVCB", f"1 . {parameters}")
