"""Choose the path of each zone's file, and detect collisions. Pure functions."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from zonegit.errors import Conflict, Invalid
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme

SchemeOf = Callable[[Name], Scheme]
T = TypeVar("T")


class PlacedZone(msgspec.Struct, frozen=True):
    """A zone and its path; ``at`` is its branch or refish, for messages."""

    zone: Name
    at: str
    path: str

    @property
    def shown(self) -> str:
        """Return the name of the zone in messages."""
        return f"{names.text(self.zone)} at {self.at}"


def place_zones(zones: Sequence[tuple[Name, str]], scheme_of: SchemeOf) -> list[PlacedZone]:
    """Return zones with their paths.

    Args:
        zones: each zone with its branch or refish.
        scheme_of: returns the scheme of a zone.

    Raises:
        Invalid: a zone has no path in its scheme.
        Conflict: two zones have the same path, or one path is a folder of the other; names both.
    """
    found = [
        PlacedZone(zone, at, zone_paths.zone_path(zone, scheme_of(zone))) for zone, at in zones
    ]
    both = zone_paths.find_collision((each.path, each) for each in found)
    if both is None:
        return found
    one, other = both
    if one.zone == other.zone:
        raise Conflict(
            f"{one.shown} and {other.shown} have the same path {one.path}",
            hint="a workspace has one file for each zone; check them out into separate folders",
        )
    raise Conflict(
        f"{one.shown} and {other.shown} collide: {_describe_paths(one, other)}",
        hint=_find_alternative(zones, scheme_of, one, other),
    )


def leave_out(
    zones: Sequence[T],
    of: Callable[[T], tuple[Name, str]],
    scheme_of: SchemeOf,
    check: Callable[[PlacedZone], None],
    note: Callable[[str], None],
) -> list[T]:
    """Return the zones that do not collide, and print a note for each of the others.

    Args:
        zones: the zones; of two that collide the first is kept.
        of: returns a zone's name, and its branch or refish.
        scheme_of: returns the scheme of a zone.
        check: raises Invalid if a zone cannot have its path.
        note: prints why a zone is left out.
    """
    found: list[tuple[str, int]] = []
    for number, each in enumerate(zones):
        zone, at = of(each)
        try:
            path = zone_paths.zone_path(zone, scheme_of(zone))
            check(PlacedZone(zone, at, path))
            found.append((path, number))
        except Invalid as error:
            note(f"left out: {error.message}")
    kept = {number for _, number in found}
    for taken, number in zone_paths.find_collisions(found):
        kept.discard(number)
        first, second = (of(zones[each])[0] for each in (taken, number))
        advice = "; use --scheme flat" if scheme_of(second) == "golang" else ""
        note(f"left out: {names.text(second)} collides with {names.text(first)}{advice}")
    return [each for number, each in enumerate(zones) if number in kept]


def _describe_paths(one: PlacedZone, other: PlacedZone) -> str:
    if one.path == other.path:
        return f"both have the path {one.path}"
    return f"{one.path} and {other.path} cannot both exist"


def _find_alternative(
    zones: Sequence[tuple[Name, str]], scheme_of: SchemeOf, one: PlacedZone, other: PlacedZone
) -> str:
    """Return the hint: another scheme in which no zones collide, else separate folders."""
    for scheme in OPERATOR_SCHEMES:
        is_other = scheme not in (scheme_of(one.zone), scheme_of(other.zone))
        if is_other and _is_without_collision(zones, scheme):
            return f"use --scheme {scheme}"
    return "use separate folders"


def _is_without_collision(zones: Sequence[tuple[Name, str]], scheme: Scheme) -> bool:
    try:
        return (
            zone_paths.find_collision(
                (zone_paths.zone_path(zone, scheme), zone) for zone, _ in zones
            )
            is None
        )
    except Invalid:
        return False
