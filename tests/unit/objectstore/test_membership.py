"""An object store belongs to the installation of the first ref store it hears."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.nats import nats_server
from tests.support.waiting import eventually, eventually_true

from zonegit.bus import Bus, connect
from zonegit.config import BusSettings
from zonegit.wire import subjects
from zonegit.wire.messages import Heartbeat
from zonegit_objectstore.membership import Membership, open_membership
from zonegit_objectstore.sql.objects import SqlObjects, open_objects

A, B = "a" * 16, "b" * 16


@pytest.fixture(scope="module")
def nats_url() -> Iterator[str]:
    with nats_server() as url:
        yield url


@asynccontextmanager
async def member(url: str, file: Path) -> AsyncIterator[tuple[Membership, SqlObjects, Bus]]:
    async with (
        open_objects(file) as store,
        connect(BusSettings(url), name="objectstore") as bus,
    ):
        membership = await open_membership(store)
        async with membership.running(bus):
            yield membership, store, bus


async def beat(bus: Bus, installation: str, *replaces: str) -> None:
    said = Heartbeat(
        epoch="e", sequence=1, time=time.time(), installation=installation, replaces=list(replaces)
    )
    await bus.publish(subjects.HEARTBEAT, said)


async def comes_to_keep(store: SqlObjects, installation: str) -> None:
    async def keeps() -> bool:
        return await store.installation() == installation

    await eventually_true(keeps)


async def test_the_first_ref_store_decides_the_installation(nats_url: str, tmp_path: Path) -> None:
    file = tmp_path / "objects.sqlite3"
    async with member(nats_url, file) as (membership, store, bus):
        await beat(bus, "")  # of an earlier release
        await beat(bus, A)
        await comes_to_keep(store, A)
        # A second store is not a replacement.
        await beat(bus, B)
        await beat(bus, A, B)
        await comes_to_keep(store, A)
        assert (membership.installation, membership.refuses) == (A, "")
    async with member(nats_url, file) as (membership, store, bus):
        await beat(bus, B)
        await eventually(lambda: membership.refuses == B)
        assert membership.installation == A
        await beat(bus, A)
        await eventually(lambda: membership.refuses == "")


async def test_a_ref_store_that_replaces_the_installation_is_joined(
    nats_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "objects.sqlite3"
    async with open_objects(file) as store:
        await store.join(A)
    async with member(nats_url, file) as (membership, store, bus):
        await beat(bus, B)
        await eventually(lambda: membership.refuses == B)
        await beat(bus, B, A)
        await comes_to_keep(store, B)
        assert (membership.installation, membership.refuses) == (B, "")
