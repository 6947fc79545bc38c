"""One bad object affects only the zone that contains it.

An actor may move the branches of its own zones to any stored object. No resolver can serve these
zones; all other zones continue.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import dns.message
import msgspec
import pytest
from tests.e2e.stack import Stack
from tests.support.bad_zones import SealedZone, bad_zones, good_zone, malformed_zones
from tests.support.raw_nats import RawClient, connect_raw
from tests.support.waiting import eventually_true
from tests.unit.resolver.backend import Backend, RunningResolver, run_resolver

from zonegit import containment
from zonegit.objects.ids import ObjectId
from zonegit.zone import names

MALLORY = names.parse("mallory.test.")
BAD = bad_zones(MALLORY)
MALFORMED = malformed_zones(MALLORY)
GOOD = "www 300 A 192.0.2.{}\n"


async def has_problem(backend: Backend) -> bool:
    (status,) = (await backend.status()).values()
    return any(each.problem is not None for each in status.zones if each.zone == MALLORY)


async def is_attempted(backend: Backend, commit: ObjectId) -> bool:
    """Return whether the resolver has tried to serve a commit."""
    (status,) = (await backend.status()).values()
    found = [each for each in status.zones if each.zone == MALLORY]
    return any(each.problem is not None or each.commit == commit for each in found)


async def check_other_zones(backend: Backend, running: RunningResolver, number: int) -> None:
    """Check that other zones are served, and that their changes are."""
    await backend.commit("good.test.", GOOD.format(number))
    await running.wait_for_text(f"NOERROR 192.0.2.{number}", "www.good.test.")


@pytest.mark.parametrize("kind", BAD)
async def test_a_zone_that_cannot_be_loaded_is_marked_and_affects_no_other(
    backend: Backend, tmp_path: Path, kind: str
) -> None:
    async with run_resolver(backend.url, tmp_path) as running:
        before = containment.counts.copy()
        await backend.commit("mallory.test.", GOOD.format(1))
        await check_other_zones(backend, running, 2)
        await backend.smuggle("mallory.test.", *BAD[kind])
        await eventually_true(lambda: has_problem(backend))
        await check_other_zones(backend, running, 3)
        assert await running.query_text("www.mallory.test.") == "NOERROR 192.0.2.1"
        problem = 'zonegit_zone_problem{branch="main",zone="mallory.test."} 1.0'
        assert problem in (await running.page("/metrics"))[1]
        assert containment.counts == before


@pytest.mark.parametrize("kind", MALFORMED)
async def test_invalid_records_affect_no_other_zone(
    backend: Backend, tmp_path: Path, kind: str
) -> None:
    """Refs refuses them. If they are on a branch nevertheless, queries for them cause no error."""
    commit, objects = MALFORMED[kind]
    async with run_resolver(backend.url, tmp_path) as running:
        before = containment.counts.copy()
        await check_other_zones(backend, running, 2)
        await backend.smuggle("mallory.test.", commit, objects)
        await eventually_true(lambda: is_attempted(backend, commit))
        for name in ("a.mallory.test.", "mallory.test.", "no.mallory.test."):
            for rdtype in ("A", "MX", "ANY", "NSEC3PARAM"):
                query = dns.message.make_query(name, rdtype, want_dnssec=True)
                await running.exchange(query.to_wire())
        await check_other_zones(backend, running, 3)
        assert 'why="failed"} 0.0' in (await running.page("/metrics"))[1]
        assert containment.counts == before


async def test_a_resolver_starts_with_bad_zones_and_serves_them_once_they_are_repaired(
    backend: Backend, tmp_path: Path
) -> None:
    for number, kind in enumerate(BAD):
        apex = f"z{number}.test."
        await backend.smuggle(apex, *bad_zones(names.parse(apex))[kind])
    await backend.commit("good.test.", GOOD.format(1))
    async with run_resolver(backend.url, tmp_path) as running:
        assert await running.wait_for_first_text("www.good.test.") == "NOERROR 192.0.2.1"
        (status,) = (await backend.status()).values()
        assert sum(each.problem is not None for each in status.zones) == len(BAD)
        await backend.smuggle("z0.test.", *good_zone(names.parse("z0.test.")))
        await running.wait_for_text("NOERROR 192.0.2.1", "www.z0.test.")


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(tmp_path / "data")
    yield stack
    stack.down()


async def test_a_hand_made_client_ends_no_process_of_a_stack(own_stack: Stack) -> None:
    """The client of the bus has the rights of an operator."""
    own_stack.up("--resolvers", "2")
    for zone in ("mallory.test", "good.test"):
        own_stack.zone(zone)
    before = own_stack.processes()
    bus = own_stack.record()["bus"]
    url = bus["url"].replace("://", f"://cli:{bus['users']['cli']}@")
    async with connect_raw(url) as client:
        inbox = await find_inbox(client)
        for number, bad in enumerate((*BAD.values(), *MALFORMED.values())):
            await attack(client, inbox, bad, f"operation-{number:06}")
    assert own_stack.answer("api.good.test") == ["192.0.2.80"]
    change = ("set", "api", "A", "192.0.2.81", "--zone", "good.test", "-m", "test", "--wait")
    await asyncio.to_thread(own_stack.run, *change)
    assert own_stack.answer("api.good.test") == ["192.0.2.81"]
    assert own_stack.processes().keys() == before.keys()


async def find_inbox(client: RawClient) -> str:
    """Listen in an inbox that this user may use: of this release, or of the previous one."""
    for inbox in ("_INBOX.mallory", "_INBOX_cli"):
        if await client.may_subscribe(f"{inbox}.>"):
            return inbox
    raise AssertionError("this user has no inbox")


async def attack(client: RawClient, inbox: str, bad: SealedZone, operation: str) -> None:
    """Store the objects one by one, even after refusals, and move the branch.

    Each refusal must be a failure reply, not an internal error.
    """
    for raw in bad.objects:
        await ask(client, inbox, "zg.mallory.objects.put", {"objects": [list(raw)]})
    moving = {
        "expected": {"type": "anything"},
        "new": bad.commit,
        "why": {"reason": "move", "operation": operation, "force": True, "because": "mine"},
    }
    await ask(client, inbox, "zg.mallory.refs.move.heads.main.test.mallory.=", moving)


async def ask(client: RawClient, inbox: str, subject: str, message: object) -> None:
    reply = f"{inbox}.hand.{len(client.received)}x"
    client.publish(subject, msgspec.msgpack.encode(message), reply)
    answer = msgspec.msgpack.decode((await client.wait_for(reply)).payload)
    assert answer.get("code") in (None, "invalid", "not-found", "corrupt", "unsafe"), answer
