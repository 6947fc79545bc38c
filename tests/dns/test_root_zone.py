"""The real root zone, compared with NSD: 1,500 zone cuts that share glue."""

import random
from pathlib import Path

import dns.message
import dns.query
import pytest
from tests.dns.local_server import LocalServer, format_records, make_commit_id
from tests.support import peers
from tests.support.differential.replies import read_content
from tests.support.vectors import root_zone

from zonegit.nameserver.answer.zone_table import ServedBranches
from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.zone import names
from zonegit.zone.names import ROOT
from zonegit.zonefile import reader

SERIAL = 2018012900


def test_the_real_root_zone_is_answered_as_nsd_does(tmp_path: Path) -> None:
    text = root_zone(SERIAL)
    if peers.find_program("nsd") is None:
        pytest.skip("nsd is not installed")
    rrsets = list(reader.read(text, ROOT).rrsets.values())
    server = LocalServer({})
    state = server.zones.make_state(
        ROOT, "main", make_commit_id("root"), compile_zone(ROOT, rrsets)
    )
    server.zones.replace(ROOT, ServedBranches(state))
    chosen = random.Random(SERIAL)
    owners = [names.text(rrset.owner) for rrset in chosen.sample(rrsets, 700)]
    questions = [
        (prefix + (owner if owner != "." or not prefix else ""), rdtype)
        for owner in owners
        for prefix, rdtype in (("", "A"), ("", "DS"), ("www.", "A"), ("a.b.no-such-", "AAAA"))
    ]
    zones = peers.write_zones(tmp_path, {".": text.decode()})
    with peers.run_peer("nsd", tmp_path, zones, minimal=True) as peer:
        for name, rdtype in [*questions, (".", "NS"), (".", "SOA"), (".", "DNSKEY")]:
            query = dns.message.make_query(name, rdtype, use_edns=0, payload=4096)
            theirs = dns.query.udp(query, "127.0.0.1", 10, peer.port)
            ours = server.send(query)
            assert read_content(ours).essence == read_content(theirs).essence, (name, rdtype)
            if ours.authority:  # an answer has no additional data here
                assert format_records(ours.additional) == format_records(theirs.additional), (
                    name,
                    rdtype,
                )
