"""Check the zones that are served while plans and branches change, by states alone."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.zone.snapshot import empty_snapshot
from zonegit.objects.ids import compute_id
from zonegit.zone import names
from zonegit_resolver.config.serving import Serving, ServingPlan
from zonegit_resolver.zone_states import Compiled, LogPosition, ZoneStates

ZONE, OTHER = names.parse("foo.com."), names.parse("bar.com.")
BRANCHES = ("a", "b", "c")

SERVINGS = st.one_of(
    st.builds(Serving, st.sampled_from(BRANCHES)),
    st.builds(Serving, at=st.sampled_from(BRANCHES)),
    st.builds(Serving, st.just("a"), st.builds(Canary, st.sampled_from(("b", "c")), st.just(5))),
)
PLANS = st.one_of(
    st.builds(ServingPlan, SERVINGS),
    st.builds(lambda serving: ServingPlan(zones={ZONE: serving}), SERVINGS),
    st.just(ServingPlan(only=frozenset([OTHER]))),
)
STEPS = st.lists(st.one_of(PLANS, st.sampled_from(BRANCHES)), max_size=12)


@dataclass
class StateDriver:
    """States driven by the calls of the follower, the updater and SIGHUP."""

    states: ZoneStates = field(
        default_factory=lambda: ZoneStates(ZoneTable(), ServingPlan(Serving("a")))
    )
    moves: int = 0

    @property
    def served(self) -> str | None:
        """Return the label of the default state that queries see."""
        found = self.states.zones.by_apex.get(ZONE)
        return found.default.branch if found is not None else None

    def adopt(self, plan: ServingPlan) -> None:
        for zone in self.states.adopt(plan):
            self.states.publish(zone)

    def apply(self, label: str) -> None:
        """Apply the next commit of a branch, or the target of a pin, if it is wanted."""
        if label not in self.states.plan.labels(ZONE):
            return
        self.moves += 1
        commit = compute_id("commit", str(self.moves).encode())
        position = LogPosition(commit, "epoch", self.moves)
        state = self.states.set_target(ZONE, label, position)
        self.states.apply(state, position, Compiled(commit, commit, empty_snapshot(ZONE)))

    def remove(self) -> None:
        self.moves += 1
        position = LogPosition(None, "epoch", self.moves)
        for each in self.states.list_states(ZONE):
            state = self.states.set_target(ZONE, each.branch, position)
            self.states.apply(state, position, None)

    def take(self, steps: list[ServingPlan | str]) -> None:
        for step in steps:
            self.adopt(step) if isinstance(step, ServingPlan) else self.apply(step)


@given(STEPS)
def test_a_served_zone_stays_served_while_the_plan_names_it(
    steps: list[ServingPlan | str],
) -> None:
    world = StateDriver()
    for step in steps:
        before = world.served
        world.take([step])
        labels = world.states.plan.labels(ZONE)
        if not labels:
            assert world.served is None
        elif world.served != labels[0]:
            assert world.served == before


@given(STEPS, PLANS)
def test_once_all_targets_are_applied_only_the_states_of_the_plan_remain(
    steps: list[ServingPlan | str], plan: ServingPlan
) -> None:
    world = StateDriver()
    world.take([*steps, plan])
    labels = plan.labels(ZONE)
    for label in labels:
        world.apply(label)
    assert [state.branch for state in world.states.list_states(ZONE)] == list(labels)
    assert all(state.problem is None for state in world.states.list_states(ZONE))
    served = world.states.zones.by_apex.get(ZONE)
    serving = plan.get(ZONE)
    if serving is None:
        assert served is None
        return
    assert served is not None
    states = [state.branch for state in (served.default, served.canary) if state is not None]
    assert states == list(labels)
    assert served.split == serving.canary


@given(STEPS)
def test_nothing_is_left_of_a_zone_that_is_removed(steps: list[ServingPlan | str]) -> None:
    world = StateDriver()
    world.take(steps)
    world.remove()
    assert world.served is None
    assert list(world.states) == []
    assert not world.states.zones.queries
    world.adopt(ServingPlan(Serving("c")))
    world.apply("c")
    assert world.served == "c"


def test_a_plan_that_is_restored_at_once_changes_nothing() -> None:
    world = StateDriver()
    world.apply("a")
    world.adopt(ServingPlan(Serving("b")))
    assert [state.problem for state in world.states] == ["served until b is loaded"]
    world.adopt(ServingPlan(Serving("a")))
    assert world.served == "a"
    assert [state.problem for state in world.states] == [None]
