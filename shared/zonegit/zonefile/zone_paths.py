"""Choose the path of a zone's file below the folder of zones: three schemes. Pure.

Two are for people and their tools, and may refuse a zone, or have one path for two zones: labels
may hold ``/`` (RFC 2317). ``unique`` has a path for every zone there can be, and no two share one.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeVar
from urllib.parse import quote_plus

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name

Scheme = Literal["golang", "flat", "unique"]
OFFERED: Final[tuple[Scheme, ...]] = ("golang", "flat")
"""Those an operator may choose."""
DEFAULT: Final[Scheme] = "golang"

GOLANG_FILE: Final = "db.zone"
FLAT_SUFFIX: Final = ".zone"
FLAT_ROOT: Final = "@.zone"
UNIQUE_ROOT: Final = "@"
UNIQUE_PIECE: Final = 200
"""Characters of a name after which ``unique`` goes on one folder down."""
MAX_COMPONENT: Final = 255
"""Octets of a file's name, on every file system in use."""

T = TypeVar("T")


def zone_path(zone: Name, scheme: Scheme) -> str:
    """The path of a zone's file, relative, its components separated by ``/``; none of them is
    empty, ``.``, ``..`` or longer than ``MAX_COMPONENT``, and all is printable ASCII. Where
    people have their files, none begins with a dot: such names are a tool's own.

    Raises:
        Invalid: the scheme, which is not ``unique``, has no such path for the zone.
    """
    match scheme:
        case "golang":
            return _checked(zone, scheme, _golang(zone))
        case "flat":
            return _checked(zone, scheme, _flat(zone))
        case "unique":
            return _unique(zone)


def path_zone(path: str, scheme: Scheme) -> Name | None:
    """The zone whose file would lie at ``path``, which may say anything: a component is one label,
    where a ``/`` within one could have led there, too. None: no zone's does, or the scheme is
    ``unique``, which nobody asks this of."""
    match scheme:
        case "golang":
            *folders, file = path.split("/")
            text = ".".join(reversed(folders)) + "." if file == GOLANG_FILE else ""
        case "flat":
            text = path.removesuffix(FLAT_SUFFIX) + "." if path != FLAT_ROOT else "."
        case "unique":
            return None
    try:
        zone = names.parse(text)
        return zone if zone_path(zone, scheme) == path else None
    except Invalid:
        return None


def _golang(zone: Name) -> str:
    """Return the canonical name as folders, the last label first."""
    parts = (names.text(names.join([label]))[:-1] for label in reversed(names.labels(zone)))
    return "/".join((*parts, GOLANG_FILE))


def _flat(zone: Name) -> str:
    if zone == names.ROOT:
        return FLAT_ROOT
    return names.text(zone)[:-1].rpartition("/")[2] + FLAT_SUFFIX


def _unique(zone: Name) -> str:
    if zone == names.ROOT:
        return UNIQUE_ROOT
    quoted = quote_plus(names.text(zone))
    starts = range(0, len(quoted), UNIQUE_PIECE)
    *folders, last = (quoted[start : start + UNIQUE_PIECE] for start in starts)
    if not last.strip("."):
        last = last.replace(".", "%2E")  # which nothing else is quoted to; . and .. are no files
    return "/".join((*(f"{folder}+" for folder in folders), last))


def _checked(zone: Name, scheme: Scheme, path: str) -> str:
    for component in path.split("/"):
        if not component or component.startswith("."):
            raise _no_path(zone, scheme, "a label in it would have no name, or a file be hidden")
        if len(component) > MAX_COMPONENT:
            raise _no_path(zone, scheme, f"one in it would be longer than {MAX_COMPONENT}")
    return path


def _no_path(zone: Name, scheme: Scheme, why: str) -> Invalid:
    others = " or ".join(each for each in OFFERED if each != scheme)
    return Invalid(
        f"{names.text(zone)} has no path under the scheme {scheme}: {why}",
        hint=f"try --scheme {others} for it, or export it alone: zonegit export",
    )


def collision(paths: Iterable[tuple[str, T]]) -> tuple[T, T] | None:
    """The first two of ``paths`` that cannot lie below one folder, by what stands beside them:
    equal ones, also where a file system takes capitals for small letters, or one that would be a
    folder of the other. None: all can."""
    return next(collisions(paths), None)


def collisions(paths: Iterable[tuple[str, T]]) -> Iterator[tuple[T, T]]:
    """Yield each of ``paths`` that cannot lie beside those before it, after the one that it
    collides with; it is then left out."""
    files: dict[str, T] = {}
    folders: dict[str, T] = {}
    for path, owner in paths:
        folded = path.casefold()
        above = list(_above(folded))
        places = (files.get(folded), folders.get(folded), *(files.get(at) for at in above))
        taken = next((each for each in places if each is not None), None)
        if taken is not None:
            yield taken, owner
            continue
        files[folded] = owner
        folders.update(dict.fromkeys(above, owner))


def _above(path: str) -> Iterator[str]:
    """Yield the folders that a path leads through."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
