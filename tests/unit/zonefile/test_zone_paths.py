"""The paths of zones as files: a table, and laws for zones with any name."""

import pytest
from hypothesis import given
from tests.support.strategies import zone_names

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile.zone_paths import MAX_COMPONENT, Scheme, find_collision, parse_path, zone_path

TABLE: list[tuple[str, Scheme, str]] = [
    ("example.com.", "golang", "com/example/db.zone"),
    ("sub.example.com.", "golang", "com/example/sub/db.zone"),
    ("0/25.2.0.192.in-addr.arpa.", "golang", "arpa/in-addr/192/0/2/0/25/db.zone"),
    (".", "golang", "db.zone"),
    ("example.com.", "flat", "example.com.zone"),
    ("sub.example.com.", "flat", "sub.example.com.zone"),
    ("0/25.2.0.192.in-addr.arpa.", "flat", "25.2.0.192.in-addr.arpa.zone"),
    (".", "flat", "@.zone"),
    ("example.com.", "unique", "example.com."),
    ("sub.example.com.", "unique", "sub.example.com."),
    ("0/25.2.0.192.in-addr.arpa.", "unique", "0%2F25.2.0.192.in-addr.arpa."),
    (".", "unique", "@"),
    ("@.", "unique", "%5C%40."),
    ("EXAMPLE.com.", "flat", "example.com.zone"),
    (r"a\.b.com.", "golang", r"com/a\.b/db.zone"),
    (r"\.\..com.", "golang", r"com/\.\./db.zone"),
    (r"\.\..com.", "flat", r"\.\..com.zone"),
    (r"\000\010.", "golang", r"\000\010/db.zone"),
    (r"\000\010.", "unique", "%5C000%5C010."),
]


@pytest.mark.parametrize(("zone", "scheme", "path"), TABLE)
def test_a_zone_has_the_path_of_its_scheme(zone: str, scheme: Scheme, path: str) -> None:
    assert zone_path(names.parse(zone), scheme) == path


@pytest.mark.parametrize(
    ("zone", "scheme"),
    [
        ("/.", "golang"),
        ("/etc.", "golang"),
        ("etc/.", "golang"),
        ("a//b.com.", "golang"),
        ("x/.", "flat"),
        ("x/.example.com.", "flat"),
        (".".join(["a" * 63] * 4)[:-3] + ".", "flat"),
        ((r"\000" * 62 + ".") * 3, "flat"),
    ],
)
def test_a_zone_without_a_path_under_a_scheme_is_refused(zone: str, scheme: Scheme) -> None:
    with pytest.raises(Invalid, match="has no path under the scheme"):
        zone_path(names.parse(zone), scheme)


@pytest.mark.parametrize("rest", ["", r"\.", r"\.\."])
def test_a_name_divided_before_its_last_dots_is_still_a_file(rest: str) -> None:
    """Its last part would be ``.``, ``..`` or ``...``, two of which are folders."""
    first = f"{'a' * 63}.{'b' * 63}.{'c' * 50}"
    last = set()
    for length in range(1, 30):
        *folders, file = zone_path(names.parse(f"{first}.{'d' * length}{rest}."), "unique").split(
            "/"
        )
        assert file not in (".", "..")
        assert all(folder.endswith("+") for folder in folders)
        last.add(file)
    assert "%2E" in last


@given(zone_names, zone_names)
def test_no_two_zones_share_a_unique_path(one: Name, other: Name) -> None:
    paths = [(zone_path(zone, "unique"), zone) for zone in (one, other)]
    assert (find_collision(paths) is None) == (one != other)


@given(zone_names)
def test_no_path_leads_out_of_its_folder(zone: Name) -> None:
    schemes: list[Scheme] = ["golang", "flat", "unique"]
    for scheme in schemes:
        try:
            path = zone_path(zone, scheme)
        except Invalid:
            assert scheme != "unique"
            continue
        assert path.isascii()
        assert path.isprintable()
        for component in path.split("/"):
            assert component not in ("", ".", "..")
            assert len(component) <= MAX_COMPONENT


@pytest.mark.parametrize(
    "paths",
    [
        ["a/db.zone", "b/db.zone", "a/db.zone"],
        ["Example.com.zone", "example.com.zone"],
        ["a", "a/b"],
        ["a/b/c", "a/b"],
    ],
)
def test_incompatible_paths_are_detected(paths: list[str]) -> None:
    assert find_collision((path, path) for path in paths) is not None
    assert find_collision((path, path) for path in reversed(paths)) is not None


def test_nested_zones_have_compatible_paths() -> None:
    zones = map(names.parse, ("example.com.", "sub.example.com.", "com.", "."))
    assert find_collision((zone_path(zone, "golang"), zone) for zone in zones) is None


@given(zone_names)
def test_a_path_determines_its_zone_unless_a_label_was_divided(zone: Name) -> None:
    schemes: list[Scheme] = ["golang", "flat"]
    for scheme in schemes:
        try:
            path = zone_path(zone, scheme)
        except Invalid:
            continue
        told = parse_path(path, scheme)
        assert told is not None
        assert zone_path(told, scheme) == path
        if b"/" not in zone:
            assert told == zone


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        ("com/example/README", "golang"),
        ("Com/example/db.zone", "golang"),
        ("com//db.zone", "golang"),
        ("com/../db.zone", "golang"),
        ("com/a.b/db.zone", "golang"),
        ("db.zone/x", "golang"),
        ("/db.zone", "golang"),
        ("com/example.com.zone", "flat"),
        ("..zone", "flat"),
        (".zone", "flat"),
        ("\udcff.zone", "flat"),
        ("@", "unique"),
    ],
)
def test_a_path_of_no_zone_determines_none(path: str, scheme: Scheme) -> None:
    assert parse_path(path, scheme) is None
