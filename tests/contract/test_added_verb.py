"""A read verb is added in three files: its messages, its row of the table, the method that answers.

``tests/toys/branch_count`` has these files. The client, the permissions of the bus and the table of
docs/wire.md follow from the row.
"""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.support.nats import nats_server
from tests.support.remote_stores import refs_of
from tests.toys.branch_count.handlers import CountingHandlers
from tests.toys.branch_count.messages import AskBranches, BranchCount
from tests.toys.branch_count.verbs import BRANCHES, TABLE
from tests.unit.docs.test_bus_permissions import load_generator

from zonegit.bus import Bus, RemoteRefs, connect
from zonegit.bus.endpoints import endpoints_of
from zonegit.bus.service import serve
from zonegit.config import BusSettings
from zonegit.errors import Denied, Invalid, NotFound
from zonegit.store import ref_names
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Origin
from zonegit.wire import permissions
from zonegit.wire.permissions import ROLES
from zonegit.zone import names
from zonegit_refs.handlers import RefHandlers
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.legacy.adopter import LegacyAdopter
from zonegit_refs.sql.refs import open_refs

ZONE = names.parse("example.com.")
SUBJECT = "zg.ada.refs.branches.zone._.>"
USERS = {"refs": ROLES["refs"], "ada": ROLES["reader"], "eve": ROLES["objectstore"]}


@asynccontextmanager
async def run_refs(path: Path) -> AsyncIterator[str]:
    """Run a ref store with one zone on a bus with the permissions of the table, and yield its
    URL."""
    users: list[dict[str, object]] = [
        {
            "user": name,
            "password": "pw",
            "permissions": {
                "publish": {"allow": permissions.publish_lines(role, name, table=TABLE)},
                "subscribe": {"allow": permissions.subscribe_lines(role, name)},
            },
        }
        for name, role in USERS.items()
    ]
    users.append({"user": "root", "password": "pw"})
    with nats_server(json.dumps({"authorization": {"users": users}})) as url:
        async with open_refs(path / "refs.sqlite3") as store, open_bus(url, "refs") as bus:
            keeper = RefKeeper(store, MemoryObjects(), lambda objects, entries: None)
            await keeper.register(ZONE, Origin("refs", "a test", "0" * 16))
            handlers = CountingHandlers(keeper, LegacyAdopter(store, keeper, MemoryObjects()))
            async with serve(bus, "refs", "refs", handlers.endpoints()):
                yield url


def open_bus(url: str, user: str) -> AbstractAsyncContextManager[Bus]:
    return connect(BusSettings(url.replace("://", f"://{user}:pw@")), name=user)


async def count(refs: RemoteRefs, zone: str) -> BranchCount:
    return await refs.ask(BRANCHES, AskBranches(), ref_names.marker(names.parse(zone)))


async def test_a_client_asks_an_added_verb_over_the_bus(tmp_path: Path) -> None:
    async with run_refs(tmp_path) as url, open_bus(url, "ada") as bus:
        refs = refs_of(bus, "ada")
        assert await count(refs, "example.com.") == BranchCount(branches=0)
        with pytest.raises(NotFound):
            await count(refs, "example.org.")


async def test_only_users_with_its_right_may_ask_an_added_verb(tmp_path: Path) -> None:
    assert SUBJECT in permissions.publish_lines(ROLES["reader"], "ada", table=TABLE)
    assert SUBJECT not in permissions.publish_lines(ROLES["reader"], "ada")
    async with run_refs(tmp_path) as url, open_bus(url, "eve") as bus:
        with pytest.raises(Denied):
            await count(refs_of(bus, "eve"), "example.com.")


async def test_an_added_verb_is_refused_on_a_subject_of_another_form(tmp_path: Path) -> None:
    async with run_refs(tmp_path) as url, open_bus(url, "root") as bus:
        with pytest.raises(Invalid, match="a zone"):
            await refs_of(bus, "root").ask(BRANCHES, AskBranches())


def test_the_row_of_an_added_verb_is_in_the_documented_table() -> None:
    row = "| `refs.branches` | the zone | `AskBranches` | `BranchCount` | read |"
    assert row in load_generator().format_verb_table(TABLE).splitlines()


def test_a_service_cannot_start_with_a_verb_that_no_method_answers() -> None:
    handlers = CountingHandlers.__new__(CountingHandlers)
    with pytest.raises(KeyError, match="branches"):
        endpoints_of("refs", RefHandlers.__new__(RefHandlers), TABLE)
    with pytest.raises(KeyError, match="branches"):
        endpoints_of("refs", handlers)
