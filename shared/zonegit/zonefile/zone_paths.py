"""Choose the path of a zone's file below the folder of zones, by one of three schemes.

``golang`` and ``flat`` are for operators and their tools. They have no path for some zones, and may
have one path for two zones, because labels may contain ``/`` (RFC 2317). ``unique`` has a different
path for every possible zone.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, TypeVar
from urllib.parse import quote_plus

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name

Scheme = Literal["golang", "flat", "unique"]
OPERATOR_SCHEMES: Final[tuple[Scheme, ...]] = ("golang", "flat")
"""Schemes that an operator may choose."""
DEFAULT: Final[Scheme] = "golang"

GOLANG_FILE: Final = "db.zone"
FLAT_SUFFIX: Final = ".zone"
FLAT_ROOT: Final = "@.zone"
UNIQUE_ROOT: Final = "@"
UNIQUE_PIECE: Final = 200
"""Characters per component of a ``unique`` path; a longer name continues in a folder below."""
MAX_COMPONENT: Final = 255
"""Octets of a file name, on every file system in use."""

T = TypeVar("T")


def zone_path(zone: Name, scheme: Scheme) -> str:
    """Return the relative path of a zone's file, its components separated by ``/``.

    The path is printable ASCII. No component is empty, ``.``, ``..`` or longer than
    ``MAX_COMPONENT``. Under ``golang`` and ``flat`` no component begins with a dot, because such
    names are reserved for tools.

    Raises:
        Invalid: the scheme has no path for the zone; never for ``unique``.
    """
    match scheme:
        case "golang":
            return _check_path(zone, scheme, _golang(zone))
        case "flat":
            return _check_path(zone, scheme, _flat(zone))
        case "unique":
            return _unique(zone)


def parse_path(path: str, scheme: Scheme) -> Name | None:
    """Return the zone whose file has a path, the inverse of :func:`zone_path`.

    Args:
        path: any relative path. Each component is read as one label, although a label that
            contains ``/`` may have the same path.
        scheme: ``golang`` or ``flat``; the inverse of ``unique`` is not implemented.

    Returns:
        The zone, or None if no zone has that path or the scheme is ``unique``.
    """
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
    """Return the labels of a zone as folders, the last label first."""
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
        # "." and ".." are not file names; quote_plus never writes "%2E".
        last = last.replace(".", "%2E")
    return "/".join((*(f"{folder}+" for folder in folders), last))


def _check_path(zone: Name, scheme: Scheme, path: str) -> str:
    for component in path.split("/"):
        if not component or component.startswith("."):
            raise _no_path_error(zone, scheme, "a component would be empty or begin with a dot")
        if len(component) > MAX_COMPONENT:
            raise _no_path_error(zone, scheme, f"a component would be longer than {MAX_COMPONENT}")
    return path


def _no_path_error(zone: Name, scheme: Scheme, why: str) -> Invalid:
    others = " or ".join(each for each in OPERATOR_SCHEMES if each != scheme)
    return Invalid(
        f"{names.text(zone)} has no path under the scheme {scheme}: {why}",
        hint=f"try --scheme {others} for it, or export it alone: zonegit export",
    )


def find_collision(paths: Iterable[tuple[str, T]]) -> tuple[T, T] | None:
    """Return the owners of the first two paths that cannot exist below one folder, or None.

    Two paths collide if they are equal without regard to case, as some file systems compare them,
    or if one is a folder of the other.

    Args:
        paths: relative paths with their owners.
    """
    return next(find_collisions(paths), None)


def find_collisions(paths: Iterable[tuple[str, T]]) -> Iterator[tuple[T, T]]:
    """Yield (earlier owner, owner) for each path that collides with an earlier one.

    A path that collides is not compared with the paths after it.
    """
    files: dict[str, T] = {}
    folders: dict[str, T] = {}
    for path, owner in paths:
        folded = path.casefold()
        above = list(_list_folders(folded))
        places = (files.get(folded), folders.get(folded), *(files.get(at) for at in above))
        taken = next((each for each in places if each is not None), None)
        if taken is not None:
            yield taken, owner
            continue
        files[folded] = owner
        folders.update(dict.fromkeys(above, owner))


def _list_folders(path: str) -> Iterator[str]:
    """Yield the folders of a path, the innermost first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
