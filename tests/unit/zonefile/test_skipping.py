"""Master files whose invalid records are skipped, each reported with its line."""

import pytest

from zonegit.errors import Invalid
from zonegit.zone import rrtypes, sizing
from zonegit.zone.names import parse
from zonegit.zonefile import reader
from zonegit.zonefile.reader import Skipped, ZoneFile

APEX = parse("foo.com.")
SOA = "@ 300 IN SOA ns1 admin 1 7200 3600 1209600 300\n"


def lenient(text: str, **options) -> tuple[ZoneFile, list[Skipped]]:
    """Return the zone of a file with an SOA before it, and its skipped records."""
    skipped: list[Skipped] = []
    octets = (SOA + text).encode()
    return reader.read(octets, APEX, source="db", skip=skipped.append, **options), skipped


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (f"www TXT {'x' * 256}", "a string is longer than 255 octets"),
        ("www A 300.0.0.1", "an IPv4 address is expected"),
        ("www.bar.com. A 192.0.2.1", "www.bar.com. is not within the zone foo.com."),
        (f"@ DS 1 8 2 {'ab' * 32}", "foo.com. DS is at the apex of its zone"),
        ("@ SOA ns1 admin 2 7200 3600 1209600 300", "foo.com. has more than one SOA record"),
        ("sub SOA ns1 admin 1 2 3 4 5", "sub.foo.com. SOA is not at the apex foo.com."),
        ("@ CNAME x.", "foo.com. has a CNAME and other data (SOA)"),
        ("d DNAME x.\n", "d.foo.com. has more than one DNAME record"),
    ],
)
def test_an_invalid_record_is_skipped_and_the_rest_is_read(line, why):
    found, skipped = lenient(f"d DNAME y.\n\n{line}\nftp 60 A 192.0.2.1\n")
    (only,) = skipped
    assert (only.source, only.line) == ("db", 4)
    assert why in only.reason
    assert set(found.rrsets) == {
        (APEX, rrtypes.SOA),
        (parse("d", APEX), rrtypes.DNAME),
        (parse("ftp", APEX), rrtypes.A),
    }


@pytest.mark.parametrize(
    ("first", "second"), [("CNAME x.", "A 192.0.2.1"), ("A 192.0.2.1", "CNAME x.")]
)
def test_the_first_of_a_cname_and_other_data_is_kept(first, second):
    found, skipped = lenient(f"www {first}\nwww {second}\nwww NSEC a CNAME\n")
    assert [each.line for each in skipped] == [3]
    assert {rdtype for owner, rdtype in found.rrsets if owner == parse("www", APEX)} == {
        rrtypes.from_text(first.split()[0]),
        rrtypes.NSEC,
    }


@pytest.mark.parametrize(("first", "second"), [("DNAME x.", "NS ns1"), ("NS ns1", "DNAME x.")])
def test_a_dname_next_to_name_servers_is_skipped(first, second):
    """RFC 6672 section 2.3; both are permitted at the apex."""
    found, skipped = lenient(f"d {first}\nd {second}\n@ DNAME y.\n@ NS ns1\n")
    assert [(each.line, "NS and DNAME" in each.reason) for each in skipped] == [
        (2 if first.startswith("DNAME") else 3, True)
    ]
    assert (parse("d", APEX), rrtypes.NS) in found.rrsets
    assert (parse("d", APEX), rrtypes.DNAME) not in found.rrsets
    assert (APEX, rrtypes.DNAME) in found.rrsets


def test_a_record_without_owner_has_that_of_the_skipped_record_before_it():
    found, skipped = lenient("a A 192.0.2.1\nwww.bar. A 192.0.2.2\n  A 192.0.2.3\n")
    assert [each.line for each in skipped] == [3, 4]
    assert found.rrsets[parse("a", APEX), rrtypes.A].rdatas == (b"\xc0\x00\x02\x01",)


def test_generated_records_are_skipped_one_by_one():
    found, skipped = lenient("$GENERATE 254-257 h$ A 192.0.2.$\n")
    assert [each.line for each in skipped] == [2, 2]
    assert len(found.rrsets) == 3


def test_a_record_of_an_included_file_is_named_with_that_file():
    _, skipped = lenient(
        "$INCLUDE more\n", include=lambda _, path: (path, b"\nwww.bar. 60 A 192.0.2.1\n")
    )
    assert [(each.source, each.line) for each in skipped] == [("more", 2)]


def test_a_name_with_only_skipped_records_does_not_exist():
    found, skipped = lenient("d DNAME x.\na.d A 300.0.0.1\nw.d CNAME x. y.\n")
    assert len(skipped) == 2
    assert not found.findings


@pytest.mark.parametrize(
    "line",
    ["www CH TXT x", "a..b A 192.0.2.1", "www FOO 1", "$TTL 1y", "$ORIGIN a..b", 'www TXT "x'],
)
def test_an_error_that_affects_other_lines_is_refused_nevertheless(line):
    with pytest.raises(Invalid, match=r"^db:2: "):
        lenient(line + "\n")


def test_a_missing_soa_is_refused_nevertheless():
    with pytest.raises(Invalid, match=r"^db:1: foo\.com\. has no SOA record"):
        reader.read(b"www 60 A 192.0.2.1\n", APEX, source="db", skip=lambda _: None)


def test_the_bound_of_records_includes_skipped_ones(monkeypatch):
    monkeypatch.setattr(reader, "MAX_RECORDS", 3)
    with pytest.raises(Invalid, match=r"^db:4: more than 3 records"):
        lenient("a.bar. 60 A 192.0.2.1\n" * 4)


def test_an_rrset_too_large_for_a_message_is_skipped_as_a_whole():
    text = "".join(f"big 60 TXT {'x' * 250}{number:03}\n" for number in range(260))
    found, skipped = lenient("www 60 A 192.0.2.1\n" + text + "big 60 A 192.0.2.2\n")
    big = parse("big", APEX)
    assert {rdtype for owner, rdtype in found.rrsets if owner == big} == {rrtypes.A}
    assert [(each.line, each.rule, each.owner) for each in skipped] == [(3, sizing.TOO_LARGE, big)]
    assert "is too large for a DNS message" in skipped[0].reason
