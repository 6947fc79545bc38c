"""Master files: what they mean and what is refused."""

from pathlib import Path

import pytest

from zonegit.errors import Invalid
from zonegit.zone import rrtypes, zonefile, zonetext
from zonegit.zone.names import parse

APEX = parse("foo.com.")
SOA = "@ 300 IN SOA ns1 admin 1 7200 3600 1209600 300\n"
DATA = Path(__file__).parents[2] / "data"


def test_the_vector_zone_reads_as_fifteen_rrsets():
    found = zonefile.read((DATA / "foo.com.zone").read_bytes(), APEX)
    assert (len(found.rrsets), found.records, found.warnings) == (15, 17, [])


def test_what_is_written_reads_back_as_the_same_rrsets():
    found = zonefile.read((DATA / "foo.com.zone").read_bytes(), APEX)
    text = "".join(zonetext.write(found.rrsets.values(), APEX))
    assert zonefile.read(text.encode(), APEX).rrsets == found.rrsets


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("www 300 IN A 300.0.0.1", r"www.foo.com. A: '300.0.0.1' is not RDATA"),
        ("www.bar.com. 300 IN A 192.0.2.1", "www.bar.com. is not within the zone"),
        ("www 300 CH A 192.0.2.1", "class CH is not served"),
        ("www 2147483648 A 192.0.2.1", "is above 2147483647 seconds"),
        ("www A 192.0.2.1", None),
    ],
)
def test_an_error_names_file_line_and_record(line, message):
    file = (SOA + line + "\n").encode()
    if message is None:
        assert (parse("www.foo.com."), rrtypes.A) in zonefile.read(file, APEX).rrsets
        return
    with pytest.raises(Invalid, match=message) as failure:
        zonefile.read(file, APEX, source="db.foo")
    assert failure.value.message.startswith("db.foo:2: ")
