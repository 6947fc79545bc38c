"""The states of secondaries: notified, answered, transferred."""

from collections import Counter

import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.waiting import eventually
from tests.unit.resolver.test_notify import ZONE, NotifyPeer, listening, notifying, zone

from zonegit.nameserver.acl import Address, Secondary
from zonegit.wire.messages import MAX_SECONDARIES, AskSecondaries
from zonegit.zone import names
from zonegit_resolver.report.secondaries import list_secondaries
from zonegit_resolver.xfr.secondary_states import Progress, SecondaryStates

K1, K2 = names.parse("k1."), names.parse("k2.")
PLAIN = Secondary(Address("192.0.2.1", 53))
KEYED = Secondary(Address("192.0.2.1", 53), K1)
OTHER = Secondary(Address("192.0.2.1", 5353), K2)
ELSEWHERE = Secondary(Address("192.0.2.2", 53))


def states_of(*secondaries: Secondary) -> SecondaryStates:
    states = SecondaryStates(lambda _: secondaries)
    for each in secondaries:
        states.record_notify(ZONE, each, 7)
    return states


def progress(states: SecondaryStates) -> dict[Secondary, str]:
    return {state.secondary: state.progress.value for state in states.list_states()}


def test_a_secondary_goes_from_waiting_to_in_step() -> None:
    states = states_of(PLAIN)
    assert progress(states) == {PLAIN: "waiting"}
    states.record_attempt(ZONE, PLAIN)
    assert progress(states) == {PLAIN: "waiting"}
    states.record_attempt(ZONE, PLAIN)
    assert progress(states) == {PLAIN: "silent"}
    states.record_answer(ZONE, PLAIN)
    assert progress(states) == {PLAIN: "answered"}
    states.record_transfer(ZONE, "192.0.2.1", None, "axfr", 6)
    assert progress(states) == {PLAIN: "behind"}
    states.record_transfer(ZONE, "192.0.2.1", None, "ixfr", 7)
    assert progress(states) == {PLAIN: "in step"}
    states.record_notify(ZONE, PLAIN, 8)
    assert progress(states) == {PLAIN: "waiting"}


def test_a_refusal_and_the_end_of_all_attempts_are_reported() -> None:
    states = states_of(PLAIN, ELSEWHERE)
    states.record_answer(ZONE, PLAIN, "REFUSED", refused=True)
    states.record_answer(ZONE, ELSEWHERE, "no answer")
    assert progress(states) == {PLAIN: "refused", ELSEWHERE: "silent"}


@pytest.mark.parametrize(
    ("configured", "key", "found"),
    [
        ((PLAIN, ELSEWHERE), None, PLAIN),
        ((PLAIN, ELSEWHERE), K1, PLAIN),
        ((KEYED, OTHER), K2, OTHER),
        ((PLAIN, OTHER), K2, OTHER),
        ((PLAIN, OTHER), None, PLAIN),
        ((KEYED, OTHER), None, None),
        ((PLAIN, Secondary(Address("192.0.2.1", 5353))), None, None),
    ],
)
def test_a_transfer_belongs_to_the_secondary_with_its_address_and_key(
    configured: tuple[Secondary, ...], key: names.Name | None, found: Secondary | None
) -> None:
    states = states_of(*configured)
    states.record_transfer(ZONE, "192.0.2.1", key, "axfr", 7)
    in_step = [each for each, state in progress(states).items() if state == "in step"]
    assert in_step == ([found] if found is not None else [])


def test_a_transfer_of_a_client_that_is_not_notified_changes_nothing() -> None:
    states = states_of(PLAIN)
    states.record_transfer(ZONE, "198.51.100.1", None, "axfr", 7)
    states.record_transfer(names.parse("other."), "192.0.2.1", None, "axfr", 7)
    assert progress(states) == {PLAIN: "waiting"}


def test_states_of_removed_secondaries_and_zones_are_deleted() -> None:
    configured = [PLAIN, ELSEWHERE]
    states = SecondaryStates(lambda _: tuple(configured))
    for each in configured:
        states.record_notify(ZONE, each, 7)
    configured.remove(PLAIN)
    states.forget_others(ZONE)
    assert list(progress(states)) == [ELSEWHERE]
    states.forget(ZONE)
    assert not list(states.list_states())
    assert not states.counts


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["notify", "attempt", "answer", "refuse", "transfer", "forget"]),
            st.sampled_from([PLAIN, ELSEWHERE]),
            st.integers(1, 2),
        )
    )
)
def test_the_counts_are_those_of_the_states(steps: list[tuple[str, Secondary, int]]) -> None:
    states = SecondaryStates(lambda _: (PLAIN, ELSEWHERE))
    for what, secondary, serial in steps:
        match what:
            case "notify":
                states.record_notify(ZONE, secondary, serial)
            case "attempt":
                states.record_attempt(ZONE, secondary)
            case "answer":
                states.record_answer(ZONE, secondary)
            case "refuse":
                states.record_answer(ZONE, secondary, "REFUSED", refused=True)
            case "transfer":
                states.record_transfer(ZONE, secondary.address.host, None, "axfr", serial)
            case _:
                states.forget(ZONE)
        expected = Counter((each.secondary, each.progress) for each in states.list_states())
        assert states.counts == expected


def test_all_pages_together_list_each_secondary_once() -> None:
    zones = [names.parse(f"z{number}.example.") for number in range(MAX_SECONDARIES)]
    states = SecondaryStates(lambda _: (PLAIN, ELSEWHERE))
    for each in zones:
        states.record_notify(each, PLAIN, 1)
        states.record_notify(each, ELSEWHERE, 1)
    found, after = [], None
    while True:
        page = list_secondaries("r", states, AskSecondaries(after=after))
        found += [(each.zone, each.secondary) for each in page.secondaries]
        if not page.more:
            break
        after = found[-1]
    assert found == sorted((each, str(key)) for each in zones for key in (PLAIN, ELSEWHERE))
    only = list_secondaries("r", states, AskSecondaries(zone=zones[3]))
    assert [each.zone for each in only.secondaries] == [zones[3]] * 2


def test_a_page_of_long_texts_is_shorter() -> None:
    states = SecondaryStates(lambda _: (PLAIN,))
    for number in range(MAX_SECONDARIES):
        apex = names.parse(f"z{number}.example.")
        states.record_notify(apex, PLAIN, 1)
        states.record_answer(apex, PLAIN, "x" * 4_000)
    page = list_secondaries("r", states, AskSecondaries())
    assert page.more
    assert 50 < len(page.secondaries) < 150


def test_zones_that_come_and_go_are_listed_once_and_in_order() -> None:
    states = SecondaryStates(lambda _: (PLAIN,))
    zones = [names.parse(f"{label}.example.") for label in "dacb"]
    for each in zones:
        states.record_notify(each, PLAIN, 1)
    assert [state.zone for state in states.list_states()] == sorted(zones)
    states.forget(zones[0])
    states.record_notify(zones[0], PLAIN, 1)
    states.record_notify(names.parse("aa.example."), PLAIN, 1)
    found = [state.zone for state in states.list_states()]
    assert found == sorted([*zones, names.parse("aa.example.")])


async def test_the_notifier_records_answers_and_refusals() -> None:
    async with (
        listening(NotifyPeer()) as good,
        listening(NotifyPeer(rcode=dns.rcode.REFUSED)) as refusing,
        listening(NotifyPeer(answers=False)) as silent,
        notifying(good, refusing, silent) as notifier,
    ):
        notifier.notify(ZONE, zone(7))
        expected = {
            good.secondary: Progress.ANSWERED,
            refusing.secondary: Progress.REFUSED,
            silent.secondary: Progress.SILENT,
        }
        await eventually(
            lambda: (
                {each.secondary: each.progress for each in notifier.states.list_states()}
                == expected
            )
        )
