"""The serial rules, with literals (docs/object-model.md, Serials; RFC 1982)."""

import pytest

from zonegit.errors import Unsafe
from zonegit.objects.ids import ObjectId
from zonegit.store import refnames
from zonegit.zone import names
from zonegit_refs import policy
from zonegit_refs.policy import Served

MAIN = refnames.branch(names.parse("foo.com."), "main")
TREE = ObjectId(b"\1" * 32)
OTHER = ObjectId(b"\2" * 32)
LAST = (1 << 32) - 1


@pytest.mark.parametrize(
    ("new", "highest"),
    [
        (1, None),
        (0, None),
        (2, 1),
        (0, LAST),
        ((1 << 31) - 1, 0),
        (2026112101, 2026112100),
    ],
)
def test_a_later_serial_is_let_through(new: int, highest: int | None) -> None:
    had = Served(highest, OTHER) if highest is not None else None
    policy.check(MAIN, Served(new, TREE), had, force=False)


@pytest.mark.parametrize(
    ("new", "highest"), [(1, 1), (1, 2), (1 << 31, 0), (LAST, 0), (0, 1 << 31)]
)
def test_a_serial_that_is_not_later_is_unsafe(new: int, highest: int) -> None:
    with pytest.raises(Unsafe) as caught:
        policy.check(MAIN, Served(new, TREE), Served(highest, OTHER), force=False)
    assert caught.value.details == {"serial": str(new), "highest": str(highest)}
    policy.check(MAIN, Served(new, TREE), Served(highest, OTHER), force=True)


def test_the_tree_already_served_under_a_serial_is_let_through() -> None:
    policy.check(MAIN, Served(7, TREE), Served(7, TREE), force=False)
    with pytest.raises(Unsafe):
        policy.check(MAIN, Served(6, TREE), Served(7, TREE), force=False)


def test_the_hint_names_a_serial_that_would_do() -> None:
    with pytest.raises(Unsafe) as caught:
        policy.check(MAIN, Served(LAST - 1, TREE), Served(LAST, OTHER), force=False)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("take 0 or later")


def test_the_highest_serial_is_remembered_with_its_tree() -> None:
    assert policy.highest_after(Served(5, TREE), None) == Served(5, TREE)
    assert policy.highest_after(Served(6, OTHER), Served(5, TREE)) == Served(6, OTHER)
    assert policy.highest_after(Served(0, OTHER), Served(LAST, TREE)) == Served(0, OTHER)


def test_a_forced_step_back_is_not_remembered_and_a_forced_replacement_is() -> None:
    assert policy.highest_after(Served(4, OTHER), Served(5, TREE)) == Served(5, TREE)
    assert policy.highest_after(Served(5, OTHER), Served(5, TREE)) == Served(5, OTHER)
