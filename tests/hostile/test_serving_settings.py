"""A client that may move refs sends serving settings that no resolver must follow."""

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.contract.conftest import ACTOR
from tests.hostile.test_malformed_tips import Mallory, mallory
from tests.support.nats import nats_server
from tests.support.waiting import DEADLINE_S, open_in_task
from tests.unit.resolver.backend import Backend, run_backend, run_resolver

from zonegit.objects.ids import ObjectId, RawObject, compute_id
from zonegit.repo.change import serving
from zonegit.store import ref_names
from zonegit.store.refs import Absent
from zonegit.wire.messages import ChangeInfo, Move
from zonegit.zone import names

__all__ = ["mallory"]

FOO = names.parse("foo.com.")
SERVING = ref_names.serving(FOO)
CANARY = {"branch": "next", "percent": 100, "salt": "s"}
OLD, NEW = "www 300 A 192.0.2.1\n", "www 300 A 192.0.2.2\n"


def encode_doc(**fields: object) -> bytes:
    doc = {"type": "serving", "version": 1, "canary": CANARY, **fields}
    return msgspec.msgpack.encode(doc, order="deterministic")


BAD_DOCS = {
    "percent": (encode_doc(canary={**CANARY, "percent": 1000}), "is 1000: expected"),
    "unknown key": (encode_doc(weight=5), "unknown keys in serving settings: 'weight'"),
    "other type": (encode_doc(type="policy"), "not a doc of serving settings"),
    "branch": (encode_doc(canary={**CANARY, "branch": "../x"}), "is not a branch name"),
    "salt": (encode_doc(canary={**CANARY, "salt": "s" * 60_000}), "1 to 64 characters"),
    "later version": (encode_doc(version=2), "is 2, not 1"),
}


@pytest.fixture
def nats_url() -> Iterator[str]:
    with nats_server() as url:
        yield url


@pytest_asyncio.fixture
async def backend(nats_url: str, tmp_path: Path) -> AsyncIterator[Backend]:
    async with open_in_task(run_backend(nats_url, tmp_path / "stores")) as made:
        yield made


@pytest.mark.parametrize("name", BAD_DOCS)
async def test_a_doc_that_does_not_parse_is_refused_with_force(mallory: Mallory, name: str) -> None:
    payload, expected = BAD_DOCS[name]
    bad = mallory.forge.raw("doc", payload)
    assert await mallory.put() == {}
    mallory.tip = None
    reply = await mallory.move(bad, ref=SERVING)
    assert reply["code"] == "invalid"
    assert expected in str(reply["message"])


async def test_other_objects_are_refused(mallory: Mallory) -> None:
    tip, mallory.tip = mallory.tip, None
    assert tip is not None
    assert "is a commit, not a doc" in str((await mallory.move(tip, ref=SERVING))["message"])
    absent = ObjectId(bytes(32))
    assert (await mallory.move(absent, ref=SERVING))["code"] == "not-found"
    garbage = mallory.forge.raw("doc", b"\xc1garbage")
    assert (await mallory.put())["code"] in ("corrupt", "invalid")
    assert (await mallory.move(garbage, ref=SERVING))["code"] == "not-found"
    refs = await mallory.harness.refs.zone(FOO, ACTOR)
    assert refs.serving is None


async def test_a_right_to_move_branches_does_not_cover_the_settings(mallory: Mallory) -> None:
    """The bus compares subjects: a line that allows all of ``refs.move`` must not allow these."""
    good = mallory.forge.raw("doc", encode_doc(canary=CANARY))
    assert await mallory.put() == {}
    why = ChangeInfo(command="canary", operation="1" * 32)
    message = Move(expected=Absent(), new=good, why=why)
    assert (await mallory.ask("refs", "move", message, SERVING))["code"] == "invalid"
    assert "entries" in await mallory.ask("refs", "serve", message, SERVING)


async def test_a_doc_of_1_mb_is_not_stored(mallory: Mallory) -> None:
    payload = encode_doc(canary={**CANARY, "salt": "s" * 400_000})
    mallory.tip = None
    large = mallory.forge.raw("doc", payload)
    assert (await mallory.put())["code"] in ("corrupt", "invalid")
    assert (await mallory.move(large, ref=SERVING))["code"] == "not-found"


async def smuggle(backend: Backend, payload: bytes) -> RawObject:
    """Give the zone settings without the checks of the stores."""
    raw = RawObject(compute_id("doc", payload), "doc", payload)
    backend.smuggled[raw.id] = raw
    assert backend.move is not None
    await backend.move(SERVING, raw.id)
    return raw


@pytest.mark.parametrize("name", [*BAD_DOCS, "garbage", "1 mb"])
async def test_a_resolver_keeps_serving_by_the_earlier_settings(
    backend: Backend, tmp_path: Path, name: str
) -> None:
    payloads = {each: payload for each, (payload, _) in BAD_DOCS.items()}
    payloads |= {"garbage": b"\xc1garbage", "1 mb": bytes(500_000)}
    done = await backend.commit("foo.com.", OLD)
    await backend.branch("foo.com.", "next", done.commit)
    await backend.commit("foo.com.", NEW, "next")
    await serving.set_canary(backend.repo, FOO, "next", 100)
    async with run_resolver(backend.url, tmp_path) as running:
        await running.wait_for_text("NOERROR 192.0.2.2", "www.foo.com.")
        await smuggle(backend, payloads[name])

        async def find_problem() -> str | None:
            zones = (await backend.status())["r"].zones
            return next(each.problem for each in zones if each.branch == "main")

        deadline = time.monotonic() + DEADLINE_S
        while await find_problem() is None:
            assert not running.task.done(), running.task.exception()
            assert time.monotonic() < deadline
        assert await running.query_text("www.foo.com.") == "NOERROR 192.0.2.2"
        await backend.commit("foo.com.", "www 300 A 192.0.2.3\n", "next")
        await running.wait_for_text("NOERROR 192.0.2.3", "www.foo.com.")
        await serving.remove_canary(backend.repo, FOO)
        await running.wait_for_text("NOERROR 192.0.2.1", "www.foo.com.")
        while await find_problem() is not None:
            assert time.monotonic() < deadline
