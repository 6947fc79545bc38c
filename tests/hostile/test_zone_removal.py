"""An operator without permission to move a branch cannot remove its zone."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.support import commits
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.raw_nats import connect_raw
from tests.support.remote_stores import objects_of, refs_of
from tests.support.waiting import retry

from zonegit.bus import Bus, connect
from zonegit.config import BusSettings
from zonegit.errors import Denied, Invalid, Unavailable
from zonegit.objects.model import Identity
from zonegit.repo.change import remove_zone
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent
from zonegit.wire import codec, permissions, subjects
from zonegit.wire.messages import ChangeInfo, FailureReply, Unregister
from zonegit.wire.permissions import ROLES
from zonegit.wire.verbs import Right
from zonegit.zone import names

FOO = names.parse("foo.com.")
DENIED = permissions.branch_lines(Right.MOVE, "bob", "main", FOO)


def user(name: str, role: str, deny: list[str]) -> dict[str, object]:
    publish = {"allow": permissions.publish_lines(ROLES[role], name), "deny": deny}
    return {
        "user": name,
        "password": "pw",
        "permissions": {
            "publish": publish,
            "subscribe": {"allow": permissions.subscribe_lines(ROLES[role], name)},
        },
    }


@contextmanager
def protected_bus(folder: Path) -> Iterator[str]:
    """Run both stores on a bus that permits everything to alice, and everything but main of
    foo.com. to bob."""
    users = [
        user("objectstore", "objectstore", []),
        user("refs", "refs", []),
        user("alice", "operator", []),
        user("bob", "operator", DENIED),
    ]
    configuration = json.dumps({"authorization": {"users": users}})
    with (
        nats_server(configuration) as url,
        run_service("objectstore", connect_as(url, "objectstore"), folder),
        run_service("refs", connect_as(url, "refs"), folder),
    ):
        yield url


def connect_as(url: str, name: str) -> str:
    return url.replace("://", f"://{name}:pw@")


@asynccontextmanager
async def working(url: str, name: str) -> AsyncIterator[Repo]:
    async with connect(BusSettings(connect_as(url, name)), name=name) as bus:
        yield repo_of(bus, name)


def repo_of(bus: Bus, name: str) -> Repo:
    who = Identity(name, f"{name}@example.net", 0)
    return Repo(
        objects_of(bus, name),
        refs_of(bus, name),
        name,
        lambda: who,
    )


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    made = commits.commit(FOO, 1)
    with protected_bus(tmp_path) as url:
        async with working(url, "alice") as alice:
            await retry(alice.refs.snapshot, Unavailable)
            await retry(lambda: alice.objects.find("0000"), Unavailable)
            await alice.refs.register(FOO, alice.origin("init"))
            await alice.objects.put(made.objects)
            for ref in (ref_names.branch(FOO, "main"), ref_names.branch(FOO, "next"),
                        ref_names.tag(FOO, "v1")):  # fmt: skip
                await alice.refs.move(ref, Absent(), made.id, alice.origin("test"))
        yield url


async def test_a_rule_that_denies_moves_of_a_branch_protects_its_zone(url: str) -> None:
    async with working(url, "alice") as alice, working(url, "bob") as bob:
        before = await alice.refs.zone(FOO, "alice")
        sequence = (await alice.refs.snapshot()).sequence
        with pytest.raises(Denied) as caught:
            await remove_zone.remove_zone(
                bob, await bob.refs.zone(FOO, "bob"), force=True, reason="all mine"
            )
        assert caught.value.details["subject"] == "zg.bob.refs.move.heads.main.com.foo.="
        assert await alice.refs.zone(FOO, "alice") == before
        assert (await alice.refs.snapshot()).sequence == sequence
        done = await remove_zone.remove_zone(alice, before, force=True, reason="it moved away")
        assert len(done.removed) == 3
        assert (await alice.refs.snapshot()).zones == []


async def test_force_with_a_client_of_the_previous_release_removes_nothing(url: str) -> None:
    why = ChangeInfo(command="zone remove", operation="f" * 32, force=True, reason="all mine")
    subject = subjects.request("bob", "refs", "unregister", ref_names.marker(FOO))
    async with connect_raw(connect_as(url, "bob")) as bob:
        bob.subscribe("_INBOX.bob.>")
        bob.publish(subject, codec.encode(Unregister(why=why)), "_INBOX.bob.x.y")
        failure = codec.decode((await bob.wait_for("_INBOX.bob.x.y")).payload, FailureReply)
    assert failure.code == "unsafe"
    assert "branches: main, next; tags: v1" in failure.message
    assert "upgrade it" in (failure.hint or "")
    async with working(url, "alice") as alice:
        assert set((await alice.refs.zone(FOO, "alice")).heads) == {"main", "next"}


async def test_the_operation_id_of_another_actor_cannot_be_used(url: str) -> None:
    """Bob cannot add his own removal to alice's operation, which her undo would revert."""
    async with working(url, "alice") as alice, working(url, "bob") as bob:
        (latest,) = (await bob.refs.operations(1)).operations
        theirs = Origin("bob", "zone remove", latest.operation)
        with pytest.raises(Invalid, match="another operator"):
            await bob.refs.move(ref_names.branch(FOO, "mine"), Absent(), None, theirs)
        assert (await alice.refs.operations(1)).operations == [latest]
