"""Which file each zone gets, and whether all of them can lie below one folder. All pure."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from zonegit.errors import Conflict, Invalid
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OFFERED, Scheme

SchemeOf = Callable[[Name], Scheme]
T = TypeVar("T")


class PlacedZone(msgspec.Struct, frozen=True):
    """A zone and its path; ``at`` is the branch or commit, for messages."""

    zone: Name
    at: str
    path: str

    @property
    def shown(self) -> str:
        """As messages name it."""
        return f"{names.text(self.zone)} at {self.at}"


def placed(zones: Sequence[tuple[Name, str]], scheme_of: SchemeOf) -> list[PlacedZone]:
    """Where each zone lies; ``zones`` with what they are at.

    Raises:
        Invalid: a zone has no path under its scheme.
        Conflict: two would get the same file, or the one a folder of the other; names both.
    """
    found = [
        PlacedZone(zone, at, zone_paths.zone_path(zone, scheme_of(zone))) for zone, at in zones
    ]
    both = zone_paths.collision((each.path, each) for each in found)
    if both is None:
        return found
    one, other = both
    if one.zone == other.zone:
        raise Conflict(
            f"{one.shown} and {other.shown} would both be {one.path}",
            hint="a folder holds one state of a zone; check each out into a folder of its own",
        )
    raise Conflict(
        f"{one.shown} and {other.shown} collide: {_paths(one, other)}",
        hint=_instead(zones, scheme_of, one, other),
    )


def leave_out(
    zones: Sequence[T],
    of: Callable[[T], tuple[Name, str]],
    scheme_of: SchemeOf,
    check: Callable[[PlacedZone], None],
    tell: Callable[[str], None],
) -> list[T]:
    """Return the zones that can lie below one folder; one odd zone does not keep the others out.

    Args:
        zones: in the order in which they are given room.
        of: returns a zone's name and what it is at.
        check: raises Invalid where a zone cannot lie at its path.
        tell: takes the reason why a zone is left out.
    """
    found: list[tuple[str, int]] = []
    for number, each in enumerate(zones):
        zone, at = of(each)
        try:
            path = zone_paths.zone_path(zone, scheme_of(zone))
            check(PlacedZone(zone, at, path))
            found.append((path, number))
        except Invalid as error:
            tell(f"left out: {error.message}")
    kept = {number for _, number in found}
    for taken, number in zone_paths.collisions(found):
        kept.discard(number)
        first, second = (of(zones[each])[0] for each in (taken, number))
        advice = "; --scheme flat has a file for each" if scheme_of(second) == "golang" else ""
        tell(f"left out: {names.text(second)} cannot lie beside {names.text(first)}{advice}")
    return [each for number, each in enumerate(zones) if number in kept]


def _paths(one: PlacedZone, other: PlacedZone) -> str:
    if one.path == other.path:
        return f"both would be {one.path}"
    return f"{one.path} and {other.path} cannot lie side by side"


def _instead(
    zones: Sequence[tuple[Name, str]], scheme_of: SchemeOf, one: PlacedZone, other: PlacedZone
) -> str:
    """What works: another scheme where all zones have room in it, else separate folders."""
    for scheme in OFFERED:
        if scheme not in (scheme_of(one.zone), scheme_of(other.zone)) and _fits(zones, scheme):
            return f"--scheme {scheme} has a file for each"
    return "put them into separate folders"


def _fits(zones: Sequence[tuple[Name, str]], scheme: Scheme) -> bool:
    try:
        return (
            zone_paths.collision((zone_paths.zone_path(zone, scheme), zone) for zone, _ in zones)
            is None
        )
    except Invalid:
        return False
