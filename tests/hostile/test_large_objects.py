"""No verb accepts an object beyond the maximum size, even with a correct id."""

import pytest
from tests.support.bad_zones import forge_object, good_zone
from tests.support.raw_nats import connect_raw
from tests.unit.resolver.backend import Backend

from zonegit.objects.ids import MAX_PAYLOAD
from zonegit.store import ref_names
from zonegit.store.refs import Absent
from zonegit.wire import codec, subjects
from zonegit.wire.messages import ChangeInfo, FailureReply, Judge, Move, PutObjects
from zonegit.zone import names

ZONE = names.parse("mallory.test.")
WHY = ChangeInfo(command="set", operation="o" * 16)
LARGE = forge_object("doc", b"\xda\xff\xff" + b"x" * 900_000)
REPLY = "_INBOX.mallory.1"


@pytest.mark.parametrize("verb", ["put", "move", "judge"])
async def test_an_object_beyond_the_limit_is_refused(backend: Backend, verb: str) -> None:
    assert len(LARGE.payload) > MAX_PAYLOAD
    await backend.repo.refs.register(ZONE, backend.repo.origin("test"))
    tip, objects = good_zone(ZONE)
    await backend.repo.objects.put(objects)
    ref = ref_names.branch(ZONE, "main")
    service, about, message = {
        "put": ("objects", None, PutObjects(objects=[LARGE])),
        "move": ("refs", ref, Move(expected=Absent(), new=tip, why=WHY, objects=[LARGE])),
        "judge": ("refs", ref, Judge(expected=Absent(), new=tip, why=WHY, objects=[LARGE])),
    }[verb]
    async with connect_raw(backend.url) as client:
        client.subscribe(REPLY)
        subject = subjects.request("mallory", service, verb, about)
        client.publish(subject, codec.encode(message), REPLY)
        heard = await client.wait_for(REPLY)
    failure = codec.decode(heard.payload, FailureReply)
    assert (failure.code, failure.message) == (
        "corrupt",
        f"object {LARGE.id.hex()[:12]} is larger than {MAX_PAYLOAD} octets",
    )
    assert await backend.repo.objects.missing([LARGE.id]) == {LARGE.id}
