"""The queries of a measurement: their lengths, kinds and shares."""

from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest
from benchmarks import queries, zones
from tests.dns.local_server import LocalServer

from zonegit.nameserver.answer import fast_path
from zonegit.nameserver.message.query import DATAGRAM


@pytest.fixture(scope="module")
def small_zone(tmp_path_factory: pytest.TempPathFactory) -> tuple[zones.Names, LocalServer]:
    """Return the names of the small zone, and a server that serves it."""
    file: Path = tmp_path_factory.mktemp("zones") / "zone"
    names = zones.write_mixed_zone(file)
    lines = file.read_text().splitlines()[1:]
    return names, LocalServer({names.zone: "\n".join(line.replace(" IN ", " ") for line in lines)})


def read_replies(server: LocalServer, datagrams: list[bytes]) -> list[dns.message.Message]:
    wires = [fast_path.respond(wire, server.zones, "192.0.2.1", DATAGRAM) for wire in datagrams]
    return [dns.message.from_wire(wire) for wire in wires if wire is not None]


def test_the_small_zone_has_a_thousand_rrsets(tmp_path: Path) -> None:
    names = zones.write_mixed_zone(tmp_path / "zone")
    zone = dns.zone.from_file(str(tmp_path / "zone"), origin=names.zone, check_origin=False)
    assert sum(1 for _ in zone.iterate_rdatasets()) == 1_000


@pytest.mark.parametrize("flags", queries.EDNS_FLAGS.values())
@pytest.mark.parametrize("kind", queries.KINDS)
def test_queries_have_one_length_and_are_the_same_every_time(
    small_zone, kind: str, flags: int | None
) -> None:
    wires = queries.KINDS[kind](small_zone[0], 200, flags=flags)
    assert len({len(wire) for wire in wires}) == 1
    assert wires == queries.KINDS[kind](small_zone[0], 200, flags=flags)
    for wire in wires:
        query = dns.message.from_wire(wire)
        assert (query.edns, query.ednsflags) == ((-1, 0) if flags is None else (0, flags))


def test_the_mix_is_of_seven_hits_and_one_of_each_other_kind(small_zone) -> None:
    names, server = small_zone
    replies = read_replies(server, queries.build_mix(names, 3_000, flags=0))
    hits = sum(
        bool(reply.answer) and reply.question[0].rdtype == dns.rdatatype.A for reply in replies
    )
    aliases = sum(any(r.rdtype == dns.rdatatype.CNAME for r in reply.answer) for reply in replies)
    mail = sum(reply.question[0].rdtype == dns.rdatatype.MX for reply in replies)
    referrals = sum(
        not reply.answer and reply.authority[0].rdtype == dns.rdatatype.NS for reply in replies
    )
    missing = sum(reply.rcode() == dns.rcode.NXDOMAIN for reply in replies)
    without_data = len(replies) - hits - mail - referrals - missing
    shares = [hits - aliases, missing, without_data, aliases + mail + referrals]
    assert [round(count / 300) for count in shares] == [7, 1, 1, 1]
    assert min(aliases, mail, referrals) > 50


def test_missing_names_are_missing_and_never_queried_twice(small_zone) -> None:
    names, server = small_zone
    wires = queries.build_missing(names, 1_000, flags=None)
    assert len(set(wires)) == len(wires)
    assert {reply.rcode() for reply in read_replies(server, wires)} == {dns.rcode.NXDOMAIN}
