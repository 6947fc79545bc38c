"""A request names the subject of its reply, and services only reply to the inbox of the requester.

Otherwise they would publish for strangers on subjects that only they may use.
"""

import json
from pathlib import Path

import pytest
from msgspec import Struct
from tests.contract.conftest import open_remote_refs
from tests.support import commits
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.raw_nats import RawClient, ReceivedMessage, connect_raw
from tests.support.remote_stores import objects_of, refs_of
from tests.support.waiting import retry

from zonegit.bus import connect
from zonegit.bus.replies import LOG_INTERVAL_S, ReplyGuard
from zonegit.bus.service import answer_requests
from zonegit.config import BusSettings
from zonegit.errors import Invalid, Unavailable
from zonegit.store import ref_names
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent
from zonegit.wire import codec, subjects
from zonegit.wire.messages import (
    AskSnapshot,
    AskStatus,
    ChangeInfo,
    Done,
    FindObjects,
    Heartbeat,
    PutObjects,
    Register,
)
from zonegit.zone import names

FOO = names.parse("foo.com.")
OWN = "_INBOX.mallory.aaaa"
ELSEWHERE = [
    "zg.events.moved.heads.main.com.foo.=",
    "zg.heartbeat",
    "zg.served.com.foo.=",
    "zg.alice.refs.register.zone._.com.foo.=",
    "zg.refs.objects.put",
    "zg.resolvers.status",
    "$SRV.PING",
    "$JS.API.INFO",
    "_INBOX.alice.aaaa",
    "_INBOX.mallory2.aaaa",
    "_INBOX.mallory",
    "_INBOX.mallory.",
    "_INBOX.mallory.*",
    "_INBOX",
    "_INBOXmallory.aaaa",
    "mallory",
]
"""Where mallory wants to see a service publish."""
OUTSIDE_OF_INBOXES = [
    each for each in ELSEWHERE if not each.startswith("_INBOX.") or each.endswith((".", "*"))
]
OUTSIDE_OF_INBOXES.remove("zg.resolvers.status")
"""The same for questions that name no actor; what answers these cannot know whose inbox it is."""
DISCOVERY = ["PING", "INFO", "STATS"]


async def ask_own(client: RawClient, subject: str, octets: bytes) -> None:
    """Send an honest request; when it is answered, earlier requests have been read."""
    client.received.clear()
    client.publish(subject, octets, f"{OWN}.honest")
    await client.wait_for(f"{OWN}.honest")


def is_heartbeat(heard: ReceivedMessage) -> bool:
    """Return whether a message is a heartbeat of refs, not a reply."""
    if heard.subject != subjects.HEARTBEAT:
        return False
    try:
        return bool(codec.decode(heard.payload, Heartbeat).epoch)
    except Invalid:
        return False


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("zg.mallory.objects.find", FindObjects(prefix="0000")),
        ("zg.mallory.refs.snapshot", AskSnapshot()),
        ("zg.mallory.refs.burn", Done()),
        ("zg.mallory.objects.put.zone._.=", PutObjects(objects=[])),
        *[(f"$SRV.{verb}{name}", Done()) for verb in DISCOVERY for name in ("", ".refs")],
    ],
)
async def test_a_service_replies_only_to_the_inbox_of_the_requester(
    subject: str, message: Struct, tmp_path: Path, nats_url: str
) -> None:
    octets = codec.encode(message)
    async with (
        open_remote_refs(tmp_path, nats_url),
        connect_raw(nats_url) as mallory,
        connect_raw(nats_url) as witness,
    ):
        witness.subscribe(">")
        mallory.subscribe(f"{OWN}.>")
        await witness.flush()
        elsewhere = ELSEWHERE if subject.startswith("zg.") else OUTSIDE_OF_INBOXES
        for reply in elsewhere:
            mallory.publish(subject, octets, reply)
        await ask_own(mallory, subject, octets)
        await witness.flush()
        sent = [
            each for each in witness.received if each.payload != octets and not is_heartbeat(each)
        ]
        assert [each for each in sent if each.subject in elsewhere] == []


async def test_a_resolver_replies_to_a_broadcast_only_in_inboxes(nats_url: str) -> None:
    subject = subjects.resolvers("status")
    async with (
        connect(BusSettings(nats_url), name="resolver") as bus,
        answer_requests(bus, subject, AskStatus, lambda asked: Done()),
        connect_raw(nats_url) as mallory,
        connect_raw(nats_url) as witness,
    ):
        witness.subscribe(">")
        mallory.subscribe(f"{OWN}.>")
        await witness.flush()
        asked = codec.encode(AskStatus())
        for reply in OUTSIDE_OF_INBOXES:
            mallory.publish(subject, asked, reply)
        await ask_own(mallory, subject, asked)
        await witness.flush()
        assert [each for each in witness.received if each.subject in OUTSIDE_OF_INBOXES] == []
        assert bus.replies.refused == len(OUTSIDE_OF_INBOXES)


async def test_a_request_with_a_foreign_reply_subject_is_dropped_and_logged_once(
    tmp_path: Path, nats_url: str
) -> None:
    forged = codec.encode(Register(why=ChangeInfo(command="forged", operation="f" * 32)))
    with (
        run_service("objectstore", nats_url, tmp_path),
        run_service("refs", nats_url, tmp_path) as service,
    ):
        async with (
            connect(BusSettings(nats_url), name="ada") as bus,
            connect_raw(nats_url) as mallory,
        ):
            refs = refs_of(bus, "ada")
            await retry(refs.snapshot, Unavailable)
            mallory.subscribe(f"{OWN}.>")
            for _ in range(50):
                mallory.publish(
                    "zg.mallory.refs.register.zone._.com.foo.=",
                    forged,
                    "zg.events.added.zone._.com.foo.=",
                )
            await ask_own(mallory, "zg.mallory.refs.snapshot", codec.encode(AskSnapshot()))
            assert (await refs.snapshot()).zones == []
            lines = service.log.read_text().splitlines()
            assert len([line for line in lines if "bus.reply-refused" in line]) == 1
            assert not [line for line in lines if "request.answered" in line and "forged" in line]
            mallory.publish("$SRV.STATS.refs", b"", f"{OWN}.stats")
            (stats,) = json.loads((await mallory.wait_for(f"{OWN}.stats")).payload)["endpoints"]
            assert stats["data"]["refused_replies"] == 50


def test_a_flood_of_refused_replies_is_one_line_of_log_a_minute() -> None:
    now = [0.0]
    lines: list[dict[str, str]] = []
    guard = ReplyGuard(lambda _event, **fields: lines.append(fields), clock=lambda: now[0])
    for _ in range(1_024):
        assert not guard.allows("zg.mallory.refs.where", "zg.heartbeat")
        now[0] += LOG_INTERVAL_S / 512
    assert [line["refused"] for line in lines] == ["1", "513"]
    assert guard.refused == 1_024


@pytest.mark.parametrize(
    "reply",
    [
        "_INBOX.mallory.aaaa",
        "_INBOX.mallory.aaaa.bbbb",
        "_INBOX_mallory.0123456789abcdef01234567.0123456789abcdef01234567",
        "_INBOX.0123456789abcdef01234567.0123456789abcdef01234567",
    ],
)
def test_own_inboxes_and_those_of_the_previous_release_are_answered(reply: str) -> None:
    assert subjects.may_answer("zg.mallory.refs.where", reply)


async def test_a_client_of_the_previous_release_is_answered(tmp_path: Path, nats_url: str) -> None:
    earlier = "_INBOX_mallory.0123456789abcdef01234567"
    async with open_remote_refs(tmp_path, nats_url), connect_raw(nats_url) as client:
        client.subscribe(f"{earlier}.>")
        client.publish("zg.mallory.refs.snapshot", codec.encode(AskSnapshot()), f"{earlier}.1")
        assert (await client.wait_for(f"{earlier}.1")).payload


OLD_BUS = """
authorization {{ users: [
  {{ user: stores, password: pw, permissions {{
      publish: {{ allow: ["zg.events.>", "zg.heartbeat", "zg.*.objects.>", "zg.resolvers.>"] }}
      subscribe: {{ allow: ["zg.>", "$SRV.>", "_INBOX_stores.>"] }}
      allow_responses: {{ max: 1, expires: "1m" }} }} }}
  {{ user: ada, password: pw, permissions {{
      publish: {{ allow: ["zg.ada.>", "$SRV.PING"] }}
      subscribe: {{ allow: ["_INBOX_ada.>", "{more}"] }} }} }}
] }}
"""


@pytest.mark.parametrize("more", ["zg.served.>", "_INBOX.ada.>"])
async def test_a_client_works_on_a_bus_with_the_permissions_of_the_previous_release(
    more: str, tmp_path: Path
) -> None:
    """Either may be upgraded first: the permissions of the bus, or the client."""
    made = commits.commit(FOO, 1)
    with nats_server(OLD_BUS.format(more=more)) as url:
        users = {who: url.replace("://", f"://{who}:pw@") for who in ("stores", "ada")}
        with (
            run_service("objectstore", users["stores"], tmp_path),
            run_service("refs", users["stores"], tmp_path),
        ):
            async with connect(BusSettings(users["ada"]), name="ada") as bus:
                objects, refs = (
                    objects_of(bus, "ada"),
                    refs_of(bus, "ada"),
                )
                await retry(refs.snapshot, Unavailable)
                await retry(lambda: objects.find("0000"), Unavailable)
                await refs.register(FOO, Origin("ada", "test", "1" * 32))
                await objects.put(made.objects)
                branch = ref_names.branch(FOO, "main")
                await refs.move(branch, Absent(), made.id, Origin("ada", "test", "2" * 32))
                assert (await refs.zone(FOO, "ada")).heads["main"].target == made.id
