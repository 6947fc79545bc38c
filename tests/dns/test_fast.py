"""The short way answers what is ordinary by itself, and leaves everything else."""

import dns.message
import pytest
from tests.dns.world import World

from zonegit_resolver.answering import fast
from zonegit_resolver.answering.canary import Canary
from zonegit_resolver.messages.query import DATAGRAM

ZONE = """
@ 300 NS ns
www 300 A 192.0.2.1
to 300 CNAME www
*.wild 300 A 192.0.2.2
sub 300 NS ns.sub
ns.sub 300 A 192.0.2.3
d 300 DNAME www
"""


@pytest.fixture
def world() -> World:
    return World({"foo.com.": ZONE})


def ordinary(world: World, name: str, rdtype: str = "A", **make) -> bytes | None:
    """What the short way says once the long one has rendered the outcome."""
    wire = dns.message.make_query(name, rdtype, **make).to_wire()
    world.exchange(wire)
    return fast.ordinary(wire, world.zones, DATAGRAM)


@pytest.mark.parametrize("edns", [-1, 0])
@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("www.foo.com.", "A"),
        ("WwW.fOO.com.", "A"),
        ("www.foo.com.", "TXT"),
        ("no.foo.com.", "A"),
        ("a.b.wild.foo.com.", "A"),
        ("x.sub.foo.com.", "A"),
        ("to.foo.com.", "CNAME"),
        ("to.foo.com.", "A"),
    ],
)
def test_ordinary_questions_take_the_short_way(
    world: World, name: str, rdtype: str, edns: int
) -> None:
    assert ordinary(world, name, rdtype, use_edns=edns) is not None


@pytest.mark.parametrize(
    ("name", "rdtype", "make"),
    [
        ("x.d.foo.com.", "A", {}),
        ("foo.com.", "DS", {}),
        ("foo.com.", "AXFR", {}),
        ("www.foo.com.", "TYPE65400", {}),
        ("www.foo.com.", "A", {"rdclass": "CH"}),
        ("www.foo.com.", "A", {"use_edns": 1}),
        ("www.foo.org.", "A", {}),
    ],
)
def test_everything_else_is_left_to_the_long_way(
    world: World, name: str, rdtype: str, make: dict
) -> None:
    assert ordinary(world, name, rdtype, **make) is None


def test_a_zone_with_a_canary_takes_the_long_way_and_others_do_not() -> None:
    world = World({"foo.com.": ZONE}, Canary("canary", 50))
    world.split = None
    world.put("bar.com.", ZONE)
    assert ordinary(world, "www.foo.com.") is None
    assert ordinary(world, "www.bar.com.") is not None
