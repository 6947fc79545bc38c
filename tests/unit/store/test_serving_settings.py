"""The doc of serving settings: it is parsed strictly, and encodes to the same octets again."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Corrupt, Invalid
from zonegit.objects.codec import decode, encode
from zonegit.objects.ids import create_object
from zonegit.objects.model import Doc, Object, Symref
from zonegit.store import serving_settings
from zonegit.store.serving_settings import CanarySetting, ServingSettings

CANARY = {"branch": "next", "percent": 10, "salt": "s"}
GOOD = {"type": "serving", "version": 1, "canary": CANARY}

canaries = st.builds(
    CanarySetting,
    st.sampled_from(["next", "a/b", "é"]),
    st.integers(0, 100),
    st.text("abz09-é ", min_size=1, max_size=64),
)
settings = st.builds(ServingSettings, st.none() | canaries)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def refusal(value: Object) -> str:
    with pytest.raises(Invalid) as caught:
        serving_settings.parse(value)
    return caught.value.message


@given(settings)
def test_settings_are_the_same_after_they_were_encoded(made: ServingSettings) -> None:
    raw = encode(serving_settings.make_doc(made))
    assert serving_settings.parse(decode(raw)) == made


@given(st.sampled_from(sorted(GOOD)), values)
def test_any_value_is_parsed_to_a_doc_with_the_same_octets_or_refused(
    key: str, value: object
) -> None:
    doc = Doc({**GOOD, key: value})
    try:
        parsed = serving_settings.parse(doc)
    except Invalid:
        return
    assert encode(serving_settings.make_doc(parsed)) == encode(doc)


@given(st.sampled_from(sorted(CANARY)), values)
def test_any_value_of_a_canary_is_parsed_to_the_same_octets_or_refused(
    key: str, value: object
) -> None:
    doc = Doc({**GOOD, "canary": {**CANARY, key: value}})
    try:
        parsed = serving_settings.parse(doc)
    except Invalid:
        return
    assert encode(serving_settings.make_doc(parsed)) == encode(doc)


@given(st.binary(max_size=60))
def test_any_octets_are_settings_or_refused(octets: bytes) -> None:
    try:
        serving_settings.parse(decode(create_object("doc", octets)))
    except (Corrupt, Invalid):
        return
    assert msgspec.msgpack.decode(octets)["type"] == "serving"


def test_a_refusal_names_what_is_wrong() -> None:
    assert refusal(Doc({**GOOD, "weight": 1})) == "unknown keys in serving settings: 'weight'"
    odd = {**CANARY, **{f"k{n}": n for n in range(9)}}
    assert refusal(Doc({**GOOD, "canary": odd})) == (
        "unknown keys in a canary: 'k0', 'k1', 'k2', 'k3', 'k4' and 4 more"
    )
    assert len(refusal(Doc({**GOOD, "x" * 60_000: 1}))) < 200
    assert "is 1000: expected" in refusal(Doc({**GOOD, "canary": {**CANARY, "percent": 1000}}))
    assert "is True: expected" in refusal(Doc({**GOOD, "canary": {**CANARY, "percent": True}}))
    assert "not a branch name" in refusal(Doc({**GOOD, "canary": {**CANARY, "branch": "a..b"}}))
    assert "1 to 64" in refusal(Doc({**GOOD, "canary": {**CANARY, "salt": "s" * 65}}))
    assert "is not a map" in refusal(Doc({**GOOD, "canary": []}))
    assert refusal(Doc({"type": "serving", "version": 1})) == (
        "missing keys in serving settings: canary"
    )
    assert "version of these serving settings is 2, not 1" in refusal(Doc({**GOOD, "version": 2}))
    assert "not a doc of serving settings" in refusal(Doc({**GOOD, "type": "other"}))
    assert "not a doc of serving settings" in refusal(Symref("refs/heads/foo.com./main"))
