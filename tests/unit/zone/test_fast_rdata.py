"""RDATA of the fast path equals that of the readers; other text is left to them."""

import dns.exception
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.zone import fast_rdata, lexer, names, rrset, rrtypes
from zonegit.zone.lexer import Glued, Quoted
from zonegit.zone.names import ROOT
from zonegit.zonefile import reader

APEX = names.parse("foo.com.")
TYPES = (rrtypes.A, rrtypes.AAAA, rrtypes.NS, rrtypes.CNAME, rrtypes.PTR, rrtypes.MX, rrtypes.TXT)
OTHERS = (rrtypes.SOA, rrtypes.DS, 65400)

PIECES = st.sampled_from(
    [".", "..", "@", "*", "\\", "\\.", "\\065", "-", "_", "/", "ns1", "Ns1.Foo.COM", "x" * 63,
     "x" * 64, "\x7f", "é", "٣", "0", "00", "1", "255", "256", "65535", "65536", "+1", " 1", "1_0",
     ":", "::", "::1", "2001:db8::", "ffff:", "::ffff:192.0.2.1", "%1", "192.0.2.1", "\n", "\x1f"]
)  # fmt: skip
TEXTS = (
    st.lists(PIECES, max_size=4).map("".join)
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda address: address.exploded)
    | st.text(max_size=300)
    | st.lists(st.sampled_from(["x" * 63, "y" * 60, "a"]), max_size=6).map(".".join)
)
WORDS = TEXTS | TEXTS.map(Quoted) | TEXTS.map(Glued)


def of_readers(rdtype: int, words: list[str]) -> bytes | None:
    try:
        return rrset.rdata_from_tokens(rdtype, lexer.Words(words), APEX)
    except (dns.exception.DNSException, ValueError, Invalid):
        return None


@settings(max_examples=2_000)
@given(st.sampled_from(TYPES), st.lists(WORDS, max_size=3))
@example(rrtypes.AAAA, ["1:2:3:4:5:6:7::"])
@example(rrtypes.AAAA, ["1:2:3:4::5:6:7:8"])
@example(rrtypes.AAAA, ["1:2:3:4:5::5:6:7:8"])
@example(rrtypes.AAAA, ["1:::8"])
@example(rrtypes.AAAA, ["::"])
@example(rrtypes.AAAA, ["::1:2:3:4:5:6:7:8"])
@example(rrtypes.A, ["192.0.02.1"])
@example(rrtypes.MX, ["65536", "mail"])
@example(rrtypes.TXT, ["x" * 255, Quoted("x" * 256)])
@example(rrtypes.TXT, [Quoted(""), Glued("b")])
def test_rdata_equals_that_of_the_readers_or_is_left_to_them(rdtype, words):
    found = fast_rdata.parse_rdata(rdtype, words, APEX)
    assert found is None or found == of_readers(rdtype, words)


@settings(max_examples=1_000)
@given(TEXTS)
@example("x" * 63 + "." + "y" * 63 + "." + "z" * 63 + "." + "w" * 53)
@example("x" * 63 + "." + "y" * 63 + "." + "z" * 63 + "." + "w" * 54)
def test_a_name_equals_that_of_dnspython_or_is_left_to_it(text):
    found = fast_rdata.parse_name(text, APEX)
    assert found is None or found.lower() == names.parse(text, APEX)


@pytest.mark.parametrize(
    ("rdtype", "words"),
    [
        (rrtypes.A, ["192.0.2.255"]),
        (rrtypes.AAAA, ["2001:DB8::1"]),
        (rrtypes.NS, ["Ns1"]),
        (rrtypes.CNAME, ["a-b._tcp.x.example."]),
        (rrtypes.PTR, ["@"]),
        (rrtypes.MX, ["10", "mail"]),
        (rrtypes.TXT, [Quoted("v=spf1 -all"), "x" * 255]),
    ],
)
def test_common_forms_take_the_fast_path(rdtype, words):
    assert fast_rdata.parse_rdata(rdtype, words, APEX) == of_readers(rdtype, words) is not None


@pytest.mark.parametrize("rdtype", OTHERS)
def test_other_types_are_left_to_the_readers(rdtype):
    assert fast_rdata.parse_rdata(rdtype, ["\\#", "0"], APEX) is None


LINES = st.sampled_from(
    ["www 60 IN A 192.0.2.1", "www A 192.0.2.2", "WWW 60 AAAA ::1", "@ NS ns1", "@ MX 10 mail",
     "a\\.b A 192.0.2.3", "ftp CNAME www", "t TXT a \"b c\" d", "  TXT \"\"", "p PTR h.example.",
     "o.foo.com. 5 IN A 192.0.2.9", "$ORIGIN sub", "h$1 A 192.0.2.4", "m MX 1 mail 2", "b A 1.2.3",
     "i IN 1h AAAA 1::2", "x.bar. A 192.0.2.5"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_a_file_has_the_same_content_with_and_without_the_fast_path(text):
    octets = f"$TTL 9\n@ SOA a b 1 2 3 4 5\n{text}\n".encode()
    with pytest.MonkeyPatch.context() as patch:
        short = _read(octets)
        patch.setattr(fast_rdata, "parse_rdata", lambda *_: None)
        patch.setattr(fast_rdata, "parse_name", lambda *_: None)
        assert _read(octets) == short


def _read(octets: bytes):
    try:
        return reader.read(octets, APEX)
    except Invalid as error:
        return error.message, error.hint


def test_a_word_with_an_escape_does_not_take_the_fast_path():
    for rdtype in TYPES:
        assert fast_rdata.parse_rdata(rdtype, ["\\065"], ROOT) is None
    assert fast_rdata.parse_name("\\065", ROOT) is None
