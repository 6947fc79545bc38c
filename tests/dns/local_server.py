"""Zones served in this process, queried through the fast path and the full responder."""

import re
import time
from textwrap import dedent

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.zone

from zonegit.nameserver.acl import LOOPBACK, Access
from zonegit.nameserver.answer import fast_path, responder
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.answer.zone_table import BranchState, ServedBranches, ZoneTable
from zonegit.nameserver.message.query import DATAGRAM
from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.nameserver.zone.snapshot import ZoneSnapshot
from zonegit.objects.ids import ObjectId, compute_id
from zonegit.zone import names
from zonegit.zone.rrset import RRset, rrset

DEFAULT_OPTIONS = ServerOptions()
SOA = "@ 3600 SOA ns1.example. hostmaster.example. 7 7200 900 1209600 300\n"
HAS_SOA = re.compile(r"^\s*\S+ \d+ SOA ", re.MULTILINE)


def parse_zone(zone: str, text: str) -> list[RRset]:
    """Return the RRsets of a master file, parsed by dnspython alone."""
    parsed = dns.zone.from_text(dedent(text), origin=zone, relativize=False, check_origin=False)
    found: dict[tuple[names.Name, int], list[bytes]] = {}
    ttls: dict[tuple[names.Name, int], int] = {}
    for owner, rdataset in parsed.iterate_rdatasets():  # signatures are grouped by covered type
        key = names.from_wire(owner.to_wire()), int(rdataset.rdtype)
        found.setdefault(key, []).extend(record.to_wire() for record in rdataset)
        ttls[key] = min(rdataset.ttl, ttls.get(key, rdataset.ttl))
    return [rrset(*key, ttls[key], rdatas) for key, rdatas in found.items()]


def make_commit_id(text: str) -> ObjectId:
    """Return an id that stands for a commit."""
    return compute_id("commit", text.encode())


class LocalServer:
    """Zones by name, each a master file; ``SOA`` is put before it if it has none.

    A zone that is put later is served with the current ``query_from`` and ``transfer_to``.
    """

    def __init__(
        self,
        zones: dict[str, str],
        canary: Canary | None = None,
        conduct: ServerOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.zones = ZoneTable(time.time, conduct)
        self.split = canary
        self.query_from: Access | None = None
        self.transfer_to = LOOPBACK
        for zone, text in zones.items():
            self.put(zone, text)

    def put(self, zone: str, text: str, canary: str | None = None) -> None:
        """Serve a zone, with ``canary`` as its state on the canary branch."""
        apex = names.parse(zone)
        branches = [("main", text)] + ([("canary", canary)] if canary is not None else [])
        states: list[BranchState] = []
        for branch, content in branches:
            whole = content if HAS_SOA.search(content) else SOA + dedent(content)
            snapshot = compile_zone(apex, parse_zone(zone, whole))
            states.append(self.zones.make_state(apex, branch, make_commit_id(whole), snapshot))
        default, other = (*states, None)[:2]
        served = ServedBranches(default, other, self.split, self.query_from, self.transfer_to)
        self.zones.replace(apex, served)

    def serve(self, snapshot: ZoneSnapshot) -> None:
        """Serve a compiled zone."""
        state = self.zones.make_state(snapshot.apex, "main", make_commit_id(""), snapshot)
        self.zones.replace(snapshot.apex, ServedBranches(state))

    def ask(
        self,
        name: str,
        rdtype: str = "A",
        *,
        limit: int = DATAGRAM,
        peer: str = "192.0.2.1",
        **make,
    ) -> dns.message.Message:
        """Return the reply, parsed by dnspython. The fast path must give the same octets."""
        query = dns.message.make_query(name, rdtype, **make)
        return self.send(query, limit=limit, peer=peer)

    def send(
        self, query: dns.message.Message, *, limit: int = DATAGRAM, peer: str = "192.0.2.1"
    ) -> dns.message.Message:
        octets = self.exchange(query.to_wire(), limit=limit, peer=peer)
        assert octets is not None
        reply = dns.message.from_wire(octets)
        assert query.is_response(reply)
        assert not reply.flags & dns.flags.RA
        return reply

    def exchange(
        self, wire: bytes, *, limit: int = DATAGRAM, peer: str = "192.0.2.1"
    ) -> bytes | None:
        """Return the octets of the reply."""
        thorough = responder.respond(wire, self.zones, peer, limit)
        assert fast_path.respond(wire, self.zones, peer, limit) == thorough
        assert thorough is None or len(thorough) <= limit
        return thorough


def format_records(section: list[dns.rrset.RRset]) -> list[str]:
    """Return a section as sorted lines ``owner ttl type rdata``."""
    return sorted(
        f"{found.name} {found.ttl} {dns.rdatatype.to_text(found.rdtype)} {record.to_text()}"
        for found in section
        for record in found
    )


def rcode(reply: dns.message.Message) -> str:
    return dns.rcode.to_text(reply.rcode())


def flags(reply: dns.message.Message) -> set[str]:
    return set(dns.flags.to_text(reply.flags).split())
