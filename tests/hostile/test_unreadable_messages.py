"""Messages that the bus carries and the client library cannot parse end no connection."""

from pathlib import Path

import pytest
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.raw_nats import connect_raw
from tests.support.remote_stores import refs_of
from tests.support.waiting import eventually

from zonegit.bus import connect
from zonegit.config import BusSettings


def with_headers(block: bytes) -> bytes:
    """Return a request with these octets as headers."""
    return b"HPUB zg.ada.refs.where %d %d\r\n%b\r\n" % (len(block), len(block), block)


UNREADABLE = {
    "a subject that is not UTF-8": b"PUB zg.\xff.refs.where 2\r\n\x81\xa1\r\n",
    "a reply subject that is not UTF-8": b"PUB zg.ada.refs.where \xff.x 0\r\n\r\n",
    "a header that is not UTF-8": with_headers(b"NATS/1.0\r\n\xff:\xff\r\n\r\n"),
    "a header without a name": with_headers(b"NATS/1.0\r\n:\r\n\r\n"),
    "a status that is not UTF-8": with_headers(b"NATS/1.0 \xff\xff\r\n\r\n"),
    "no header": with_headers(b"NATS/1.0\r\n\r\n"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_service_answers_other_requests_on_the_same_connection(
    tmp_path: Path, kind: str
) -> None:
    """At the first such message, the library stops reading: the service would be deaf for half a
    minute."""
    with nats_server() as url, run_service("refs", url, tmp_path) as service:
        await eventually(lambda: "service.started" in service.log.read_text())
        async with connect_raw(url) as client, connect(BusSettings(url), name="test") as bus:
            client.send(UNREADABLE[kind])
            assert await client.flush() == []
            assert (await refs_of(bus, "ada").where("ada")).own is None
        assert "bus.lost" not in service.log.read_text()
