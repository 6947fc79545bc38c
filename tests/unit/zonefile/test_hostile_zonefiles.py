"""Files of hostile size, nesting or noise are parsed, or raise Invalid with a line."""

import re

import dns.exception
import pytest
from dns.tokenizer import EOF, EOL, QUOTED_STRING, Tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import vectors

from zonegit.errors import Invalid
from zonegit.zone import lexer, rrset, rrtypes
from zonegit.zone.names import parse
from zonegit.zonefile import reader, writer
from zonegit.zonefile.includes import Includes

APEX = parse("foo.com.")
FOO_COM = (vectors.DATA / "foo.com.zone").read_bytes()
BLAMED = re.compile(r"(-|inc):\d+: ", re.DOTALL)


def included(includer: str, path: str) -> tuple[str, bytes]:
    return "inc", FOO_COM


def read_or_refuse(octets: bytes) -> None:
    """Check that parsed text, once written, parses again."""
    try:
        found = reader.read(octets, APEX, include=included)
    except Invalid as error:
        refusal = error
    else:
        text = "".join(writer.write(found.rrsets.values(), APEX))
        assert reader.read(text.encode(), APEX).rrsets == found.rrsets
        return
    assert BLAMED.match(refusal.message)


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_arbitrary_octets_are_parsed_or_refused(octets):
    read_or_refuse(octets)


WORDS = st.sampled_from(
    [
        *("@", "www", ".", "\\", "\\.", "\\065", "\\256", '"', '""', '"a b"', "(", ")", ";", "\n"),
        *(" ", "\t", "\r", "\r\n", "\0", "\xff", "$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE", "$"),
        *("${", "${0,3,d}", "1-3", "1-99999999", "IN", "CH", "60", "1h", "99999999999", "\\#", "4"),
        *("A", "NS", "SOA", "CNAME", "TXT", "MX", "HTTPS", "LOC", "APL", "WKS", "NAPTR", "TYPE1"),
        *("TYPE65400", "RRSIG", "NSEC", "IPSECKEY", "HIP", "KEY", "CERT", "0a000001", "192.0.2.1"),
        *("::1", "10", "0", "65536", "foo.com.", "a..b", "AAAA", "alpn=", '"h2"', "1:0.0.0.0/0"),
    ]
)


@settings(max_examples=1_000)
@given(st.lists(st.tuples(WORDS, st.sampled_from([" ", "", "\n"])), max_size=40))
def test_words_of_master_files_in_any_order_are_parsed_or_refused(words):
    text = "".join(word + gap for word, gap in words)
    read_or_refuse(text.encode("latin-1"))
    soa = "@ 300 IN SOA ns1 admin 1 7200 3600 1209600 300\n"
    read_or_refuse((soa + text).encode("latin-1"))


@settings(max_examples=500)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(FOO_COM)),
            st.integers(0, 4),
            WORDS | st.characters(max_codepoint=255),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_vector_file_is_parsed_or_refused(changes):
    octets = bytearray(FOO_COM)
    for at, length, text in changes:
        octets[at : at + length] = text.encode("latin-1")
    read_or_refuse(bytes(octets))


@pytest.mark.parametrize("rdtype", rrtypes.MNEMONICS, ids=rrtypes.MNEMONICS.get)
@settings(max_examples=25)
@given(words=st.lists(WORDS | st.text(max_size=5), max_size=8))
def test_random_rdata_are_parsed_or_refused(rdtype, words):
    record = f"\nx 60 {rrtypes.to_text(rdtype)} {' '.join(words)}\n"
    read_or_refuse(FOO_COM + record.encode())


# Sizes: each would need minutes or gigabytes with an unbounded or quadratic algorithm.

LARGE_OCTETS = 5 << 20


@pytest.mark.parametrize(
    "octets",
    [
        b"x" * LARGE_OCTETS,
        b'x TXT "' + b"y" * LARGE_OCTETS,
        b"x TXT " + b'"' * LARGE_OCTETS,
        b"x TXT " + b'"\\' * (LARGE_OCTETS // 2),
        b"x TXT (" + b"\n" * LARGE_OCTETS,
        b"x TXT (" + b" ;\n" * (LARGE_OCTETS // 3),
        b"x TXT " + b"(" * LARGE_OCTETS,
        b"x TXT " + b"()" * (LARGE_OCTETS // 2),
        b"(" * 64 + b"\n" + b"x\n" * (LARGE_OCTETS // 2),
        b"\\" * LARGE_OCTETS,
        b"x A " + b"\\1" * (LARGE_OCTETS // 2),
        b"\r" * LARGE_OCTETS,
        b"\0" * LARGE_OCTETS,
        b"\xff" * LARGE_OCTETS,
        b" " * LARGE_OCTETS + b"x",
    ],
    ids=lambda octets: repr(octets[:12]),
)
def test_an_entry_of_hostile_size_is_refused(octets):
    with pytest.raises(Invalid, match=r"^-:1: "):
        reader.read(octets, APEX)


SIZE = 300_000


@pytest.mark.parametrize(
    "octets",
    [
        b'x TXT "' + b"y" * SIZE,
        b"x TXT " + b'""' * (SIZE // 2),
        b"x TXT " + b'"\\"' * (SIZE // 3),
        b"x 60 TXT " + b"y " * (SIZE // 2),
        b"x 60 NS " + b"y." * (SIZE // 2),
        b"x 60 NS " + b"\\." * (SIZE // 2),
        b"y." * (SIZE // 2) + b" 60 A 192.0.2.1",
        b"x " + b"9" * SIZE + b" A 192.0.2.1",
        b"x " + b"9w" * (SIZE // 2) + b" A 192.0.2.1",
        b"x 60 TYPE" + b"9" * SIZE,
        b"x 60 MX " + b"9" * SIZE + b" y",
        b"x 60 TYPE65400 \\# " + b"9" * SIZE,
        b"x 60 TYPE65400 \\# 4 " + b"0" * SIZE,
        b"x 60 DNSKEY 256 3 8 " + b"A " * (SIZE // 2),
        b"x 60 NSEC y " + b"A " * (SIZE // 2) + b"Z",
        b"x 60 HTTPS 1 . " + b"key9=a " * (SIZE // 7),
        b"x 60 APL " + b"1:0.0.0.0/0 " * (SIZE // 12),
        b"x 60 LOC " + b"9" * SIZE,
        b"x 60 RRSIG A 8 2 " + b"9" * SIZE,
        b"$TTL " + b"9" * SIZE,
        b"$GENERATE 1-" + b"9" * SIZE + b" a A 192.0.2.1",
        b"$GENERATE 1-1000000 a$ TXT " + b"$" * SIZE,
        b"$GENERATE 1-1000000 a$ TXT " + b"${0,127,d}" * (SIZE // 10),
        b"$" + b"X" * SIZE,
        b"$INCLUDE " + b"x" * SIZE,
    ],
    ids=lambda octets: repr(octets[:30]),
)
def test_a_large_entry_within_the_bound_is_refused_and_its_error_stays_short(octets):
    with pytest.raises(Invalid, match=r"^-:2: ") as failure:
        reader.read(b"@ 60 SOA a b 1 2 3 4 5\n" + octets, APEX, include=Includes(reader.MAX_OCTETS))
    assert len(failure.value.message) < 1_000


# The words are those of dnspython's tokenizer.


def _of_dnspython(text: str) -> list[tuple[bool, str]]:
    tokens = Tokenizer(text)
    found = []
    while (token := tokens.get()).ttype not in (EOL, EOF):
        found.append((token.ttype == QUOTED_STRING, token.value))
    return found


@settings(max_examples=1_000)
@given(st.lists(WORDS | st.text('ab "\\;()\t', max_size=6), max_size=8).map(" ".join))
def test_a_line_has_the_words_that_dnspython_finds(text):
    line = text.replace("\n", " ").replace("\r", " ")
    if not line.isascii():
        return
    try:
        found = [(isinstance(word, lexer.Quoted), str(word)) for word in lexer.split(line)]
    except Invalid:
        with pytest.raises(dns.exception.DNSException):
            _of_dnspython(line)
        return
    assert found == _of_dnspython(line)


@settings(max_examples=500)
@given(st.sampled_from(sorted(rrtypes.MNEMONICS)), st.lists(WORDS, max_size=6).map(" ".join))
def test_rdata_have_the_meaning_of_dnspython(rdtype, text):
    line = text.replace("\n", " ").replace("\r", " ")
    if not line.isascii():
        return
    try:
        expected = rrset.rdata_from_text(rdtype, line, APEX)
    except Invalid:
        expected = None
    try:
        words = lexer.Words(lexer.split(line))
        found = rrset.rdata_from_tokens(rdtype, words, APEX)
    except (Invalid, dns.exception.DNSException, ValueError):
        found = None
    assert found == expected
