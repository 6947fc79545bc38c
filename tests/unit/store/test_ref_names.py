"""Ref names: zones and branches of any form, split in exactly one way."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.strategies import zone_names

from zonegit.errors import Invalid
from zonegit.store import ref_names
from zonegit.store.ref_names import RefName
from zonegit.zone import names

FOO = names.parse("foo.com.")


def _is_short(text: str) -> bool:
    try:
        ref_names.check_name(text)
    except Invalid:
        return False
    return True


_parts = st.text("abz019-_.@{é,'\"", min_size=1, max_size=6)
shorts = st.lists(_parts, min_size=1, max_size=3).map("/".join).filter(_is_short)
actors = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}", fullmatch=True)


refs = st.one_of(
    st.builds(ref_names.branch, zone_names, shorts),
    st.builds(ref_names.tag, zone_names, shorts),
    st.builds(ref_names.marker, zone_names),
    st.builds(ref_names.serving, zone_names),
    st.builds(ref_names.own_head, actors),
    st.builds(ref_names.remembered_branch, actors, zone_names),
    st.just(ref_names.default_head()),
)


@given(refs)
def test_the_path_of_a_ref_parses_to_the_same_ref(ref):
    assert ref_names.parse(ref.path()) == ref


@given(refs, refs)
def test_two_refs_never_share_a_path(one, other):
    assert (one == other) == (one.path() == other.path())


@given(st.text(max_size=60) | st.text("refs/heads/tags.abc/zonegit", max_size=40))
def test_any_text_is_a_ref_or_invalid(text):
    for path in (
        text,
        f"refs/heads/{text}",
        f"refs/zonegit/zones/{text}",
        f"refs/zonegit/serving/{text}",
    ):
        try:
            ref = ref_names.parse(path)
        except Invalid:
            continue
        assert ref.path() == path


@pytest.mark.parametrize(
    ("path", "zone", "short"),
    [
        ("refs/heads/foo.com./main", "foo.com.", "main"),
        ("refs/heads/./main", ".", "main"),
        ("refs/heads/com./feature/x", "com.", "feature/x"),
        (
            "refs/heads/0/25.2.0.192.in-addr.arpa./ops/renumber",
            "0/25.2.0.192.in-addr.arpa.",
            "ops/renumber",
        ),
        (r"refs/heads/a\.b./main", r"a\.b.", "main"),
    ],
)
def test_a_path_is_split_at_its_last_dot_and_slash(path, zone, short):
    assert ref_names.parse(path) == RefName("heads", names.parse(zone), short)


def test_a_zone_of_255_octets_has_refs():
    zone = names.join([b"\xff" * 63] * 3 + [b"\xff" * 61])
    ref = ref_names.branch(zone, "main")
    assert ref_names.parse(ref.path()) == ref


@pytest.mark.parametrize(
    "path",
    [
        "",
        "main",
        "refs/heads/main",
        "refs/heads/foo.com/main",
        "refs/heads/foo.com./",
        "refs/heads/FOO.com./main",
        r"refs/heads/\102oo./main",
        "refs/zonegit/zones/foo.com",
        "refs/zonegit/heads/",
        "refs/zonegit/heads/alice/",
        "refs/zonegit/heads/-alice",
        "refs/remotes/foo.com./main",
        "head",
    ],
)
def test_an_invalid_ref_name_is_refused(path):
    with pytest.raises(Invalid):
        ref_names.parse(path)


SHORTS = [
    "main",
    "feature/x",
    "a.b",
    "é",
    "a@b",
    "@{",
    "a@{b",
    ".a",
    "a/.b",
    "a.lock",
    "a.lock/b",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?",
    "a*",
    "a[",
    "a\\b",
    "a//b",
    "/a",
    "a/",
    "-a",
    "a\x7f",
    "a\n",
    "a\t",
    "a.",
    "a-",
    "a/-b",
    "{a}",
]


@pytest.mark.parametrize("short", SHORTS)
def test_git_accepts_every_accepted_branch_name(short):
    """``git check-ref-format --branch``; zonegit is stricter only for a component that ends in a
    dot."""
    try:
        git = subprocess.run(
            ["git", "check-ref-format", "--branch", short], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    ends_in_dot = any(part.endswith(".") for part in short.split("/"))
    assert _is_short(short) == (git.returncode == 0 and not ends_in_dot)


@pytest.mark.parametrize("short", ["a.", "a./b", "", "@", "é" * 101, "a" * 201, "\udc80"])
def test_branch_names_have_stricter_rules_than_in_git(short):
    """A component that ends in a dot would look like a zone; names are bounded."""
    with pytest.raises(Invalid, match="is not a branch name"):
        ref_names.branch(FOO, short)


@pytest.mark.parametrize("actor", ["", "-a", ".a", "a b", "a/b", "é", "a" * 65, "a\n"])
def test_the_name_of_an_operator_is_plain(actor):
    with pytest.raises(Invalid, match="operator"):
        ref_names.own_head(actor)


def test_refs_sort_without_error():
    found = sorted(
        [ref_names.tag(FOO, "v1"), ref_names.branch(FOO, "b"), ref_names.branch(FOO, "a")]
    )
    assert [ref.short for ref in found] == ["a", "b", "v1"]
