"""Collisions of paths, compared with those in a set of the paths."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Conflict, Invalid
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme
from zonegit_cli.workspace.paths import place_zones

REVERSE = ["0/25.2.0.192.in-addr.arpa.", "25.0.2.0.192.in-addr.arpa."]
SHORTER = ["0/25.2.0.192.in-addr.arpa.", "25.2.0.192.in-addr.arpa."]

_labels = st.sampled_from([b"a", b"b", b"a/b", b"b/a", b"db.zone", b"zone", b"a.b", b"@", b"/"])
zone_lists = st.lists(st.lists(_labels, max_size=3).map(names.join), max_size=6)


def place(zones: Sequence[str], scheme: Scheme) -> list[str]:
    found = place_zones([(names.parse(zone), "main") for zone in zones], lambda _: scheme)
    return [each.path for each in found]


@pytest.mark.parametrize(
    ("zones", "scheme", "instead"),
    [
        (REVERSE, "golang", "--scheme flat"),
        (["a/b.", "b.a."], "golang", "--scheme flat"),
        (SHORTER, "flat", "--scheme golang"),
        ([*REVERSE, *SHORTER], "golang", "separate folders"),
        (["a/b.", "b.a.", "b."], "golang", "separate folders"),
    ],
)
def test_a_collision_names_both_zones_and_an_alternative(
    zones: list[str], scheme: Scheme, instead: str
) -> None:
    with pytest.raises(Conflict, match="collide") as refused:
        place(zones, scheme)
    assert all(zone in refused.value.message for zone in zones[:2])
    assert instead in (refused.value.hint or "")


def test_the_alternative_to_a_collision_works() -> None:
    assert place(REVERSE, "flat")
    assert place(SHORTER, "golang")


def test_two_branches_of_a_zone_do_not_share_a_folder() -> None:
    zone = names.parse("example.com.")
    with pytest.raises(Conflict, match=r"at main and .* at canary") as refused:
        place_zones([(zone, "main"), (zone, "canary")], lambda _: "golang")
    assert "separate folders" in (refused.value.hint or "")


def test_zones_of_different_schemes_may_collide() -> None:
    """``db.`` has the same path in flat as the root in golang."""
    root, db = names.ROOT, names.parse("db.")
    with pytest.raises(Conflict):
        place_zones([(root, "main"), (db, "main")], lambda zone: "flat" if zone == db else "golang")


def test_nested_zones_do_not_collide() -> None:
    zones = ["example.com.", "sub.example.com.", "com.", "."]
    assert place(zones, "golang") == [
        "com/example/db.zone", "com/example/sub/db.zone", "com/db.zone", "db.zone",
    ]  # fmt: skip


@given(zone_lists, st.sampled_from(OPERATOR_SCHEMES))
def test_every_collision_is_found_and_no_other(zones: list[Name], scheme: Scheme) -> None:
    paths = []
    for zone in zones:
        try:
            paths.append(zone_paths.zone_path(zone, scheme).casefold())
        except Invalid:
            with pytest.raises(Invalid):
                place_zones([(each, "main") for each in zones], lambda _: scheme)
            return
    below = {path[:at] for path in paths for at, letter in enumerate(path) if letter == "/"}
    collide = len(set(paths)) < len(paths) or not below.isdisjoint(paths)
    if collide:
        with pytest.raises(Conflict):
            place_zones([(each, "main") for each in zones], lambda _: scheme)
    else:
        assert len(place_zones([(each, "main") for each in zones], lambda _: scheme)) == len(zones)
