"""The real root zone, compared with NSD: 1,500 zone cuts that share glue."""

import random
from pathlib import Path

import dns.message
import dns.query
import pytest
from tests.dns.local_server import World, commit_of, records
from tests.support import peers
from tests.support.differential.replies import said
from tests.support.vectors import root_zone

from zonegit.nameserver.answer.zone_table import ServedBranches
from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.zone import names
from zonegit.zone.names import ROOT
from zonegit.zonefile import reader

SERIAL = 2018012900


def test_the_real_root_zone_is_answered_as_nsd_does(tmp_path: Path) -> None:
    text = root_zone(SERIAL)
    if peers.installed("nsd") is None:
        pytest.skip("nsd is not installed")
    rrsets = list(reader.read(text, ROOT).rrsets.values())
    world = World({})
    state = world.zones.make_state(ROOT, "main", commit_of("root"), compile_zone(ROOT, rrsets))
    world.zones.replace(ROOT, ServedBranches(state))
    chosen = random.Random(SERIAL)
    owners = [names.text(rrset.owner) for rrset in chosen.sample(rrsets, 700)]
    questions = [
        (prefix + (owner if owner != "." or not prefix else ""), rdtype)
        for owner in owners
        for prefix, rdtype in (("", "A"), ("", "DS"), ("www.", "A"), ("a.b.no-such-", "AAAA"))
    ]
    zones = peers.written(tmp_path, {".": text.decode()})
    with peers.serving("nsd", tmp_path, zones, minimal=True) as peer:
        for name, rdtype in [*questions, (".", "NS"), (".", "SOA"), (".", "DNSKEY")]:
            query = dns.message.make_query(name, rdtype, use_edns=0, payload=4096)
            theirs = dns.query.udp(query, "127.0.0.1", 10, peer.port)
            ours = world.send(query)
            assert said(ours).essence == said(theirs).essence, (name, rdtype)
            if ours.authority:  # an answer has no additional data here
                assert records(ours.additional) == records(theirs.additional), (name, rdtype)
