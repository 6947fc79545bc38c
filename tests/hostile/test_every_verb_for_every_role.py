"""Every verb, in every form of its subject, from every role, with a hand-made client."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.conftest import open_remote_refs
from tests.support.nats import nats_server
from tests.support.raw_nats import connect_raw

from zonegit.objects.codec import encode
from zonegit.objects.model import Symref
from zonegit.store.ref_log import Origin
from zonegit.wire import codec, permissions, verbs
from zonegit.wire.messages import ChangeInfo, FailureReply, Point, Unpoint
from zonegit.wire.verbs import AnyVerb, Form, Right
from zonegit.zone import names

TAILS = {
    Form.NOTHING: "",
    Form.ZONE: ".zone._.com.foo.=",
    Form.BRANCH: ".heads.main.com.foo.=",
    Form.TAG: ".tags.v1.com.foo.=",
    Form.SERVING: ".serving._.com.foo.=",
    Form.OWN: ".own",
    Form.DEFAULT: ".default.main.com.foo.=",
}
"""The end of a subject of each form."""


DOCS = Path(__file__).parents[2] / "docs"
EVERY_READER = "resolver operator bob owner"
MAY = {
    "objects.get": f"refs {EVERY_READER}",
    "objects.put": "refs operator owner",
    "objects.missing": f"refs {EVERY_READER}",
    "objects.find": f"refs {EVERY_READER}",
    "objects.list": f"refs {EVERY_READER}",
    "objects.history": f"refs {EVERY_READER}",
    "refs.where": EVERY_READER,
    "refs.zone": EVERY_READER,
    "refs.snapshot": EVERY_READER,
    "refs.since": EVERY_READER,
    "refs.reflog": EVERY_READER,
    "refs.at": EVERY_READER,
    "refs.operations": EVERY_READER,
    "refs.operation": EVERY_READER,
    "refs.register": "operator owner",
    "refs.unregister": "operator owner",
    "refs.move": "operator owner",
    "refs.serve": "operator owner",
    "refs.judge": EVERY_READER,
    "refs.basis": EVERY_READER,
    "refs.point": "operator owner",
    "refs.point default": "operator owner",
    "refs.unpoint": "operator owner",
    "refs.unpoint default": "operator owner",
    "refs.adopt": "owner",
    "refs.recovery": EVERY_READER,
    "refs.check": EVERY_READER,
    "refs.recover": "owner",
    "refs.resolvers": EVERY_READER,
    "refs.replace": "owner",
}
"""Who may ask what. Written by hand: a verb that is added is decided about here, role by role."""

SAMPLE_USERS = ("objectstore", "refs", "resolver", "operator")
USERS = (*SAMPLE_USERS, "bob", "owner")
"""Those of the sample; bob, who sees everything and changes nothing by the recipe; and one with all
rights."""
ONE_USER_ONLY = {
    "zg.events.moved.heads.main.com.foo.=": "refs",
    "zg.heartbeat": "refs",
    "zg.served.resolver.com.foo.=": "resolver",
    "zg.served.resolver._": "resolver",
    "zg.served.other.com.foo.=": "",
    "zg.served.other._": "",
    "zg.served.com.foo.=": "",
    "zg.presence.refs": "refs operator bob owner",
    "zg.presence.objectstore": "objectstore operator bob owner",
    "zg.resolvers.announce": "refs operator bob owner",
    "zg.resolvers.status": "operator bob owner",
    "zg.resolvers.resolver.status": "refs resolver operator bob owner",
    "zg.resolvers.other.status": "refs operator bob owner",
    "zg.resolvers.other.answered": "operator bob owner",
    "zg.resolvers.other.secondaries": "operator bob owner",
    "zg.resolvers.other.reload": "operator owner",
    "$SRV.PING": "operator bob owner",
    "_INBOX.alice.x": "objectstore refs resolver",
    "_INBOX.refs.x": "objectstore refs resolver",
    "$JS.API.CONSUMER.CREATE.X": "",
    "$JS.API.INFO": "",
    "_R_.x": "",
    "zg.alice.refs.where": "",
    "anything": "",
}
"""Who may publish what is no verb."""


def subject(verb: AnyVerb, form: Form, actor: str) -> str:
    return f"zg.{actor}.{verb.service}.{verb.name}{TAILS[form]}"


@pytest.fixture(scope="module")
def documented_url() -> Iterator[str]:
    """Run a bus with the documented sample, and the users of recipes in addition."""
    page = (DOCS / "operations.md").read_text()
    recipe = re.search(r"^permissions \{$.*?^\}$", page, re.MULTILINE | re.DOTALL)
    assert recipe is not None
    owner = permissions.ROLES["owner"]
    rights = {
        "publish": {"allow": permissions.publish_lines(owner, "owner")},
        "subscribe": {"allow": permissions.subscribe_lines(owner, "owner")},
    }
    more = f"""
    {{ user: bob, password: pw
       {recipe[0]} }}
    {{ user: owner, password: pw, permissions: {json.dumps(rights)} }}
    """
    sample = (DOCS / "nats-server.conf").read_text()
    sample = re.sub(r"\$\w+_PASSWORD", "pw", sample).replace('http: "127.0.0.1:8222"', "")
    head, end, tail = sample.rpartition("  ]\n}\n")
    with nats_server(head + more + end + tail) as url:
        yield url


def as_user(url: str, user: str) -> str:
    return url.replace("://", f"://{user}:pw@")


def find_row(verb: AnyVerb, form: Form) -> str:
    """Return the row of the table above for a verb in one of its forms."""
    is_default = verb.right_to(form) is Right.DEFAULT
    return f"{verb.service}.{verb.name}{' default' if is_default else ''}"


def test_every_verb_is_in_the_table() -> None:
    assert list(MAY) == list(
        dict.fromkeys(find_row(verb, form) for verb in verbs.VERBS for form in verb.forms)
    )


@pytest.mark.parametrize("user", USERS)
async def test_the_bus_accepts_exactly_the_permitted_verbs_of_each_role(
    user: str, documented_url: str
) -> None:
    async with connect_raw(as_user(documented_url, user)) as client:
        for verb, form in itertools.product(verbs.VERBS, Form):
            about = subject(verb, form, user)
            is_granted = user in MAY[find_row(verb, form)].split()
            # One rule covers all kinds of refs; the service refuses other kinds.
            refs = {Form.ZONE, Form.BRANCH, Form.TAG, Form.SERVING}
            is_ref = form in refs | {Form.DEFAULT} and len(refs & set(verb.forms)) > 1
            expected = is_granted and (form in verb.forms or is_ref)
            assert await client.may_publish(about) == expected, about
            assert not await client.may_publish(subject(verb, form, "alice")), about


@pytest.mark.parametrize("user", USERS)
async def test_the_bus_accepts_no_other_subjects_from_a_role(
    user: str, documented_url: str
) -> None:
    async with connect_raw(as_user(documented_url, user)) as client:
        for about, who in ONE_USER_ONLY.items():
            assert await client.may_publish(about) == (user in who.split()), about


@pytest.mark.parametrize("user", USERS)
async def test_no_role_receives_messages_for_another(user: str, documented_url: str) -> None:
    async with connect_raw(as_user(documented_url, user)) as client:
        for other in USERS:
            assert await client.may_subscribe(f"_INBOX.{other}.>") == (user == other), other
        for about in (">", "_INBOX.>", "_INBOX.*.x", "zg.>", f"zg.{user}.>", "zg.*.*.>"):
            assert not await client.may_subscribe(about), about
        assert await client.may_subscribe("zg.*.refs.>") == (user == "refs")
        assert await client.may_subscribe("zg.*.objects.>") == (user == "objectstore")


async def test_rules_for_a_zone_cover_exactly_it_and_the_zones_below() -> None:
    customer = names.parse("customer.example.")
    denied = permissions.branch_lines(Right.MOVE, "eve", "main", names.parse("example.com."))
    rights = {
        "publish": {
            "allow": [
                *permissions.zone_lines(Right.MOVE, "eve", customer),
                *permissions.lines(verbs.VERBS, Right.MOVE, "eve", names.parse("com.")),
            ],
            "deny": denied,
        }
    }
    user = {"user": "eve", "password": "pw", "permissions": rights}
    with nats_server(json.dumps({"authorization": {"users": [user]}})) as url:
        async with connect_raw(as_user(url, "eve")) as client:
            for ref, is_allowed in {
                "heads.main.example.customer.=": True,
                "tags.v1.example.customer.sub.=": True,
                "heads.main.example.customer2.=": False,
                "heads.main.example.=": False,
                "heads.next.com.example.=": True,
                "heads.main.com.example.=": False,
                "heads.main.com.example.sub.=": False,
                "heads.main.com.example2.=": True,
                "tags.main.com.example.=": True,
            }.items():
                assert await client.may_publish(f"zg.eve.refs.move.{ref}") == is_allowed, ref
            assert not await client.may_publish("zg.eve.refs.register.zone._.example.customer.=")


async def test_a_verb_is_answered_only_in_its_own_form(tmp_path: Path, nats_url: str) -> None:
    """A rule that denies ``refs.adopt`` does not cover ``refs.adopt.zone._.=``."""
    wrong = [
        (verb, form)
        for verb, form in itertools.product(verbs.VERBS, Form)
        if form not in verb.forms
    ]
    async with open_remote_refs(tmp_path, nats_url), connect_raw(nats_url) as client:
        client.subscribe("_INBOX.mallory.>")
        for number, (verb, form) in enumerate(wrong):
            inbox = f"_INBOX.mallory.{number}."
            client.publish(subject(verb, form, "mallory"), b"\x80", f"{inbox}reply")
            failure = codec.decode((await client.wait_for(inbox)).payload, FailureReply)
            assert failure.code == "invalid"
            assert failure.message.startswith("the subject names "), failure


async def test_the_default_head_moves_only_under_its_own_subject(
    tmp_path: Path, nats_url: str
) -> None:
    """No rule of the bus could match a field of a message about one's own HEAD."""
    why = ChangeInfo(command="test", operation="f" * 32)
    default = codec.encode(Point(default=True, why=why))
    own = codec.encode(Unpoint(default=True, why=why))
    async with open_remote_refs(tmp_path, nats_url) as harness, connect_raw(nats_url) as client:
        client.subscribe("_INBOX.mallory.>")
        await harness.refs.register(names.parse("foo.com."), Origin("ada", "test", "a" * 32))
        await harness.objects.put([encode(Symref("refs/heads/foo.com./main"))])
        for tail, octets, code in (
            ("point.heads.main.com.foo.=", default, "denied"),
            ("unpoint.own", own, "invalid"),
            ("unpoint.zone._.com.foo.=", own, "invalid"),
        ):
            client.publish(f"zg.mallory.refs.{tail}", octets, f"_INBOX.mallory.{code}.{tail}")
            failure = codec.decode(
                (await client.wait_for(f"_INBOX.mallory.{code}")).payload, FailureReply
            )
            assert failure.code == code
            client.received.clear()
        assert (await harness.refs.where("ada")).default is None
        client.publish(
            "zg.mallory.refs.point.default.main.com.foo.=", default, "_INBOX.mallory.x.y"
        )
        await client.wait_for("_INBOX.mallory.x")
        assert (await harness.refs.where("ada")).default is not None
