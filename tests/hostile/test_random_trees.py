"""Random trees with correct ids and invalid content, given to compiler, responder, stores and
resolver."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import dns.message
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.bad_zones import SealedZone
from tests.support.nats import nats_server
from tests.support.random_objects import random_zones
from tests.support.waiting import eventually_true, open_in_task
from tests.unit.resolver.backend import Backend, RunningResolver, run_backend, run_resolver

from zonegit import containment
from zonegit.errors import Internal, NotFound, ZonegitError
from zonegit.nameserver.answer import fast_path, responder
from zonegit.nameserver.answer.zone_table import ServedBranches, ZoneTable
from zonegit.nameserver.message.query import STREAM
from zonegit.nameserver.zone.compiler import apply_changes, decode_change
from zonegit.nameserver.zone.records import iter_records
from zonegit.nameserver.zone.snapshot import ZoneSnapshot, empty_snapshot
from zonegit.objects import zone_tree
from zonegit.objects.codec import decode, list_links
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Commit
from zonegit.objects.walk import run
from zonegit.repo.inspect import fsck
from zonegit.store import ref_names
from zonegit.store.refs import Anything
from zonegit.wire.messages import ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name

EXAMPLES = 25
"""Zones that are thrown at a stack; what compiles them gets many more."""

APEX = names.parse("mallory.test.")
QUESTIONS = [
    dns.message.make_query(name, rdtype, id=1, want_dnssec=do, payload=4_096).to_wire()
    for name in ("mallory.test.", "a.mallory.test.", "www.a.mallory.test.", "no.mallory.test.")
    for rdtype in ("A", "SOA", "NS", "ANY", "SVCB", "RRSIG")
    for do in (False, True)
]


def compile_zone(apex: Name, sealed: SealedZone) -> ZoneSnapshot:
    """Compile a zone as a resolver does.

    Raises:
        ZonegitError: it is not a valid zone.
    """
    raws = {raw.id: raw for raw in sealed.objects}
    values = {}
    for raw in sealed.objects:
        with suppress(ZonegitError):
            values[raw.id] = decode(raw)
    commit = values[sealed.commit]
    assert isinstance(commit, Commit)
    snapshot = empty_snapshot(apex)
    for change in run(zone_tree.list_changes(None, commit.tree), values):
        assert change.new is not None
        if change.new not in raws:
            raise NotFound("it is not there")
        snapshot = apply_changes(
            snapshot, [decode_change(change.path, change.rdtype, raws[change.new])]
        )
    return snapshot


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_zones(APEX))
def test_a_tree_that_compiles_is_answered_and_any_other_is_refused_with_a_known_error(
    sealed: SealedZone,
) -> None:
    try:
        snapshot = compile_zone(APEX, sealed)
    except ZonegitError:
        return
    if snapshot.serial is None:
        return
    zones = ZoneTable()
    zones.replace(APEX, ServedBranches(zones.make_state(APEX, "main", sealed.commit, snapshot)))
    for query in QUESTIONS:
        reply = responder.respond(query, zones, "192.0.2.1", STREAM)
        assert fast_path.respond(query, zones, "192.0.2.1", STREAM) == reply
    list(iter_records(snapshot))


def list_ids(sealed: SealedZone) -> set[ObjectId]:
    """Return the ids of its objects, and all ids that these contain."""
    found = {raw.id for raw in sealed.objects}
    for raw in sealed.objects:
        with suppress(ZonegitError):
            found.update(list_links(decode(raw)))
    return found


class RandomZoneTarget:
    """Stores and a resolver for many examples; each example is a zone of its own."""

    def __init__(self, made: Backend, running: RunningResolver) -> None:
        self._backend = made
        self._running = running
        self._bugs = containment.counts.copy()
        self._thrown = 0
        self._bad: dict[Name, SealedZone] = {}

    def next_apex(self) -> Name:
        """Return a zone that does not exist yet."""
        self._thrown += 1
        return names.parse(f"z{self._thrown}.test.")

    async def throw(self, apex: Name, sealed: SealedZone) -> None:
        """Offer a zone to refs by hand and, if refs refuses it, store it as a tip without a check.

        Other zones must still be answered. A zone that refs accepts must be served.
        """
        is_accepted = False
        try:
            await self._move(apex, sealed)
            is_accepted = True
        except Internal:
            raise
        except ZonegitError:
            await self._backend.smuggle(names.text(apex), sealed.commit, sealed.objects)
        await eventually_true(lambda: self._is_settled(apex, sealed))
        await self._assert_another_zone_follows()
        if (await self._served(apex)).problem is not None:
            assert not is_accepted
            self._bad[apex] = sealed
        assert containment.counts == self._bugs

    async def assert_a_check_names_what_is_bad(self) -> None:
        """Check that fsck names each zone that the resolver could not load.

        It names a flaw of the tip or a broken object; an object of several zones is named in one of
        them.
        """
        report = await fsck.check(self._backend.repo)
        named = {each.ref.zone for each in (*report.flawed, *report.broken)}
        broken = {each.id for each in report.broken}
        for apex, sealed in self._bad.items():
            assert apex in named or broken & list_ids(sealed), names.text(apex)

    async def _move(self, apex: Name, sealed: SealedZone) -> None:
        repo = self._backend.repo
        for raw in sealed.objects:
            await repo.objects.put([raw])
        await repo.refs.register(apex, repo.origin("test"))
        origin = repo.origin("test", force=True)
        await repo.refs.move(ref_names.branch(apex, "main"), Anything(), sealed.commit, origin)

    async def _served(self, apex: Name) -> ServedZone:
        (status,) = (await self._backend.status()).values()
        return next(each for each in status.zones if each.zone == apex)

    async def _is_settled(self, apex: Name, sealed: SealedZone) -> bool:
        (status,) = (await self._backend.status()).values()
        found = [each for each in status.zones if each.zone == apex]
        return any(each.problem or each.commit == sealed.commit for each in found)

    async def _assert_another_zone_follows(self) -> None:
        address = f"192.0.2.{self._thrown % 256}"
        await self._backend.commit("good.test.", f"www 300 A {address}\n")
        await self._running.wait_for_text(f"NOERROR {address}", "www.good.test.")


@asynccontextmanager
async def target(url: str, data: Path) -> AsyncIterator[RandomZoneTarget]:
    async with run_backend(url, data) as made, run_resolver(url, data) as running:
        yield RandomZoneTarget(made, running)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


def test_no_senseless_tree_ends_a_process_or_affects_another_zone(
    tmp_path: Path, runner: asyncio.Runner
) -> None:
    with nats_server() as url:
        living = open_in_task(target(url, tmp_path))
        thrown_at = runner.run(living.__aenter__())

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # The stores keep their content, so no example equals another.
            suppress_health_check=[*HealthCheck],
        )
        @given(st.data())
        def throw(data: st.DataObject) -> None:
            apex = thrown_at.next_apex()
            runner.run(thrown_at.throw(apex, data.draw(random_zones(apex))))

        try:
            throw()
            runner.run(thrown_at.assert_a_check_names_what_is_bad())
        finally:
            runner.run(living.__aexit__(None, None, None))
