"""Random zones, also served by NSD, Knot and BIND: an answer that all of them give otherwise is a
fault.

``make differential`` does the same for any number of seeds.
"""

import asyncio

import pytest
from tests.dns.local_server import LocalServer
from tests.dns.loopback import serve_on_loopback
from tests.support import peers
from tests.support.differential import query_client, random_zones, signed_zones
from tests.support.differential.exemptions import EXEMPTIONS, Exemption
from tests.support.differential.questions import make_questions
from tests.support.differential.trial import find_disagreements, list_references
from tests.support.zone_signing import require_signer

from zonegit.nameserver.message.query import DATAGRAM, STREAM

ONE_OF = 2
"""How many of the questions are left to ``make differential``."""


@pytest.mark.parametrize("seed", [0, 1])
def test_random_zones_are_answered_as_by_other_servers(seed: int) -> None:
    _compare(seed, None)


@pytest.mark.parametrize(("seed", "denial"), [(4, "nsec"), (5, "nsec3"), (6, "opt-out")])
def test_random_signed_zones_are_answered_as_by_other_servers(seed: int, denial: str) -> None:
    require_signer()
    _compare(seed, denial)


def _compare(seed: int, denial: str | None) -> None:
    zones = random_zones.make_zones(seed)
    programs = list_references(zones)
    if not programs:
        pytest.skip("neither NSD, Knot nor BIND is installed")
    texts = {zone.apex: zone.text() for zone in zones}
    if denial is not None:
        texts = {apex: signed_zones.sign(apex, text, denial) for apex, text in texts.items()}
    asked = make_questions(zones, seed, signed=denial is not None)[::ONE_OF]
    found = find_disagreements(texts, programs, asked)
    faults = [each for each in found if each.exemption is None]
    assert not faults, "\n\n".join(map(str, faults[:3]))


async def test_sockets_carry_the_replies_that_were_compared() -> None:
    zones = random_zones.make_zones(0)
    server = LocalServer({zone.apex: zone.text() for zone in zones})
    ways = ((query_client.query_udp, False, DATAGRAM), (query_client.query_tcp, True, STREAM))
    async with serve_on_loopback(server) as (address, _):
        for ask, is_tcp, limit in ways:
            chosen = [each for each in make_questions(zones, 0) if each.tcp == is_tcp][:300]
            wires = [question.query(number) for number, question in enumerate(chosen)]
            told = await asyncio.to_thread(ask, tuple(address), wires)
            assert told == [server.exchange(wire, limit=limit) for wire in wires]


@pytest.mark.parametrize("exemption", EXEMPTIONS, ids=lambda each: each.why)
def test_the_example_of_an_exemption_differs_from_other_servers(exemption: Exemption) -> None:
    programs = [program for program in exemption.against if peers.find_program(program)]
    if not programs:
        pytest.skip(f"none of {', '.join(exemption.against)} is installed")
    if exemption.denial is not None:
        require_signer()
    found = list(find_disagreements(exemption.texts, programs, [exemption.question]))
    if not found:
        pytest.skip(f"one of {', '.join(programs)}, as installed here, answers as we do")
    assert found[0].exemption is exemption, str(found[0])
