"""Object walks, one after the other or gathered."""

import pytest

from zonegit.errors import NotFound
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Symref
from zonegit.objects.walk import Walk, gather, run


def an_id(number: int) -> ObjectId:
    return ObjectId(bytes((number,)) * 32)


OBJECTS = {an_id(n): Symref(f"ref {n}") for n in range(10)}


def following(numbers: list[int]) -> Walk[list[str]]:
    """Request one object for each step."""
    seen = []
    for number in numbers:
        answers = yield [an_id(number)]
        found = answers[an_id(number)]
        assert isinstance(found, Symref)
        seen.append(found.target)
    return seen


def test_gathered_walks_request_all_objects_of_a_step_together():
    asks = gather([following([1, 2, 3]), following([4]), following([]), following([1, 5])])
    assert set(next(asks)) == {an_id(1), an_id(4)}
    assert set(asks.send(OBJECTS)) == {an_id(2), an_id(5)}
    assert set(asks.send(OBJECTS)) == {an_id(3)}
    with pytest.raises(StopIteration) as done:
        asks.send(OBJECTS)
    assert done.value.value == [["ref 1", "ref 2", "ref 3"], ["ref 4"], [], ["ref 1", "ref 5"]]


def test_gathering_no_walks_requests_nothing():
    assert run(gather([]), {}) == []
    assert run(gather([following([])]), {}) == [[]]


def test_a_missing_object_is_named():
    with pytest.raises(NotFound, match="0b0b0b0b0b0b"):
        run(following([1, 11]), OBJECTS)
