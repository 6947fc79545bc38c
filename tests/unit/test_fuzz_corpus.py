"""The inputs of the fuzzing corpus, and ordinary ones, break no law."""

import pytest

from tests.fuzz.targets import TARGETS, read_corpus

INPUTS = [(target, path) for target in TARGETS for path in read_corpus(target)]


@pytest.mark.parametrize(("target", "path"), INPUTS, ids=lambda each: getattr(each, "name", each))
def test_an_input_of_the_corpus_breaks_no_law(target, path):
    TARGETS[target].examine(path.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_ordinary_inputs_break_no_law(target):
    seeds = list(TARGETS[target].seeds())
    assert seeds
    assert read_corpus(target)
    for octets in seeds:
        TARGETS[target].examine(octets)


def test_octets_that_break_a_law_are_detected(monkeypatch):
    monkeypatch.setattr("zonegit.objects.codec.encode", lambda value: None)
    seed = next(iter(TARGETS["object"].seeds()))
    with pytest.raises(AssertionError):
        TARGETS["object"].examine(seed)
