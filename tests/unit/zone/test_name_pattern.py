"""Patterns of names: an asterisk matches within one label, and nothing else is special."""

import fnmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.zone import name_pattern, names
from zonegit.zone.name_pattern import NamePattern

ZONE = names.parse("foo.com.")

_characters = st.text("ab-*", min_size=1, max_size=8)
_labels = st.text("ab-", min_size=1, max_size=8)


def parse(text: str) -> NamePattern:
    found = name_pattern.parse(text, ZONE)
    assert found is not None
    return found


def matches(pattern: str, name: str) -> bool:
    return parse(pattern).matches(names.path(names.parse(name, ZONE), ZONE))


@given(st.lists(_characters, min_size=1, max_size=3), st.lists(_labels, min_size=1, max_size=3))
@example(["a*a"], ["a"])
@example(["a*b*b"], ["ab"])
@example(["**"], ["a"])
@example(["b", "*"], ["b", "a"])
def test_a_pattern_is_fnmatch_label_by_label(pattern: list[str], labels: list[str]) -> None:
    found = name_pattern.parse(".".join(pattern), ZONE)
    literal = [each for each in pattern if "*" in each and each != "*"] or "*" in pattern[1:]
    assert (found is not None) == bool(literal)
    if found is None:
        return
    wanted = len(pattern) == len(labels) and all(
        fnmatch.fnmatchcase(label, "[*]" if index == 0 and each == "*" else each)
        for index, (each, label) in enumerate(zip(pattern, labels, strict=True))
    )
    assert found.matches(names.path(names.parse(".".join(labels), ZONE), ZONE)) == wanted


@pytest.mark.parametrize(
    ("pattern", "name", "wanted"),
    [
        ("dhcp-*", "dhcp-7", True),
        ("dhcp-*", "dhcp-", True),
        ("dhcp-*", "dhcp-7.lab", False),
        ("dhcp-*", "@", False),
        ("DHCP-*", "dhcp-7", True),
        ("dhcp-*.foo.com.", "dhcp-7", True),
        ("dhcp-*.lab", "dhcp-7.lab", True),
        ("www.*", "www.lab", True),
        ("www.*", "www.*", True),
        ("*.dhcp-*", "*.dhcp-7", True),
        ("*.dhcp-*", "a.dhcp-7", False),
        ("**", "a", True),
        ("**", "*", True),
        ("**", "@", False),
        (r"a\*b*", "a*bc", True),
        (r"a\*b*", "axbc", False),
        (r"a\042b*", "a*bc", True),
        ("a?*", "a?b", True),
        ("a?*", "abc", False),
        ("[ab]*", "a", False),
        (r"a\.*", r"a\.b", True),
        (r"a\.*", "a.b", False),
        (r"\255*", r"\255\000", True),
        ("a*.bücher", "ab.xn--bcher-kva", True),
    ],
)
def test_a_pattern_matches_within_labels(pattern: str, name: str, wanted: bool) -> None:
    assert matches(pattern, name) == wanted


@pytest.mark.parametrize(
    "text", ["*", "*.lab", "www", r"a\*", r"\*.lab", r"a\042b", "@", "*.foo.com.", "www.foo.com."]
)
def test_a_wildcard_is_a_name_and_not_a_pattern(text: str) -> None:
    assert name_pattern.parse(text, ZONE) is None


@pytest.mark.parametrize(
    "text", ["a*.com.", "www.*.com.", "a*..b", "ü*", "a*" * 40, "a*." * 100, "a*\\", "a*\\300"]
)
def test_a_malformed_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        name_pattern.parse(text, ZONE)


def test_an_asterisk_in_the_name_of_the_zone_is_literal() -> None:
    zone = names.parse("*.foo.com.")
    found = name_pattern.parse("a*", zone)
    assert found is not None
    assert found.matches((b"ab",))
    assert name_pattern.parse(r"a.\*.foo.com.", zone) is None
    with pytest.raises(Invalid, match="an asterisk in the name of the zone"):
        name_pattern.parse("a*.*.foo.com.", zone)


def test_many_asterisks_match_in_linear_time() -> None:
    pattern = parse("*a" * 31)
    assert not pattern.matches((b"a" * 62 + b"b",))
    assert pattern.matches((b"a" * 63,))
