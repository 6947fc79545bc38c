"""Slots in the layout of v0.3 are converted by docs/object-model.md, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import vectors

from zonegit.errors import Invalid
from zonegit.store import ref_names, v03_slots
from zonegit.zone import names

FOO = names.parse("foo.com.")
ID = bytes(range(32))


def text_slot(text: str) -> bytes:
    return bytes((len(text),)) + text.encode().ljust(31, b"\0")


def slots(**changed: bytes) -> dict[str, bytes]:
    """Return a store with a branch and some changed slots; ``refs_heads_main`` is its path."""
    base = {v03_slots.ZONE: text_slot("foo.com."), "refs/heads/main": ID}
    return base | {name.replace("__", "/"): slot for name, slot in changed.items()}


def test_the_slots_of_a_real_store_are_read() -> None:
    real = vectors.v03_slots()
    found = v03_slots.decode(real)
    assert found.zone == FOO
    assert found.head == ref_names.branch(FOO, "canary")
    assert found.refs == {
        f"refs/heads/{branch}": (ref_names.branch(FOO, branch), real[f"refs/heads/{branch}"])
        for branch in ("canary", "main")
    }


def test_tags_and_branches_with_slashes_keep_their_names() -> None:
    found = v03_slots.decode(slots(refs__tags__v1=ID, refs__heads__feature__x=ID))
    assert found.refs["refs/tags/v1"][0] == ref_names.tag(FOO, "v1")
    assert found.refs["refs/heads/feature/x"][0] == ref_names.branch(FOO, "feature/x")
    assert found.head is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"HEAD": text_slot("refs/tags/v1")}, "refs/tags/v1"),
        ({"HEAD": text_slot("main")}, "main"),
        ({"HEAD": b"\x20" + b"r" * 31}, "slot of 'HEAD'"),
        ({"HEAD": text_slot("refs/heads/main")[:-1] + b"x"}, "slot of 'HEAD'"),
        ({"HEAD": text_slot("refs/heads/a\nb")}, "slot of 'HEAD'"),
        ({"HEAD": text_slot("refs/heads/.x")}, ".x"),
        ({"HEAD": b""}, "slot of 'HEAD'"),
        ({v03_slots.ZONE: b"\x04f\xc3\xb6o.".ljust(32, b"\0")}, v03_slots.ZONE),
        ({v03_slots.ZONE: bytes(32)}, "empty"),
        ({v03_slots.ZONE: text_slot("foo..com.")}, "foo..com."),
        ({"refs/heads/main": ID[:31]}, "refs/heads/main"),
        ({"refs/heads/a..b": ID}, "a..b"),
        ({"refs/tags/v1.": ID}, "v1."),
        ({"refs/heads/": ID}, "branch name"),
        ({"refs/notes/x": ID}, "refs/notes/x"),
    ],
)
def test_a_malformed_name_or_slot_is_refused_with_its_name(
    changed: dict[str, bytes], named: str
) -> None:
    with pytest.raises(Invalid) as caught:
        v03_slots.decode(slots() | changed)
    assert named in caught.value.message


def test_a_store_without_a_zone_is_refused() -> None:
    with pytest.raises(Invalid, match=v03_slots.ZONE):
        v03_slots.decode({"refs/heads/main": ID})


@given(
    st.dictionaries(
        st.sampled_from(
            ["HEAD", v03_slots.ZONE, "refs/heads/main", "refs/heads/", "refs/tags/\ud800"]
        )
        | st.text(max_size=20),
        st.binary(max_size=33) | st.sampled_from([text_slot("foo.com."), ID]),
        max_size=5,
    )
)
def test_any_slots_are_read_or_refused(found: dict[str, bytes]) -> None:
    try:
        meaning = v03_slots.decode(found)
    except Invalid:
        return
    assert len(meaning.refs) + (meaning.head is not None) + 1 == len(found)
