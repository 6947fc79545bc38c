"""Subjects: the actor, verb, ref and zone of a request, and of no other."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.strategies import zone_names

from zonegit.errors import Invalid
from zonegit.store import ref_names
from zonegit.wire import subjects
from zonegit.zone import names

FOO = names.parse("foo.com.")
actors = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}", fullmatch=True)
shorts = st.from_regex(r"[A-Za-zé][A-Za-z0-9_é-]{0,6}(/[a-z0-9]{1,4}){0,2}", fullmatch=True)
refs_of_zones = st.one_of(
    st.builds(ref_names.branch, zone_names, shorts),
    st.builds(ref_names.tag, zone_names, shorts),
    st.builds(ref_names.marker, zone_names),
)
LEGAL = re.compile(r"[a-z0-9_=.\-A-F]+")


@pytest.mark.parametrize(
    ("zone", "tokens"),
    [
        ("foo.com.", "com.foo.="),
        (".", "="),
        ("0/25.2.0.192.in-addr.arpa.", "arpa.in-addr.192.0.2.0=2F25.="),
        (r"a\.b.", "a=2Eb.="),
        ("*.foo.", "foo.=2A.="),
        ("=.", "=3D.="),
    ],
)
def test_the_tokens_of_a_zone_are_its_reversed_labels_and_a_final_token(zone, tokens):
    assert subjects.encode_zone(names.parse(zone)) == tokens
    assert subjects.decode_zone(tokens.split(".")) == names.parse(zone)


@given(zone_names)
def test_a_zone_is_parsed_from_its_tokens(zone):
    tokens = subjects.encode_zone(zone)
    assert subjects.decode_zone(tokens.split(".")) == zone
    assert LEGAL.fullmatch(tokens)
    assert len(tokens) <= 766


@given(zone_names, zone_names)
def test_two_zones_never_share_tokens(one, other):
    assert (one == other) == (subjects.encode_zone(one) == subjects.encode_zone(other))


@given(zone_names, zone_names)
def test_one_permission_line_covers_a_zone_and_all_below_and_nothing_else(zone, other):
    """``zg.served.r.com.customer.>`` without the closing token."""
    prefix = subjects.served("r", zone).removesuffix(subjects.END)
    assert subjects.served("r", other).startswith(prefix) == names.is_within(other, zone)


@given(st.binary(min_size=1, max_size=30))
def test_a_token_can_be_decoded_and_has_one_canonical_form(octets):
    token = subjects.encode_token(octets)
    assert subjects.decode_token(token) == octets
    assert "." not in token
    assert not {"*", ">", " "} & set(token)


@pytest.mark.parametrize(
    "token", ["", "=", "=2", "=2f", "=61", "A", "a b", "=2Fx=", ">", "*", "a.b"]
)
def test_a_token_in_another_form_is_refused(token):
    with pytest.raises(Invalid):
        subjects.decode_token(token)


@given(actors, st.sampled_from(["objects", "refs"]), st.none() | refs_of_zones)
def test_a_request_names_actor_verb_and_ref(actor, service, ref):
    subject = subjects.request(actor, service, "verb", ref)
    found = subjects.parse_request(subject)
    assert (found.actor, found.service, found.verb, found.ref) == (actor, service, "verb", ref)
    assert LEGAL.fullmatch(subject)


@given(st.text(max_size=60) | st.text("zg.=refs*>heads0aA2F", max_size=60))
def test_any_text_is_a_request_or_invalid(text):
    for subject in (text, f"zg.cli.refs.move.{text}"):
        try:
            found = subjects.parse_request(subject)
        except Invalid:
            continue
        assert subjects.request(found.actor, found.service, found.verb, found.ref) == subject


@pytest.mark.parametrize(
    "subject",
    [
        "zg.cli.refs",
        "xx.cli.refs.where",
        "zg.c/i.refs.where",
        "zg.=2D.refs.where",
        "zg.cli.refs.move.heads.main",
        "zg.cli.refs.move.heads.main.com.foo",
        "zg.cli.refs.move.heads.=2E.com.foo.=",
        "zg.cli.refs.move.zone.main.com.foo.=",
        "zg.cli.refs.move.gifts.main.com.foo.=",
        "zg.cli.refs.move.heads.=FF.com.foo.=",
        "zg.cli.refs.move.heads.=FF.com.foo.=.=",
    ],
)
def test_a_subject_that_is_not_a_request_is_refused(subject):
    with pytest.raises(Invalid):
        subjects.parse_request(subject)


@pytest.mark.parametrize(
    "subject", ["zg.cli.refs.move.heads.main.com.=46oo.=", "zg.cli.refs.move.zone._.=43om.="]
)
def test_a_second_form_of_a_zone_does_not_bypass_a_deny_rule(subject):
    """A label in capitals would name the same zone in a subject that its rules do not cover."""
    with pytest.raises(Invalid, match="canonical"):
        subjects.parse_request(subject)


@given(actors, refs_of_zones)
def test_a_service_receives_every_request_of_its_verb(actor, ref):
    heard = subjects.endpoint("refs", "move", of_a_ref=True).removesuffix(">").split(".")
    sent = subjects.request(actor, "refs", "move", ref).split(".")
    assert all(want in ("*", have) for want, have in zip(heard[:-1], sent, strict=False))
    assert subjects.endpoint("refs", "where", of_a_ref=False) == "zg.*.refs.where"


def test_the_subject_of_an_event_names_its_ref():
    assert subjects.event("moved", ref_names.branch(FOO, "main")) == (
        "zg.events.moved.heads.main.com.foo.="
    )
    assert subjects.event("added", ref_names.marker(FOO)) == "zg.events.added.zone._.com.foo.="
    assert subjects.event("moved", ref_names.default_head()) == "zg.events.moved.head._.="
    assert subjects.event("moved", ref_names.remembered_branch("alice", FOO)) == (
        "zg.events.moved.head._.com.foo.="
    )


def test_a_ref_without_a_zone_has_no_subject():
    with pytest.raises(Invalid):
        subjects.encode_ref(ref_names.default_head())


def test_capitals_of_a_branch_are_kept():
    assert subjects.encode_ref(ref_names.branch(FOO, "Main")) == "heads.=4Dain.com.foo.="


@pytest.mark.parametrize("actor", sorted(subjects.NO_ACTORS))
def test_an_actor_cannot_have_the_name_of_another_subject_space(actor):
    """Otherwise a user allowed ``zg.resolvers.>`` could move refs under that name."""
    with pytest.raises(Invalid, match="invalid actor"):
        subjects.request(actor, "refs", "where")
    with pytest.raises(Invalid, match="invalid actor"):
        subjects.parse_request(f"zg.{actor}.refs.move.heads.main.com.foo.=")


def test_a_request_to_one_resolver_is_from_the_actor_of_the_connection():
    subject = subjects.resolver("ns1", "status")
    assert subjects.inbox_for(subject, "ann") == "_INBOX.ann"
    assert subjects.may_answer(subject, "_INBOX.ann.0")


def test_subjects_of_resolvers_have_their_names():
    assert subjects.served("ns1", FOO) == "zg.served.ns1.com.foo.="
    assert subjects.served_by_any(FOO) == "zg.served.*.com.foo.="
    assert subjects.announcement("ns1.A") == "zg.served.ns1=2E=41._"
    assert subjects.resolver("ns1.A", "status") == "zg.resolvers.ns1=2E=41.status"
    assert subjects.resolvers("status") == "zg.resolvers.status"
