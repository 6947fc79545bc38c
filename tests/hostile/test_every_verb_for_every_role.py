"""Every verb, in every form of a subject, tried by every role with a hand-made client."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.conftest import remote_stand
from tests.support.nats import nats_server
from tests.support.rawnats import raw_client

from zonegit.wire import codec, verbs
from zonegit.wire.messages import Failure
from zonegit.wire.verbs import Form, Verb

TAILS = {
    Form.NOTHING: "",
    Form.ZONE: ".zone._.com.foo.=",
    Form.BRANCH: ".heads.main.com.foo.=",
    Form.TAG: ".tags.v1.com.foo.=",
}
"""The end of a subject of each form."""


@pytest.fixture(scope="module")
def nats_url() -> Iterator[str]:
    with nats_server() as url:
        yield url


def subject(verb: Verb, form: Form, actor: str) -> str:
    return f"zg.{actor}.{verb.service}.{verb.name}{TAILS[form]}"


async def test_a_verb_is_answered_in_no_other_form_than_its_own(
    tmp_path: Path, nats_url: str
) -> None:
    """A rule that denies ``refs.adopt`` says nothing about ``refs.adopt.zone._.=``."""
    wrong = [
        (verb, form)
        for verb, form in itertools.product(verbs.VERBS, Form)
        if form not in verb.forms
    ]
    async with remote_stand(tmp_path, nats_url), raw_client(nats_url) as client:
        client.subscribe("_INBOX.mallory.>")
        for number, (verb, form) in enumerate(wrong):
            inbox = f"_INBOX.mallory.{number}."
            client.publish(subject(verb, form, "mallory"), b"\x80", f"{inbox}reply")
            failure = codec.decode((await client.hears(inbox)).payload, Failure)
            assert failure.code == "invalid"
            assert f"the subject of {verb.service}.{verb.name} has to name" in failure.message
