"""The effect of a serving plan, and of a change of plans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.nameserver import acl
from zonegit.nameserver.acl import Access, Address, Secondary
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.tsig import TsigKey
from zonegit.zone import names
from zonegit_resolver.config import serving
from zonegit_resolver.config.serving import Serving, ServingPlan

A, B, C = (names.parse(text) for text in ("a.", "b.", "c."))


def test_states_are_labelled_by_branch_pin_and_canary() -> None:
    assert Serving().labels == ("main",)
    assert Serving("main", Canary("next", 5)).labels == ("main", "next")
    assert Serving("main", None, "v1").labels == ("v1",)


def test_a_pin_follows_no_branch_not_even_one_with_its_name() -> None:
    found = ServingPlan(zones={A: Serving(at="main"), B: Serving("main", Canary("next", 5))})
    assert (found.follows(A, "main"), found.is_pinned(A)) == (False, True)
    assert (found.follows(B, "main"), found.follows(B, "next")) == (True, True)
    assert (found.follows(B, "other"), found.is_pinned(B)) == (False, False)


def test_a_zone_that_is_not_listed_has_no_states() -> None:
    found = ServingPlan(only=frozenset([A]))
    assert (found.labels(A), found.labels(B)) == (("main",), ())
    assert not found.follows(B, "main")
    assert not found.is_pinned(B)


def test_an_error_names_its_setting() -> None:
    for settings in ({"branch": "a..b"}, {"canary": "x"}, {"at": "~"}):
        with pytest.raises(Invalid) as caught:
            serving.read_serving(settings)
        assert caught.value.details["setting"] in settings


def test_a_new_plan_is_described_zone_by_zone() -> None:
    before = ServingPlan(zones={A: Serving("x"), B: Serving("x")}, only=frozenset([A, B]))
    after = ServingPlan(Serving("next"), {A: Serving("x", Canary("y", 5)), C: Serving(at="v1")})
    assert serving.describe_changes(before, after) == [
        "default: main -> next",
        "a.: x -> x, canary y:5 by zonegit-default",
        "b.: x -> next",
        "c.: not served -> at v1",
        "only: a. b. -> every zone",
    ]
    assert serving.describe_changes(after, after) == []


def test_access_lists_and_secondaries_are_described_without_secrets() -> None:
    keys = {B: TsigKey(B, "hmac-sha256", b"hidden")}
    inside = Access((acl.parse_network("192.0.2.0/24"),), frozenset([B]))
    notify = (Secondary(Address("192.0.2.1", 53), B), Secondary(Address("::1", 5353)))
    before = ServingPlan(server_options=ServerOptions(server_version="1"))
    after = ServingPlan(
        Serving(query_from=inside, transfer_to=Access(), notify=notify),
        server_options=ServerOptions(nsid=b"ns1", keys=keys),
    )
    assert serving.describe_changes(before, after) == [
        "default: main -> main, for 192.0.2.0/24 key:b., transferred to no client, "
        "notifying 192.0.2.1:53 key:b. [::1]:5353",
        "nsid: none -> b'ns1'",
        "server-version: 1 -> none",
        "keys: none -> b.",
    ]
    other = {B: TsigKey(B, "hmac-sha256", b"other")}
    again = serving.describe_changes(
        ServingPlan(server_options=ServerOptions(keys=keys)),
        ServingPlan(server_options=ServerOptions(keys=other)),
    )
    assert again == ["keys: b. -> b."]


WORDS = st.fixed_dictionaries(
    {},
    optional={
        "branch": st.sampled_from(["main", "x"]),
        "canary": st.sampled_from(["", "next:5", "y:7"]),
        "canary-salt": st.sampled_from(["s", "t"]),
        "at": st.sampled_from(["", "v1", "HEAD~1"]),
    },
)


@given(WORDS, WORDS, WORDS)
def test_valid_settings_are_valid_over_any_defaults(a: dict, b: dict, c: dict) -> None:
    """No zone is refused because of its defaults, unless it names their canary."""
    for settings in (a, b, c):
        if settings.get("at") and settings.get("canary"):
            return
    found = serving.read_serving(serving.merge_settings(serving.merge_settings(a, b), c))
    if "branch" in c:
        assert found.branch == c["branch"]
    if "at" in c:
        assert found.at == (c["at"] or None)
    if "canary" in c:
        assert (found.canary is not None) == bool(c["canary"])
