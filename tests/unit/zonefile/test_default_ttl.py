"""The TTL of records without one in a master file: the minimum of the SOA, as in BIND."""

import subprocess
from pathlib import Path

import pytest
from tests.support.peers.process import find_program

from zonegit.errors import Invalid
from zonegit.zone import findings, rrtypes
from zonegit.zone.line_cache import LineCache
from zonegit.zone.names import parse
from zonegit.zonefile import reader

APEX = parse("foo.com.")
SOA = "@ IN SOA ns1 admin 1 7200 3600 1209600 900\n"


def ttls(text: str, cache: LineCache | None = None) -> dict[str, int]:
    found = reader.read(text.encode(), APEX, source="zone.db", cache=cache)
    return {rrtypes.to_text(rdtype): value.ttl for (_, rdtype), value in found.rrsets.items()}


def test_the_minimum_of_the_soa_is_the_default_ttl() -> None:
    assert ttls(SOA + "@ NS ns1\nns1 60 A 192.0.2.1\nns1 AAAA ::1\n") == {
        "SOA": 900,
        "NS": 900,
        "A": 60,
        "AAAA": 900,
    }


def test_a_note_names_the_line_and_strict_refuses_it() -> None:
    found = reader.read((SOA + "@ NS ns1\n").encode(), APEX, source="zone.db").findings
    (note,) = found
    assert (note.rule, note.severity) == ("ttl-from-soa-minimum", "note")
    assert note.message.startswith("zone.db:1: no TTL is stated, so it is 900")
    with pytest.raises(Invalid, match="--strict refuses"):
        findings.refuse(found)


@pytest.mark.parametrize("text", ["$TTL 5\n" + SOA, SOA.replace("IN", "5 IN")])
def test_a_stated_ttl_overrides_the_minimum(text: str) -> None:
    assert ttls(text + "@ NS ns1\n") == {"SOA": 5, "NS": 5}
    assert reader.read(text.encode(), APEX).findings == []


def test_a_directive_after_the_soa_applies_to_later_records() -> None:
    assert ttls(SOA + "@ NS ns1\n$TTL 5\nns1 A 192.0.2.1\n") == {"SOA": 900, "NS": 900, "A": 5}


def test_a_record_before_the_soa_needs_a_ttl() -> None:
    with pytest.raises(Invalid, match="has no TTL, and none is stated before it"):
        ttls("@ NS ns1\n" + SOA)


def test_a_minimum_beyond_31_bits_is_reduced_to_the_largest_ttl() -> None:
    """RFC 2181 section 8."""
    assert ttls(SOA.replace(" 900", " 4294967295")) == {"SOA": (1 << 31) - 1}


def test_a_cached_line_means_the_same() -> None:
    cache = LineCache()
    text = SOA + "@ NS ns1\n"
    assert ttls(text, cache) == ttls(text, cache) == {"SOA": 900, "NS": 900}


def test_bind_reads_the_same_ttls(tmp_path: Path) -> None:
    program = find_program("named-compilezone")
    if program is None:
        pytest.skip("named-compilezone is not installed")
    text = SOA + "@ NS ns1\nns1 60 A 192.0.2.1\nns1 AAAA ::1\n"
    (tmp_path / "zone").write_text(text)
    command = [program, "-i", "local", "-s", "full", "-o", "-", "foo.com", str(tmp_path / "zone")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split() for line in done.stdout.splitlines() if " IN " in line]
    assert {line[3]: int(line[1]) for line in lines} == ttls(text)
