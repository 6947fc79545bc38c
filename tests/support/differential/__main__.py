"""Run seeds, for ``make differential SEEDS=1-200``: each unsigned and signed in every way.

A run ends at the first fault, with the smallest zones that show it and the reply of every server.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from tests.support.differential import random_zones, signed_zones
from tests.support.differential.questions import Question, make_questions
from tests.support.differential.random_zones import RandomZone
from tests.support.differential.shrinker import shrink
from tests.support.differential.trial import Disagreement, find_disagreements, list_references

UNSIGNED = "unsigned"
WAYS = (UNSIGNED, *signed_zones.DENIALS)


def main() -> int:
    """Return 1 after a fault, otherwise 0."""
    parser = argparse.ArgumentParser(prog="make differential", description=__doc__)
    parser.add_argument("seeds", type=_seeds, help="one, or a range such as 1-200")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    chosen = parser.parse_args()
    for seed in chosen.seeds:
        for way in chosen.ways:
            if _failed(seed, way):
                return 1
    return 0


def _seeds(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _failed(seed: int, way: str) -> bool:
    zones = random_zones.make_zones(seed)
    asked = make_questions(zones, seed, signed=way != UNSIGNED)
    found = list(_disagreements(zones, way, asked))
    fault = next((each for each in found if each.exemption is None), None)
    print(f"seed {seed}, {way}: {len(asked)} questions, {len(found)} decided otherwise", flush=True)
    if fault is None:
        return False
    print(f"a fault: {fault.question}\nlooking for the smallest zones that show it", flush=True)
    _show(zones, way, fault.question)
    return True


def _disagreements(
    zones: Sequence[RandomZone], way: str, asked: Sequence[Question]
) -> Iterator[Disagreement]:
    texts = {zone.apex: zone.text() for zone in zones}
    if way != UNSIGNED:
        texts = {apex: signed_zones.sign(apex, text, way) for apex, text in texts.items()}
    return find_disagreements(texts, list_references(zones), asked)


def _show(zones: Sequence[RandomZone], way: str, question: Question) -> None:
    def fault(smaller: Sequence[RandomZone]) -> Disagreement | None:
        try:
            found = list(_disagreements(smaller, way, [question]))
        except (RuntimeError, TimeoutError, AssertionError):  # a server refuses such zones
            return None
        return next((each for each in found if each.exemption is None), None)

    smallest = shrink(zones, lambda smaller: fault(smaller) is not None)
    for zone in smallest:
        print(f"\n;; zone {zone.apex}\n{zone.text()}")
    print(fault(smallest))


if __name__ == "__main__":
    sys.exit(main())
