"""Names: octets in memory, text at the interfaces."""

import dns.name
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.support.strategies import paths, zone_names

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import ROOT, Name, Path, parse


def is_name(apex: Name, path: Path) -> bool:
    return len(apex) + sum(1 + len(label) for label in path) <= names.MAX_OCTETS


@given(zone_names)
def test_a_name_with_any_labels_parses_as_it_was_written(name):
    assert parse(names.text(name)) == name
    assert names.from_wire(name) == name
    assert names.join(names.labels(name)) == name


@given(zone_names, paths)
def test_a_path_leads_down_from_the_apex_and_back(apex, path):
    assume(is_name(apex, path))
    owner = names.below(apex, path)
    assert names.is_within(owner, apex)
    assert names.path(owner, apex) == path


@given(zone_names, zone_names)
def test_is_within_compares_labels(name, apex):
    expected = names.labels(name)[len(names.labels(name)) - len(names.labels(apex)) :] == (
        names.labels(apex)
    ) and len(names.labels(name)) >= len(names.labels(apex))
    assert names.is_within(name, apex) == expected


@given(zone_names, paths)
def test_relative_text_reads_back_below_its_origin(apex, path):
    assume(is_name(apex, path))
    owner = names.below(apex, path)
    assert parse(names.relative_text(owner, apex), apex) == owner


@given(st.lists(zone_names, max_size=8))
def test_names_sort_in_canonical_order_as_dnspython_does(unsorted):
    """RFC 4034 section 6.1."""
    expected = sorted(unsorted, key=lambda name: dns.name.from_wire(name, 0)[0])
    assert sorted(unsorted, key=names.canonical_key) == expected


@given(st.binary(max_size=300))
def test_octets_from_outside_are_a_name_or_invalid(octets):
    try:
        name = names.from_wire(octets)
    except Invalid:
        return
    assert name == octets.lower()
    assert names.join(names.labels(name)) == name


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\3www",
        b"\3www\0\0",
        b"\xc0\x0c",
        b"\x40" + b"a" * 64 + b"\0",
        (b"\x3f" + b"a" * 63) * 4 + b"\0",
    ],
)
def test_octets_that_are_not_one_uncompressed_name_are_refused(octets):
    with pytest.raises(Invalid):
        names.from_wire(octets)


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_invalid(text):
    try:
        name = parse(text)
    except Invalid:
        return
    assert names.from_wire(name) == name


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        (".", b"\0"),
        ("WWW.Foo.COM.", b"\3www\3foo\3com\0"),
        (r"a\.b.c.", b"\3a.b\1c\0"),
        (r"\000\255.", b"\2\0\xff\0"),
        (r"0/25.2.0.192.in-addr.arpa.", b"\x040/25\0012\0010\003192\7in-addr\4arpa\0"),
        ("*.foo.", b"\1*\3foo\0"),
        (r"\@.", b"\1@\0"),
    ],
)
def test_names_have_a_presentation_format(text, octets):
    assert parse(text) == octets


def test_relative_names_and_the_at_sign_take_the_origin():
    origin = parse("foo.com.")
    assert parse("www", origin) == parse("www.foo.com.")
    assert parse("@", origin) == origin
    assert names.relative_text(parse("a.b.foo.com."), origin) == "a.b"
    assert names.relative_text(origin, origin) == "@"
    assert names.relative_text(parse("com."), ROOT) == "com"


@pytest.mark.parametrize("text", ["", "a..b.", ".a", "a" * 64 + ".", "a." * 128, r"\256.", "a\\"])
def test_an_invalid_name_is_refused(text):
    with pytest.raises(Invalid, match="is not a domain name"):
        parse(text)


def test_xfoo_com_is_not_within_foo_com():
    assert not names.is_within(parse("xfoo.com."), parse("foo.com."))
    with pytest.raises(Invalid, match="is not within"):
        names.path(parse("xfoo.com."), parse("foo.com."))


def test_a_label_that_looks_like_two_is_not_within_the_second():
    """Its wire form ends with the octets of the zone, but not at a label boundary."""
    tricky = names.join([b"a\3foo\3com"])
    assert tricky.endswith(parse("foo.com."))
    assert not names.is_within(tricky, parse("foo.com."))


@pytest.mark.parametrize("labels", [[b""], [b"a" * 64], [b"a" * 63] * 4])
def test_join_refuses_long_labels_and_names(labels):
    with pytest.raises(Invalid):
        names.join(labels)


def test_the_longest_name_has_255_octets():
    name = names.join([b"a" * 63] * 3 + [b"a" * 61])
    assert len(name) == 255
    assert parse(names.text(name)) == name


long_paths = st.lists(st.integers(1, 63).map(lambda size: b"x" * size), max_size=130).map(tuple)


@given(zone_names, long_paths)
def test_a_name_below_another_is_a_name_or_invalid(apex, path):
    """RFC 1035 section 2.3.4."""
    assert names.is_path(path) == is_name(ROOT, path)
    if is_name(apex, path):
        assert names.from_wire(names.below(apex, path)) == names.below(apex, path)
    else:
        with pytest.raises(Invalid, match="more than 255"):
            names.below(apex, path)


@given(st.binary(max_size=600))
def test_invalid_octets_are_shown_without_an_error(octets):
    shown = names.text(Name(octets))
    assert len(shown) <= 4 * names.MAX_OCTETS
    try:
        assert parse(shown) == names.from_wire(octets)
    except Invalid:
        assert shown.startswith("<")


def test_a_name_has_a_parent_and_a_canonical_key():
    assert names.parent(parse("a.b.")) == parse("b.")
    assert names.parent(parse("b.")) == ROOT
    assert names.canonical_key(Name(parse("a.b."))) == (b"b", b"a")
