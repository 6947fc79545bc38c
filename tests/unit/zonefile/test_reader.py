"""The meaning of master files (RFC 1035 section 5, RFC 2308 section 4)."""

import pytest
from tests.support import vectors

from zonegit.errors import Invalid
from zonegit.zone import rrtypes
from zonegit.zone.names import ROOT, parse
from zonegit.zone.rrset import RRset, rdata_from_text, rdata_to_text, rrset
from zonegit.zonefile import fields, reader

APEX = parse("foo.com.")
SOA = "@ 300 IN SOA ns1 admin 1 7200 3600 1209600 300\n"


def read(text: str | bytes, **options):
    """Return the RRsets of a file with an SOA before it."""
    octets = text if isinstance(text, bytes) else text.encode()
    return reader.read(SOA.encode() + octets, APEX, **options)


def one(text: str | bytes, owner: str, mnemonic: str) -> RRset:
    return read(text).rrsets[parse(owner, APEX), rrtypes.from_text(mnemonic)]


def texts(value: RRset) -> list[str]:
    return [rdata_to_text(value.rdtype, rdata) for rdata in value.rdatas]


def test_the_vector_zone_has_seventeen_records_in_fifteen_rrsets():
    found = reader.read((vectors.DATA / "foo.com.zone").read_bytes(), APEX)
    assert (len(found.rrsets), found.records, found.findings) == (15, 17, [])


# entries


def test_a_missing_owner_is_the_last_one():
    found = read("www 60 A 192.0.2.1\n  60 TXT hello\n\t60 AAAA ::1\n")
    assert {rdtype for owner, rdtype in found.rrsets if owner == parse("www", APEX)} == {
        rrtypes.A,
        rrtypes.TXT,
        rrtypes.AAAA,
    }


def test_a_record_in_parentheses_may_span_lines_and_comments():
    found = reader.read(
        b'@ 300 IN SOA ns1 admin ( 7 ; serial (\n 7200 3600 ; "refresh\n\n 1209600 300 )\n', APEX
    )
    assert texts(found.rrsets[APEX, rrtypes.SOA]) == [
        "ns1.foo.com. admin.foo.com. 7 7200 3600 1209600 300"
    ]


@pytest.mark.parametrize(
    "record",
    [
        "( www 60 IN A 192.0.2.1 )",
        "www ( 60\nIN ) ( A\n192.0.2.1\n)",
        "www 60 IN A ((192.0.2.1))",
        "www(60 IN)A(192.0.2.1)",
        "www 60 IN A 192.0.2.1;comment",
        "www 60 IN A 192.0.2.1 ; comment",
    ],
)
def test_parentheses_may_be_anywhere(record):
    assert texts(one(record, "www", "A")) == ["192.0.2.1"]


def test_blank_and_comment_lines_are_ignored():
    assert read("\n   \n; a comment\n  ; another\n\t\n").records == 1


def test_lines_may_end_with_crlf_and_the_last_one_without():
    text = SOA.replace("\n", "\r\n") + "www 60 IN TXT ( a ; x\r\n b )\r\nftp 60 IN A 192.0.2.1"
    found = reader.read(text.encode(), APEX)
    assert texts(found.rrsets[parse("www", APEX), rrtypes.TXT]) == ['"a" "b"']
    assert found.records == 3


def test_a_byte_order_mark_is_not_part_of_the_first_name():
    assert reader.read(b"\xef\xbb\xbf" + SOA.encode(), APEX).records == 1


def test_quoted_strings_may_have_spaces_semicolons_and_parentheses():
    assert one(r'www 60 TXT "a ; (b" c\;d "" "\"q\\"', "www", "TXT").rdatas == (
        b'\6a ; (b\3c;d\0\3"q\\',
    )


def test_octets_outside_ascii_are_kept_exactly_in_strings():
    found = read(b'cafe 60 TXT "\xc3\xa9" \\\xff\n')
    assert found.rrsets[b"\4cafe" + APEX, rrtypes.TXT].rdatas == (b"\2\xc3\xa9\1\xff",)


@pytest.mark.parametrize("line", [b"caf\xe9 60 A 192.0.2.1\n", b"www 60 MX 1 \xe9.x.\n"])
def test_octets_that_are_not_utf_8_are_refused_in_names(line):
    with pytest.raises(Invalid, match=r"not UTF-8.*write them as \\DDD"):
        read(line)


def test_a_backslash_before_a_backslash_does_not_escape_what_follows():
    assert read(b"www 60 TXT \\\\\xe9\n").rrsets[parse("www", APEX), rrtypes.TXT].rdatas == (
        b"\2\\\xe9",
    )


def test_owner_names_are_lower_cased_and_names_in_rdata_kept():
    assert one("WWW 60 CNAME Api", "www", "CNAME").rdatas == (b"\3Api\3foo\3com\0",)


def test_a_dollar_at_the_start_of_a_name_is_escaped():
    assert parse(r"\$x", APEX) in {owner for owner, _ in read("\\$x 60 A 192.0.2.1").rrsets}


# TTL and class


@pytest.mark.parametrize(
    "head", ["60 IN", "IN 60", "60", "1m", "1M IN", "in 60", "CLASS1 60", "0w1m0s", "60 class001"]
)
def test_ttl_and_class_come_in_either_order(head):
    assert one(f"www {head} A 192.0.2.1", "www", "A").ttl == 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h30m", 5400), ("1w2d3h4m5s", 788645), ("0", 0), ("2147483647", 2**31 - 1)],
)
def test_a_ttl_may_have_units(text, seconds):
    assert fields.parse_ttl(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1x", "h", "1h30", "-1", "1.5h", "٣", "9" * 40, "1h" * 9 + "x"]
)
def test_an_invalid_ttl_is_refused(text):
    with pytest.raises(Invalid, match="is not a TTL"):
        fields.parse_ttl(text)


@pytest.mark.parametrize("text", ["2147483648", "4294967296", "9999999999w"])
def test_a_ttl_beyond_31_bits_is_refused(text):
    """RFC 2181 section 8."""
    with pytest.raises(Invalid, match="is above 2147483647"):
        fields.parse_ttl(text)


def test_a_missing_ttl_is_that_of_the_directive_or_the_last_stated_one():
    """RFC 2308 section 4."""
    found = read("a A 192.0.2.1\nb 60 A 192.0.2.1\nc A 192.0.2.1\n$TTL 1h\nd A 192.0.2.1\n")
    ttls = {owner[1:2]: value.ttl for (owner, rdtype), value in found.rrsets.items() if rdtype == 1}
    assert ttls == {b"a": 300, b"b": 60, b"c": 60, b"d": 3600}


def test_once_there_is_a_directive_the_last_ttl_stated_does_not_matter():
    found = read("$TTL 1h\na 60 A 192.0.2.1\nb A 192.0.2.1\n")
    assert found.rrsets[parse("b", APEX), rrtypes.A].ttl == 3600


def test_records_with_different_ttls_get_the_smallest_and_a_warning():
    """RFC 2181 section 5.2."""
    found = read("a 60 A 192.0.2.1\na 30 A 192.0.2.2\na 90 A 192.0.2.3\n", source="db")
    assert found.rrsets[parse("a", APEX), rrtypes.A].ttl == 30
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("mixed-ttls", "warning")
    assert finding.message.startswith("db:3: a.foo.com. A has records with the TTLs 60 and 30")


def test_warnings_past_a_thousand_are_counted():
    lines = (f"a{n} 60 A 192.0.2.1\na{n} 30 A 192.0.2.2\n" for n in range(1_003))
    findings = read("".join(lines)).findings
    assert len(findings) == 1_001
    assert findings[-1].message.endswith(": 3 more warnings")


RRSIG = "8 3 60 20300101000000 20200101000000 1 foo.com. AAAA"


def test_rrsigs_of_one_owner_may_have_different_ttls_without_a_warning():
    """The TTL stored for them is the smallest of what they cover (RFC 4034 section 3)."""
    found = read(f"a 60 A 192.0.2.1\na 90 TXT t\na 90 RRSIG TXT {RRSIG}\na 60 RRSIG A {RRSIG}\n")
    assert found.findings == []
    assert found.rrsets[parse("a", APEX), rrtypes.RRSIG].ttl == 60


def test_an_rrsig_gets_the_ttl_of_its_rrset():
    found = read(f"a 60 A 192.0.2.1\na 900 RRSIG A {RRSIG}\n")
    assert found.rrsets[parse("a", APEX), rrtypes.RRSIG].ttl == 60


def test_an_rrsig_without_its_rrset_keeps_its_ttl():
    assert one(f"a 900 RRSIG A {RRSIG}\n", "a", "RRSIG").ttl == 900


# records


def test_repeated_records_count_once():
    """A written zone transfer repeats the SOA at its end."""
    found = read("www 60 A 192.0.2.1\nwww 60 A 192.0.2.1\n" + SOA)
    assert found.records == 4
    assert len(found.rrsets[parse("www", APEX), rrtypes.A].rdatas) == 1
    assert len(found.rrsets[APEX, rrtypes.SOA].rdatas) == 1


def test_unknown_types_have_generic_rdata():
    """RFC 3597 section 5."""
    found = read("a 60 CLASS1 TYPE65400 \\# 4 0a000001\na 60 IN TYPE1 \\# 4 0a 00 (00 01)\n")
    assert found.rrsets[parse("a", APEX), 65400].rdatas == (b"\x0a\0\0\1",)
    assert found.rrsets[parse("a", APEX), rrtypes.A].rdatas == (b"\x0a\0\0\1",)


def test_rdata_may_be_spread_over_words_and_lines():
    found = one("a 60 DS 1 8 2 ( " + "00" * 16 + "\n " + "ff" * 16 + " )", "a", "DS")
    assert found.rdatas == (b"\0\1\x08\2" + bytes(16) + b"\xff" * 16,)


def test_the_root_zone_can_be_read():
    text = b". 60 SOA a. b. 1 2 3 4 5\n@ 60 NS a.\ncom 60 NS a.com.\n"
    assert len(reader.read(text, ROOT).rrsets) == 3


def test_part_of_a_zone_needs_no_soa():
    found = reader.read(b"www 60 A 192.0.2.1\n", APEX, whole=False)
    assert list(found.rrsets) == [(parse("www", APEX), rrtypes.A)]


def test_a_zone_cut_that_is_a_dname_is_kept_with_a_note_of_its_line():
    """RFC 6672 section 2.3: a commit refuses it unless the zone already has it."""
    found = read("d 60 DNAME x.\nw 60 A 192.0.2.1\nd 60 NS ns1\n@ 60 DNAME x.\n@ 60 NS a.\n")
    (finding,) = found.findings
    assert finding.message == "-:4: d.foo.com. has NS and DNAME records (RFC 6672 section 2.3)"
    assert (finding.rule, finding.severity) == ("ns-and-dname", "note")


def test_progress_is_reported_every_thousand_records():
    seen: list[int] = []
    lines = "".join(f"a{n} 60 A 192.0.2.1\n" for n in range(2_500))
    read(lines, progress=seen.append)
    assert seen == [1_000, 2_000]


# invalid input


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("www IN A 300.0.0.1", "www.foo.com. A: '300.0.0.1' is not RDATA of that type"),
        ("www A", "www.foo.com. A: '' is not RDATA"),
        ("www A 192.0.2.1 192.0.2.2", "www.foo.com. A: '192.0.2.1 192.0.2.2' is not RDATA"),
        ("www MX mail 10", "www.foo.com. MX: 'mail 10' is not RDATA"),
        ('www "A" 192.0.2.1', '"A" is quoted'),
        ('"www" A 192.0.2.1', '"www" is quoted'),
        ("www FOO 1", "'FOO' is not a record type"),
        ("www TYPE252 x", "type TYPE252 is valid in questions only"),
        ("www", "'www' has no record type"),
        ("www 60 IN", "'www 60 IN' has no record type"),
        ("www 60 60 A 192.0.2.1", "'60' is not a record type"),
        ("www IN IN A 192.0.2.1", "'IN' is not a record type"),
        ("www CH TXT x", "class CH is not served"),
        ("www CLASS3 TXT x", "class CLASS3 is not served"),
        ("www 2147483648 A 192.0.2.1", "is above 2147483647 seconds"),
        ("www 1y A 192.0.2.1", "1y is not a TTL"),
        ("www.bar.com. A 192.0.2.1", "www.bar.com. is not within the zone foo.com."),
        ("xfoo.com. A 192.0.2.1", "xfoo.com. is not within the zone foo.com."),
        ("a..b A 192.0.2.1", "'a..b' is not a domain name"),
        ("@ SOA ns1 admin 2 7200 3600 1209600 300", "foo.com. has more than one SOA record"),
        ("sub SOA ns1 admin 1 2 3 4 5", "sub.foo.com. SOA is not at the apex foo.com."),
        (f"@ DS 1 8 2 {'ab' * 32}", "foo.com. DS is at the apex of its zone"),
        (f"www TXT {'x' * 256}", "a string is longer than 255 octets"),
        (f'www TXT a "{"x" * 256}"', "a string is longer than 255 octets"),
        (f"www HINFO {'x' * 256} y", "a string is longer than 255 octets"),
        ("@ CNAME x.", "foo.com. has a CNAME and other data (SOA)"),
        ('www TXT "open', "a quoted string does not end on its line"),
        ("www A 192.0.2.1 )", "a closing parenthesis has no opening one"),
        ("www A ( 192.0.2.1", "a parenthesis is not closed before the file ends"),
        ("www TXT a\\", "a backslash ends the line"),
        ("www TXT a\rb", "a carriage return is within the line"),
        ("www TXT \\300", "is not RDATA"),
        ("$FOO bar", "$FOO is not a directive"),
        ("$TTL", "$TTL has the wrong number of arguments"),
        ("$TTL 1h 2h", "$TTL has the wrong number of arguments"),
        ("$ORIGIN", "$ORIGIN has the wrong number of arguments"),
        ("$INCLUDE", "$INCLUDE has the wrong number of arguments"),
        ("$INCLUDE x", "$INCLUDE is not allowed here"),
        ("$GENERATE 1-2 a$ A", "$GENERATE has the wrong number of arguments"),
    ],
)
def test_an_error_names_file_line_and_record(line, message):
    with pytest.raises(Invalid) as failure:
        read("\n" + line + "\n", source="db.foo")
    assert failure.value.message.startswith("db.foo:3: ")
    assert message in failure.value.message


def test_an_error_in_a_record_of_many_lines_names_its_first():
    with pytest.raises(Invalid, match=r"^db:2: www\.foo\.com\. A"):
        read("www A ( ; comment\n\n 300.0.0.1\n)\n", source="db")


@pytest.mark.parametrize("second", ["A 192.0.2.1", "CNAME y.", "DNAME y.", "TYPE65400 \\# 0"])
def test_a_cname_and_other_data_are_refused_where_they_meet(second):
    with pytest.raises(Invalid, match=r"^db:4: www\.foo\.com\. has") as failure:
        read(f"www 60 CNAME x.\nftp 60 A 192.0.2.1\nwww 60 {second}\n", source="db")
    assert "CNAME" in failure.value.message
    with pytest.raises(Invalid, match=r"^db:4: www\.foo\.com\. has"):
        read(f"www 60 {second}\nftp 60 A 192.0.2.1\nwww 60 CNAME x.\n", source="db")


def test_rrsig_nsec_and_key_may_accompany_a_cname():
    """RFC 4034 section 2.5, RFC 2181 section 10.1."""
    found = read(
        f"www 60 RRSIG CNAME {RRSIG}\nwww 60 CNAME x.\nwww 60 NSEC a CNAME\n"
        "www 60 KEY 256 3 8 AAAA\nwww 60 CNAME x.\n"
    )
    assert len(found.rrsets) == 5


def test_a_zone_without_an_soa_is_refused():
    with pytest.raises(Invalid, match=r"^db:2: foo\.com\. has no SOA record at its apex"):
        reader.read(b"\n@ 60 NS ns1\n", APEX, source="db")
    with pytest.raises(Invalid, match=r"^-:1: foo\.com\. has no SOA record at its apex"):
        reader.read(b"", APEX)


def test_a_record_without_any_ttl_before_the_soa_is_refused():
    with pytest.raises(Invalid, match=r"^-:1: the record has no TTL") as failure:
        reader.read(b"@ NS ns1\n@ SOA ns1 admin 1 2 3 4 5\n", APEX)
    assert failure.value.hint
    assert "$TTL" in failure.value.hint


def test_a_first_record_without_owner_is_refused():
    with pytest.raises(Invalid, match=r"^-:1: the record begins with a blank"):
        reader.read(b" 60 NS ns1\n", APEX)


def test_an_rrset_too_large_for_a_message_is_refused_at_its_first_record():
    lines = "".join(f'big 60 TXT {n} "{"x" * 250}"\n' for n in range(260))
    with pytest.raises(
        Invalid, match=r"^db:3: big\.foo\.com\. TXT .* is too large for a DNS message"
    ):
        read("\n" + lines, source="db")


def test_an_rrset_may_have_far_more_than_a_hundred_records():
    lines = "".join(f"many 60 A 192.0.{n >> 8}.{n & 255}\n" for n in range(1_000))
    assert len(one(lines, "many", "A").rdatas) == 1_000


def test_rdata_beyond_65535_octets_is_refused():
    with pytest.raises(Invalid, match="RDATA of 66000 octets is longer than 65535"):
        read("big 60 TXT " + " ".join(["x" * 199] * 330))


def test_a_file_of_one_record_equals_that_parsed_record():
    text = '1 . alpn="h2,h3" port=8443'
    expected = rrset(parse("www", APEX), 65, 60, [rdata_from_text(65, text, APEX)])
    assert one(f"www 60 HTTPS {text}", "www", "HTTPS") == expected
    assert one(f"www 60 HTTPS ( {text} ) ; c", "www", "HTTPS") == expected


def test_a_quoted_value_after_a_space_does_not_belong_to_the_key():
    """RFC 9460 section 2.1."""
    with pytest.raises(Invalid, match="is not RDATA"):
        read('www 60 HTTPS 1 . alpn= "h2"')
