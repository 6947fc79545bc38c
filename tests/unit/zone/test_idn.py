"""Names outside ASCII: IDNA 2008 with the mapping of UTS 46, label by label."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.repo.commit import patch
from zonegit.repo.commit.edits import Add
from zonegit.zone import idn, names, rrtypes
from zonegit.zone.names import Name, parse
from zonegit.zonefile import reader, typed_records

APEX = parse("foo.com.")


def text(typed: str, origin: Name = names.ROOT) -> str:
    return names.text(parse(typed, origin))


def refusal(typed: str) -> str:
    with pytest.raises(Invalid) as refused:
        parse(typed)
    return refused.value.message


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("straße.example.", "xn--strae-oqa.example."),
        ("faß.example.", "xn--fa-hia.example."),
        ("STRASSE.BÜCHER.example.", "strasse.xn--bcher-kva.example."),
        ("Βόλος.gr.", "xn--nxasmm1c.gr."),  # final sigma is kept
        ("*.bücher.example.", "*.xn--bcher-kva.example."),
        ("_sip._tls.bücher.example.", "_sip._tls.xn--bcher-kva.example."),
        ("xn--zca.xn--nonsense-.example.", "xn--zca.xn--nonsense-.example."),
        ("\uff57\uff57\uff57.example.", "www.example."),
        ("www。bücher\uff0eexample｡", "www.xn--bcher-kva.example."),
        (r"\195\188.bücher.", r"\195\188.xn--bcher-kva."),
        (r"a\.b.ü.", r"a\.b.xn--tda."),
        ("נס.example.", "xn--lebc.example."),
    ],
)
def test_labels_outside_ascii_become_a_labels(typed: str, expected: str) -> None:
    assert text(typed) == expected


def test_a_relative_name_is_converted_below_its_origin() -> None:
    assert text("bücher", APEX) == "xn--bcher-kva.foo.com."


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("Büro Süd._ipp._tcp.example.", rb"\098\195\188ro\032s\195\188d._ipp._tcp.example."),
        ("Büro\u2019s._IPP._TCP.bücher.", rb"b\195\188ro\226\128\153s._ipp._tcp.xn--bcher-kva."),
        (r"Büro\.2._ipp._udp.example.", rb"b\195\188ro\.2._ipp._udp.example."),
        ("ü。ü._ipp._tcp.example.", rb"\195\188\227\128\130\195\188._ipp._tcp.example."),
        ("ü。_ipp._tcp.example.", rb"\195\188._ipp._tcp.example."),
    ],
)
def test_an_instance_of_dns_sd_stays_utf_8(typed: str, expected: bytes) -> None:
    """RFC 6763 section 4.1.1."""
    assert parse(typed) == parse(expected.decode())


def test_an_instance_is_recognised_by_labels_of_its_origin_too() -> None:
    origin = parse("_ipp._tcp.example.")
    assert parse("ü", origin) == parse(r"\195\188", origin)
    assert parse("ü._ipp", parse("_tcp.example.")) == parse(r"\195\188._ipp._tcp.example.")
    assert text("ü._ipp.", parse("_tcp.example.")) == "xn--tda._ipp."


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("☃.example.", "U+2603 SNOWMAN"),
        ("ü_x.example.", "U+005F LOW LINE"),
        ("a\u2024b.example.", "U+2024 ONE DOT LEADER"),
        ("xn--ü.example.", "hyphens in 3rd and 4th position"),
        ("1אב.example.", "directionality"),
        ("ü\\045.example.", "has an escape"),
    ],
)
def test_a_name_that_idna_2008_disallows_is_refused_with_advice(typed: str, why: str) -> None:
    message = refusal(typed)
    assert why in message
    assert message.endswith("type its A-label (xn--...)")


@pytest.mark.parametrize(
    "character",
    [
        "\u00a0", "\u2007", "\u3000", "\u2028", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u200e",
        "\u202e", "\ufe0f", "\u2018", "\u2019", "\u201c", "\u201d", "\u201e", "\u00ab", "\uff02",
    ],
)  # fmt: skip
def test_a_look_alike_in_a_name_is_named(character: str) -> None:
    wanted = f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
    for typed in (f"a{character}b.example.", f"{character}ü.example.", f"ü{character}.example."):
        assert wanted in refusal(typed)


@pytest.mark.parametrize(
    "line",
    [
        "www\u00a0A 300 192.0.2.1",
        "\u00a0 300 A 192.0.2.1",
        "www 300 A \u00a0192.0.2.1",
        "www 300 TXT v=spf1\u00a0-all",
        "www 300 MX 10\u00a0mail",
        "www 300\u3000A 192.0.2.1",
    ],
)
def test_a_non_ascii_space_is_named_with_its_line(line: str) -> None:
    with pytest.raises(Invalid, match=r"^-:1: .*U\+(00A0 NO-BREAK SPACE|3000 IDEOGRAPHIC SPACE)"):
        reader.read(f"{line}\n".encode(), APEX, whole=False)


@pytest.mark.parametrize("word", ["“v=spf1", "-all”", "key=“v”", "\u2018x\u2019", "„x“", "»x«"])
def test_typographic_quotes_around_an_unquoted_word_are_named(word: str) -> None:
    with pytest.raises(Invalid, match=r"U\+[0-9A-F]{4} .*QUOTATION MARK.*looks like a quote"):
        reader.read(f"www 300 TXT {word}\n".encode(), APEX, whole=False)
    with pytest.raises(Invalid, match="QUOTATION MARK"):
        typed_records.parse_rdatas(rrtypes.TXT, [word], APEX)
    with pytest.raises(Invalid, match="QUOTATION MARK"):
        typed_records.parse_rdatas(rrtypes.NUMBERS["CAA"], ["0", "issue", word], APEX)
    with pytest.raises(Invalid, match="QUOTATION MARK"):
        typed_records.parse_rdatas(rrtypes.NUMBERS["HINFO"], [f"a {word}"], APEX)


def test_any_character_is_kept_in_quotes_in_comments_and_inside_words() -> None:
    file = 'a 300 TXT "\u201cx\u00a0y\u201d" Bob\u2019s ; \u201c\u00a0\n'
    (found,) = reader.read(file.encode(), APEX, whole=False).rrsets.values()
    assert found.rdatas == ("\x0a\u201cx\u00a0y\u201d\x07Bob\u2019s".encode(),)
    quoted = typed_records.parse_rdatas(rrtypes.TXT, ['"\u201cx\u201d"', "a \u2019 b"], APEX)
    assert [rdata[1:].decode() for rdata in quoted] == ["\u201cx\u201d", "a \u2019 b"]


def test_names_are_converted_alike_in_files_diffs_and_arguments() -> None:
    wanted = b"\0\x0a\x0dxn--strae-oqa\3foo\3com\0"
    (rrset,) = reader.read(
        "$ORIGIN foo.com.\nbücher 300 IN MX 10 straße\n".encode(), APEX, whole=False
    ).rrsets.values()
    assert (names.text(rrset.owner), rrset.rdatas) == ("xn--bcher-kva.foo.com.", (wanted,))
    (edit,) = patch.read("+ bücher.foo.com. 300 IN MX 10 straße.foo.com.\n".encode(), APEX, "-")
    assert edit == Add(rrset, where="-:1")
    assert typed_records.parse_rdatas(rrtypes.MX, ["10", "straße"], APEX) == [wanted]
    assert typed_records.parse_rdatas(rrtypes.MX, ["10 straße"], APEX) == [wanted]


def test_directives_take_names_outside_ascii() -> None:
    file = "$ORIGIN bücher.foo.com.\nwww 300 A 192.0.2.1\n$GENERATE 1-2 ü$ 300 CNAME ä$\n"
    found = reader.read(file.encode(), APEX, whole=False).rrsets
    assert {names.relative_text(owner, APEX) for owner, _ in found} == {
        "www.xn--bcher-kva", "xn--1-dha.xn--bcher-kva", "xn--2-dha.xn--bcher-kva",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("rdtype", "words"),
    [
        ("SRV", "0 0 1 ü."), ("RP", "ü. ä."), ("NAPTR", '1 1 "" "" "" ü.'), ("SVCB", "1 ü."),
        ("IPSECKEY", "10 3 0 ü. AAAA"), ("HIP", "2 2001 AAAA ü."), ("SOA", "ü. ä. 1 2 3 4 5"),
        ("RRSIG", "A 8 1 1 20300101000000 20200101000000 1 ü. AA=="),
        ("NSEC", "ü. A"), ("LP", "1 ü."),
        ("AMTRELAY", "1 0 3 ü."), ("DNAME", "ü."), ("KX", "1 ü."), ("PX", "1 ü. ä."),
    ],
)  # fmt: skip
def test_every_name_in_rdata_is_converted(rdtype: str, words: str) -> None:
    number = rrtypes.from_text(rdtype)
    (found,) = typed_records.parse_rdatas(number, [words], APEX)
    ascii_ = words.replace("ü", "xn--tda").replace("ä", "xn--4ca")
    assert [found] == typed_records.parse_rdatas(number, [ascii_], APEX)
    assert b"xn--tda" in found


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("a" * 70 + ".x.", "the label '" + "a" * 70 + "' has 70 octets, more than 63"),
        ("x." + r"\097" * 64, "has 64 octets, more than 63"),
        ("a." * 130, "more than 255 octets"),
        ("a..b", "a label is empty"),
        (r"\256.", "an escape is"),
    ],
)
def test_an_error_shows_the_typed_name(typed: str, why: str) -> None:
    assert why in refusal(typed)
    with pytest.raises(Invalid) as refused:
        typed_records.parse_rdatas(rrtypes.MX, [f"10 {typed}"], APEX)
    assert why in refused.value.message


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("xn--strae-oqa.example.", "straße.example."),
        ("*.XN--BCHER-KVA.example.", "*.bücher.example."),
        ("xn--nonsense-.xn--tda.", "xn--nonsense-.ü."),
        ("www.example.", None),
        ("xn--nonsense-.example.", None),
        ("xn--n3h.example.", None),  # U+2603, which IDNA 2008 does not allow
        ("xn--a-ecp.example.", None),
    ],
)
def test_only_a_label_that_converts_back_is_shown_as_a_u_label(
    name: str, shown: str | None
) -> None:
    assert idn.to_unicode(name) == shown


@pytest.mark.parametrize(("typed", "octets"), [("ä" * 60, 66), ("ä" * 58, 64), ("\uff11" * 64, 64)])
def test_a_label_that_is_too_long_is_named_with_its_octets(typed: str, octets: int) -> None:
    with pytest.raises(Invalid) as refused:
        parse(typed)
    assert refused.value.message.endswith(
        f"the label {typed!r} has {octets} octets as an A-label, more than 63"
    )


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused_and_its_u_label_is_the_same_name(typed: str) -> None:
    try:
        name = parse(typed)
    except Invalid:
        return
    assert parse(names.text(name)) == name
    shown = idn.to_unicode(names.text(name))
    if shown is not None:
        assert parse(shown) == name
