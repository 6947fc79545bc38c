"""One of two instances of a store yields, whatever their clocks say."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit.bus.presence import has_to_yield, may_coexist
from zonegit.wire.messages import Presence

INSTANCES = st.builds(
    Presence,
    instance=st.text("0123456789abcdef", min_size=16, max_size=16),
    started=st.floats(-1e12, 1e12),
    installation=st.sampled_from(["a" * 16, "b" * 16, ""]),
    several=st.booleans(),
)


@given(one=INSTANCES, other=INSTANCES)
def test_exactly_one_of_two_yields_unless_they_may_serve_together(
    one: Presence, other: Presence
) -> None:
    if one.instance == other.instance:
        return
    yielding = [has_to_yield(one, other), has_to_yield(other, one)]
    assert sum(yielding) == (0 if may_coexist(one, other) else 1)


@given(one=INSTANCES, other=INSTANCES)
def test_instances_serve_together_only_if_both_say_so_of_one_installation(
    one: Presence, other: Presence
) -> None:
    assert may_coexist(one, other) == may_coexist(other, one)
    if may_coexist(one, other):
        assert one.several
        assert other.several
        assert one.installation == other.installation


def test_the_later_start_yields() -> None:
    early = Presence(instance="f" * 16, started=1.0)
    late = Presence(instance="0" * 16, started=2.0)
    assert has_to_yield(late, early)
    assert not has_to_yield(early, late)
    assert has_to_yield(early, Presence(instance="", started=0.0)), "an earlier release"
