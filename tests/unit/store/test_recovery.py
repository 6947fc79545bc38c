"""The serial of a branch after a restore (docs/adr/0030-recovery.md, RFC 1982)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.objects.ids import ObjectId
from zonegit.store.recovery import (
    MAX_HEADROOM,
    MAX_LEAD,
    AnsweredSerial,
    Doubt,
    Leave,
    Renew,
    RestoredBranch,
    decide,
)
from zonegit.zone.serial import HALF, MODULUS, increment, is_later, lead

TREE = ObjectId(b"\1" * 32)
OTHER = ObjectId(b"\2" * 32)
TIP = RestoredBranch(4, TREE, 4)
LAST = MODULUS - 1


def make_answer(serial: int, tree: ObjectId = OTHER, resolver: str = "one") -> AnsweredSerial:
    return AnsweredSerial(resolver, serial, tree)


def make_late_answer(serial: int, tree: ObjectId = TREE) -> AnsweredSerial:
    """Return the answer of a resolver that lost its cache, and then followed the restored store."""
    return AnsweredSerial("new", serial, tree, is_complete=False)


@pytest.mark.parametrize(
    ("branch", "answers", "serial"),
    [
        # The highest serial known to resolvers is the tip's, with the same tree.
        (TIP, [make_answer(4, TREE)], None),
        (TIP, [make_answer(4, TREE), make_answer(3)], None),
        (TIP, [make_answer(4, TREE), make_answer(4, TREE, "two")], None),
        (RestoredBranch(4, TREE, 9), [make_answer(4, TREE)], None),
        # It is the tip's, with another tree in at least one resolver.
        (TIP, [make_answer(4)], 5),
        (TIP, [make_answer(4, TREE), make_answer(4, resolver="two")], 5),
        # It is later.
        (TIP, [make_answer(6)], 7),
        (TIP, [make_answer(6, TREE)], 7),
        (TIP, [make_answer(4, TREE), make_answer(6), make_answer(5, resolver="three")], 7),
        (RestoredBranch(LAST, TREE, LAST), [make_answer(1)], 2),
        (RestoredBranch(4, TREE, 9), [make_answer(6)], 10),
        # It is earlier.
        (TIP, [make_answer(3)], 1004),
        (TIP, [make_answer(3, TREE)], 1004),
        (RestoredBranch(0, TREE, 0), [make_answer(LAST)], 1000),
        # It is not known.
        (TIP, [], 1004),
        (RestoredBranch(LAST, TREE, LAST), [], 999),
        (RestoredBranch(2026112901, TREE, 2026112901), [], 2026113901),
        (RestoredBranch(4, TREE, 9), [], 1009),
        # Only resolvers that have lost their caches, too, know it.
        (TIP, [make_late_answer(4)], 1004),
        (TIP, [make_late_answer(4, OTHER)], 1004),
        (TIP, [make_late_answer(6)], 1006),
        (TIP, [make_late_answer(4), make_answer(3)], 1004),
        # Together with a complete one, such a resolver counts like the others.
        (TIP, [make_late_answer(4), make_answer(4, TREE)], None),
        (TIP, [make_late_answer(4, OTHER), make_answer(4, TREE)], 5),
        (TIP, [make_late_answer(4), make_answer(6)], 7),
    ],
)
def test_a_branch_continues_at_a_serial_that_every_secondary_follows(
    branch: RestoredBranch, answers: list[AnsweredSerial], serial: int | None
) -> None:
    verdict = decide(branch, answers, 1000)
    match verdict:
        case Leave():
            assert serial is None
        case Renew(at):
            assert at == serial
        case Doubt(_, reason):
            pytest.fail(reason)


@pytest.mark.parametrize("ahead", [MAX_LEAD + 1, HALF - 1, HALF])
def test_a_serial_too_far_ahead_is_named_and_ignored(ahead: int) -> None:
    """One faulty resolver cannot use up the serials of a zone."""
    far = make_answer((4 + ahead) % MODULUS, resolver="liar")
    verdict = decide(TIP, [make_answer(6), far], 1000)
    assert isinstance(verdict, Doubt)
    assert verdict.answer == far


def test_a_headroom_below_the_highest_serial_is_in_doubt() -> None:
    """The store itself had the branch forced back by almost half of all serials."""
    verdict = decide(RestoredBranch(4, TREE, HALF), [], MAX_HEADROOM)
    assert isinstance(verdict, Doubt)
    assert verdict.answer is None


serials = st.one_of(
    st.integers(0, LAST), st.sampled_from([0, 1, HALF - 1, HALF, HALF + 1, LAST - 1, LAST])
)
near = st.one_of(st.integers(-5, 5), st.integers(2 - MAX_LEAD, MAX_LEAD))
"""How far answers are ahead of the tip: less than half of all serials behind any new serial."""
trees = st.sampled_from([TREE, OTHER])


@given(serials, trees, st.lists(st.tuples(near, trees), max_size=5), st.integers(1, MAX_HEADROOM))
def test_a_branch_stays_or_continues_after_all_known_serials(
    tip: int, tree: ObjectId, near: list[tuple[int, ObjectId]], headroom: int
) -> None:
    """A branch stays only if it has the states known to be served last. Otherwise its new serial is
    later than its tip's and than all that resolvers answered."""
    answers = [make_answer((tip + ahead) % MODULUS, other) for ahead, other in near]
    verdict = decide(RestoredBranch(tip, tree, tip), answers, headroom)
    highest = max((ahead for ahead, _ in near), default=-1)
    if highest < 0:
        assert verdict == Renew((tip + headroom) % MODULUS)
        assert is_later(verdict.serial, tip)
    elif highest == 0 and all(other == tree for ahead, other in near if ahead == 0):
        assert verdict == Leave()
    else:
        assert isinstance(verdict, Renew)
        assert verdict.serial == increment((tip + highest) % MODULUS)
        assert is_later(verdict.serial, tip)
        assert all(is_later(verdict.serial, each.serial) for each in answers)


@given(serials, trees, st.lists(st.tuples(serials, trees), max_size=5), serials)
def test_no_answer_of_a_resolver_moves_a_serial_back_or_far_ahead(
    tip: int, tree: ObjectId, claims: list[tuple[int, ObjectId]], highest: int
) -> None:
    answers = [make_answer(serial, other) for serial, other in claims]
    verdict = decide(RestoredBranch(tip, tree, highest), answers, 1000)
    if isinstance(verdict, Renew):
        assert is_later(verdict.serial, tip)
        assert is_later(verdict.serial, highest)
        most = max(MAX_LEAD + 1, lead(highest, tip) + 1000, 1000)
        assert lead(verdict.serial, tip) <= most


@given(serials, st.lists(st.tuples(near, trees), max_size=4))
def test_the_order_of_the_answers_does_not_matter(
    tip: int, near: list[tuple[int, ObjectId]]
) -> None:
    answers = [make_answer((tip + ahead) % MODULUS, tree) for ahead, tree in near]
    one = decide(RestoredBranch(tip, TREE, tip), answers, 1000)
    other = decide(RestoredBranch(tip, TREE, tip), answers[::-1], 1000)
    assert type(one) is type(other)
    if isinstance(one, Renew) and isinstance(other, Renew):
        assert one.serial == other.serial
