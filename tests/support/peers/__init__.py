"""Run other servers as plain processes on a loopback port: NSD, Knot, BIND and PowerDNS.

Tests and benchmarks compare zonegit with them, and use them as primaries and secondaries.
"""

from tests.support.peers.process import (
    Peer,
    installed,
    serving,
    wait_until_answered,
    wait_until_served,
)
from tests.support.peers.setup import Address, Key, Primary, Setup, Zone, written

__all__ = [
    "Address",
    "Key",
    "Peer",
    "Primary",
    "Setup",
    "Zone",
    "installed",
    "serving",
    "wait_until_answered",
    "wait_until_served",
    "written",
]
