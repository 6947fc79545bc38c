"""The serial rules (docs/object-model.md, Serials; RFC 1982) and the safety checks."""

import pytest

from zonegit.errors import Unsafe
from zonegit.objects.ids import ObjectId
from zonegit.safety import policy
from zonegit.safety.policy import Facts
from zonegit.store import ref_names
from zonegit.store.basis import MoveLimits, ServedTree
from zonegit.zone import names, rrtypes

MAIN = ref_names.branch(names.parse("foo.com."), "main")
WWW = names.parse("www.foo.com.")
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
def test_a_later_serial_is_accepted(new: int, highest: int | None) -> None:
    had = ServedTree(highest, OTHER) if highest is not None else None
    policy.check_serial(MAIN, ServedTree(new, TREE), had, force=False)


@pytest.mark.parametrize(
    ("new", "highest"), [(1, 1), (1, 2), (1 << 31, 0), (LAST, 0), (0, 1 << 31)]
)
def test_a_serial_that_is_not_later_is_unsafe(new: int, highest: int) -> None:
    with pytest.raises(Unsafe) as caught:
        policy.check_serial(MAIN, ServedTree(new, TREE), ServedTree(highest, OTHER), force=False)
    assert caught.value.details == {"serial": str(new), "highest": str(highest)}
    policy.check_serial(MAIN, ServedTree(new, TREE), ServedTree(highest, OTHER), force=True)


def test_the_tree_already_served_under_a_serial_is_accepted() -> None:
    policy.check_serial(MAIN, ServedTree(7, TREE), ServedTree(7, TREE), force=False)
    with pytest.raises(Unsafe):
        policy.check_serial(MAIN, ServedTree(6, TREE), ServedTree(7, TREE), force=False)


def test_the_hint_names_a_serial_that_would_be_accepted() -> None:
    with pytest.raises(Unsafe) as caught:
        policy.check_serial(MAIN, ServedTree(LAST - 1, TREE), ServedTree(LAST, OTHER), force=False)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("use serial 0 or later")


def test_the_highest_serial_is_remembered_with_its_tree() -> None:
    assert policy.update_highest(ServedTree(5, TREE), None) == ServedTree(5, TREE)
    assert policy.update_highest(ServedTree(6, OTHER), ServedTree(5, TREE)) == ServedTree(6, OTHER)
    assert policy.update_highest(ServedTree(0, OTHER), ServedTree(LAST, TREE)) == ServedTree(
        0, OTHER
    )


def test_a_forced_step_back_is_not_remembered_and_a_forced_replacement_is() -> None:
    assert policy.update_highest(ServedTree(4, OTHER), ServedTree(5, TREE)) == ServedTree(5, TREE)
    assert policy.update_highest(ServedTree(5, OTHER), ServedTree(5, TREE)) == ServedTree(5, OTHER)


@pytest.mark.parametrize(
    ("touched", "had", "is_refused"),
    [
        (0, 100, False),
        (3, 10, False),
        (4, 10, True),
        (9, 9, False),  # a zone of fewer than ten
        (10, 10, True),
        (4, 13, True),
        (4, 14, False),
        (30_000, 100_000, False),
        (30_001, 100_000, True),
    ],
)
def test_a_move_may_touch_up_to_the_limit(touched: int, had: int, is_refused: bool) -> None:
    verdict = policy.list_reasons(Facts(touched, ((WWW, rrtypes.A),), had), MoveLimits(30, 10))
    assert bool(verdict) is is_refused


@pytest.mark.parametrize(
    "limits", [MoveLimits(), MoveLimits(1, 1), MoveLimits(33, 7), MoveLimits(100, 1)]
)
def test_the_size_of_a_zone_is_needed_only_if_it_can_decide(
    limits: MoveLimits,
) -> None:
    for touched in range(60):
        sizes = range(max(touched, limits.floor), 10_000)
        refused = any(policy.list_reasons(Facts(touched, (), had), limits) for had in sizes)
        assert limits.may_exceed(touched) is refused
        enough = Facts(touched, (), max(limits.min_rrsets(touched), limits.floor))
        assert policy.list_reasons(enough, limits) == []


def test_every_reason_of_a_refusal_is_reported() -> None:
    facts = Facts(7, ((WWW, rrtypes.A),), 12, loses_ns=True, ds=((WWW, rrtypes.DS),))
    share, ns, ds = policy.list_reasons(facts, MoveLimits())
    assert share == (
        "7 of its 12 RRsets would be changed or deleted, more than 30 % (www.foo.com. A, 6 more)"
    )
    assert "lose its NS" in ns
    assert "www.foo.com. DS" in ds
    assert policy.list_reasons(facts, MoveLimits(100, 10, ds=True)) == [ns]


def test_a_refusal_names_the_options_that_override_it() -> None:
    refused = policy.refusal_error(MAIN, ["one", "two"], force=False)
    assert (refused.code, refused.message) == (
        "unsafe",
        "refs/heads/foo.com./main is not moved: one; two",
    )
    assert refused.hint is not None
    assert refused.hint.startswith("--force --reason TEXT")
    again = policy.refusal_error(MAIN, ["one"], force=True)
    assert again.hint is not None
    assert again.hint.startswith("--force is not enough")
