"""The registry of resolvers, with a clock set by the test."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.wire import codec
from zonegit.wire.messages import (
    ANNOUNCE_INTERVAL_S,
    FORGET_AFTER_S,
    MAX_ANNOUNCEMENT,
    MAX_RESOLVERS,
    MAX_RESOLVERS_LISTED,
    SILENT_AFTER_S,
    Announcement,
    Registered,
)
from zonegit_refs.registry import SETTLED_AFTER_S, Registry


def announce(name: str = "r", instance: str = "one", *, is_leaving: bool = False) -> Announcement:
    return Announcement(
        resolver=name,
        instance=instance,
        version="1",
        started=0.0,
        epoch="e",
        sequence=1,
        is_leaving=is_leaving,
    )


def list_all(registry: Registry, now: float) -> dict[str, Registered]:
    """Return the resolvers of all pages."""
    found: list[Registered] = []
    after: str | None = ""
    while after is not None:
        page = registry.page(now, after)
        found += page.resolvers
        after = page.after
    return {each.last.resolver: each for each in found}


def test_a_resolver_that_missed_three_announcements_is_silent_and_still_listed() -> None:
    registry = Registry(0.0)
    registry.record(announce(), 0.0)
    assert not list_all(registry, 2.9 * ANNOUNCE_INTERVAL_S)["r"].is_silent
    assert list_all(registry, 3 * ANNOUNCE_INTERVAL_S)["r"].is_silent
    assert registry.list_responsive(3 * ANNOUNCE_INTERVAL_S) == []


def test_a_silent_resolver_is_forgotten_after_a_minute() -> None:
    registry = Registry(0.0)
    registry.record(announce(), 0.0)
    assert "r" in list_all(registry, FORGET_AFTER_S - 0.1)
    assert list_all(registry, FORGET_AFTER_S) == {}


def test_a_resolver_that_says_goodbye_is_not_listed() -> None:
    registry = Registry(0.0)
    registry.record(announce(), 0.0)
    registry.record(announce(is_leaving=True), 1.0)
    assert list_all(registry, 1.0) == {}


def test_the_late_goodbye_of_a_predecessor_does_not_remove_its_successor() -> None:
    registry = Registry(0.0)
    registry.record(announce(instance="one"), 0.0)
    registry.record(announce(instance="two"), 1.0)
    registry.record(announce(instance="one", is_leaving=True), 1.1)
    assert list_all(registry, 2.0)["r"].last.instance == "two"


def test_a_successor_replaces_a_killed_process() -> None:
    registry = Registry(0.0)
    registry.record(announce(instance="one"), 0.0)
    registry.record(announce(instance="two"), 1.0)
    found = list_all(registry, 2.0)["r"]
    assert (found.last.instance, found.is_contested) == ("two", False)


def test_two_processes_with_one_name_are_contested_until_one_ends() -> None:
    registry = Registry(0.0)
    for now, instance in enumerate(("one", "two", "one", "two")):
        registry.record(announce(instance=instance), float(now))
    assert list_all(registry, 3.0)["r"].is_contested
    for now in range(6, 13, 3):
        registry.record(announce(instance="two"), float(now))
    assert not list_all(registry, 12.0)["r"].is_contested


def test_a_new_registry_is_complete_once_all_had_the_time_to_announce_themselves() -> None:
    registry = Registry(0.0)
    assert not registry.is_settled(0.0)
    registry.record(announce(), 0.1)
    assert not registry.is_settled(1.0)
    assert registry.settles_in(1.0) == SETTLED_AFTER_S - 1.0
    assert registry.is_settled(SETTLED_AFTER_S)


def test_a_registry_is_complete_once_all_expected_resolvers_are_heard() -> None:
    registry = Registry(0.0)
    registry.record(announce("a"), 0.1)
    assert not registry.is_settled(0.2, ["a", "b"])
    registry.record(announce("b"), 0.2)
    assert registry.is_settled(0.2, ["a", "b"])


def test_an_outage_of_the_bus_makes_no_resolver_silent() -> None:
    registry = Registry(0.0)
    registry.record(announce(), 0.0)
    registry.resume(100.0)
    assert not list_all(registry, 100.0)["r"].is_silent
    assert not registry.is_settled(100.0)
    assert list_all(registry, 100.0 + SILENT_AFTER_S)["r"].is_silent


def test_a_full_registry_refuses_new_names_and_keeps_known_ones() -> None:
    registry = Registry(0.0)
    for number in range(MAX_RESOLVERS):
        assert registry.record(announce(f"r{number}"), 0.0)
    assert not registry.record(announce("late"), 1.0)
    assert registry.record(announce("r0"), 1.0)
    assert len(registry) == MAX_RESOLVERS
    assert len(list_all(registry, 1.0)) == MAX_RESOLVERS
    assert registry.page(1.0).full
    assert not registry.page(1.0 + FORGET_AFTER_S).full


def test_a_registry_is_no_longer_full_once_refused_names_have_room() -> None:
    registry = Registry(0.0)
    for number in range(MAX_RESOLVERS):
        registry.record(announce(f"r{number}"), 0.0)
    registry.record(announce("late"), 1.0)
    registry.record(announce("r0", is_leaving=True), 2.0)
    assert registry.page(2.0).full
    registry.record(announce("late"), 3.0)
    assert not registry.page(3.0).full


def test_forgotten_resolvers_make_room() -> None:
    registry = Registry(0.0)
    for number in range(MAX_RESOLVERS):
        registry.record(announce(f"r{number}"), 0.0)
    assert registry.record(announce("late"), FORGET_AFTER_S)
    assert list(list_all(registry, FORGET_AFTER_S)) == ["late"]


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}\Z"), max_size=30))
def test_the_pages_hold_every_name_once_sorted(names: list[str]) -> None:
    registry = Registry(0.0)
    for name in names:
        registry.record(announce(name), 0.0)
    assert list(list_all(registry, 0.0)) == sorted(set(names))


def test_the_largest_page_fits_a_message() -> None:
    longest = msgspec.structs.replace(
        announce(),
        instance="i" * 64,
        version="v" * 64,
        epoch="e" * 64,
        operation="o" * 64,
        began="b" * 64,
        branches=["\U0001f600" * 50] * 2,
        sequence=2**63 - 1,
        zones=2**63 - 1,
    )
    registry = Registry(0.0)
    for number in range(MAX_RESOLVERS_LISTED + 1):
        registry.record(msgspec.structs.replace(longest, resolver=f"{number:064}"), 0.0)
    assert len(codec.encode(longest)) < MAX_ANNOUNCEMENT
    assert len(codec.encode(registry.page(0.0))) < codec.MAX_MESSAGE


@pytest.mark.parametrize(
    "change",
    [
        {"resolver": "a b"},
        {"resolver": "x" * 65},
        {"instance": "x" * 65},
        {"branches": ["a", "b", "c"]},
        {"branches": ["x" * 201]},
        {"version": "x" * 65},
        {"sequence": -1},
    ],
)
def test_an_announcement_with_a_field_out_of_bounds_is_refused(change: dict[str, object]) -> None:
    octets = codec.encode(msgspec.structs.replace(announce(), **change))
    with pytest.raises(Invalid):
        codec.decode(octets, Announcement, MAX_ANNOUNCEMENT)


def test_an_announcement_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Invalid, match="too large"):
        codec.decode(bytes(MAX_ANNOUNCEMENT + 1), Announcement, MAX_ANNOUNCEMENT)
