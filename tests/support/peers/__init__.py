"""Run other servers as plain processes on a loopback port: NSD, Knot, BIND and PowerDNS.

Tests and benchmarks compare zonegit with them, and use them as primaries and secondaries.
"""

from tests.support.peers.process import (
    Peer,
    find_program,
    run_peer,
    wait_until_answered,
    wait_until_served,
)
from tests.support.peers.setup import Address, PeerKey, PeerZone, Primary, Setup, write_zones

__all__ = [
    "Address",
    "Peer",
    "PeerKey",
    "PeerZone",
    "Primary",
    "Setup",
    "find_program",
    "run_peer",
    "wait_until_answered",
    "wait_until_served",
    "write_zones",
]
