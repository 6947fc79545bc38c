"""Other servers as plain processes on a loopback port: NSD, Knot, BIND and PowerDNS, to compare
ours with, to feed, and to measure against."""

from tests.support.peers.running import (
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
