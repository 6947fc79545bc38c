"""Random zones, asked of NSD, Knot and BIND too: what all others answer otherwise is wrong here.

``make differential`` does the same for as many seeds as one likes.
"""

import pytest
from tests.support import peers
from tests.support.differential import randomzones
from tests.support.differential.exemptions import EXEMPTIONS, Exemption
from tests.support.differential.questions import questions
from tests.support.differential.trial import disagreements, references

SEEDS = (0, 1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_zones_are_answered_as_by_other_servers(seed: int) -> None:
    zones = randomzones.zones(seed)
    programs = references(zones)
    if not programs:
        pytest.skip("neither NSD, Knot nor BIND is installed that serves such zones")
    texts = {zone.apex: zone.text() for zone in zones}
    found = disagreements(texts, programs, questions(zones, seed))
    faults = [each for each in found if each.exemption is None]
    assert not faults, "\n\n".join(map(str, faults[:3]))


@pytest.mark.parametrize("exemption", EXEMPTIONS, ids=lambda each: each.why)
def test_an_exemption_is_still_needed(exemption: Exemption) -> None:
    programs = [program for program in exemption.against if peers.installed(program)]
    if not programs:
        pytest.skip(f"none of {', '.join(exemption.against)} is installed")
    (found,) = disagreements(exemption.texts, programs, [exemption.question])
    assert found.exemption is exemption, str(found)
