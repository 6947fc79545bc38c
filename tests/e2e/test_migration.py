"""A store of the original implementation is migrated into a real stack, despite killed
processes."""

import asyncio
import json
import random
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.stack import Stack, wait_until
from tests.e2e.test_services_survive_kills import ACTOR, read_log, run_stores
from tests.e2e.test_services_survive_kills import StoreProcesses as Running
from tests.support import commits, vectors
from tests.support.nats import nats_server
from tests.support.processes import run_service
from tests.support.waiting import eventually, retry

from zonegit.bus import RemoteRefs, connect
from zonegit.config import BusSettings
from zonegit.errors import Unavailable
from zonegit.repo.change import migrate
from zonegit.store.ref_log import Origin
from zonegit.zone import names
from zonegit_objectstore.sql.objects import open_objects
from zonegit_refs.sql.refs import open_refs

DUMP = str(vectors.DATA / "v03-store.json")
OBJECTS = migrate.read(Path(DUMP).read_bytes(), "dump").objects
ZONE = names.parse("foo.com.")
BRANCHES = 120
KILLS = 5


def test_main_canary_and_head_are_migrated_and_served(own_stack: Stack) -> None:
    own_stack.up()
    said = own_stack.json("migrate", "--from-v03", DUMP)
    assert (said["zone"], said["current"], said["changed"]) == ("foo.com.", "canary", True)
    assert own_stack.json("branch")["current"] == "canary"
    slots = vectors.v03_slots()
    assert {
        name: each["commit"] for name, each in own_stack.json("branch")["branches"].items()
    } == {name: slots[f"refs/heads/{name}"].hex() for name in ("canary", "main")}
    status = own_stack.json("status")
    assert (status["zone"], status["branch"]) == ("foo.com.", "canary")
    assert status["commit"] == slots["refs/heads/canary"].hex()
    assert own_stack.json("log")[0]["commit"] == slots["refs/heads/canary"].hex()
    assert own_stack.json("log", "main")[0]["commit"] == slots["refs/heads/main"].hex()
    served = own_stack.json("show", "api", "A", "main")["rdata"]
    wait_until(lambda: own_stack.answer("api.foo.com") == served)

    before = own_stack.json("branch")
    assert own_stack.json("migrate", "--from-v03", DUMP)["changed"] is False
    assert own_stack.json("branch") == before
    own_stack.run("set", "api", "A", "60", "192.0.2.99", "--branch", "main")
    moved_on = own_stack.json("branch")
    failed = own_stack.run("migrate", "--from-v03", DUMP, status=4)
    assert "nothing was changed" in failed.err
    assert own_stack.json("branch") == moved_on


def test_an_invalid_dump_is_refused_before_anything_is_sent(stack: Stack, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    dump = json.loads(Path(DUMP).read_text())
    dump["objects"].pop(0)
    bad.write_text(json.dumps(dump))
    failed = stack.run("migrate", "--from-v03", str(bad), status=1)
    assert f"{bad}: " in failed.err
    assert "which is not in the dump" in failed.err
    assert stack.run("migrate", "--from-v03", str(tmp_path / "none"), status=3).err
    assert stack.run("migrate", status=2).err


async def test_refs_completes_a_migration_by_itself_after_repeated_kills(tmp_path: Path) -> None:
    made = commits.commit(ZONE, 1)
    slots = {name: slot for name, slot in vectors.v03_slots().items() if "heads" not in name}
    slots |= {f"refs/heads/b{n}": made.id for n in range(BRANCHES)}
    origin = Origin(ACTOR, "migrate", secrets.token_hex(16))
    async with run_stores(tmp_path) as stack:
        await stack.objects.put(made.objects)
        adopt = stack.attempt(lambda: stack.refs.adopt(slots, origin))
        asking = asyncio.create_task(adopt)
        await eventually(lambda: legacy_rows(tmp_path) > 0)
        for _ in range(KILLS):
            await kill_after_progress(stack, tmp_path)
        await eventually(lambda: legacy_rows(tmp_path) == 0)
        assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], Unavailable)

        await stack.until_answers()
        log = await read_log(stack.refs)
        refs = await stack.refs.zone(ZONE, ACTOR)
        where = await stack.refs.where(ACTOR)

    assert {name: tip.target for name, tip in refs.heads.items()} == {
        f"b{n}": made.id for n in range(BRANCHES)
    }
    assert {tip.highest for tip in refs.heads.values()} == {1}
    assert where.default is not None
    assert (where.default.zone, where.default.branch) == (ZONE, "canary")
    assert len(log) == len({entry.ref for entry in log}), "something was written twice"
    assert [entry.sequence for entry in log] == list(range(1, len(log) + 1))


async def test_refs_answers_while_a_migration_waits_for_the_object_store(tmp_path: Path) -> None:
    slots = vectors.v03_slots()
    async with open_objects(tmp_path / "objectstore" / "objects.sqlite3") as objects:
        await objects.put(OBJECTS)
    async with open_refs(tmp_path / "refs" / "refs.sqlite3") as refs:
        await refs.keep(slots, {}, Origin(ACTOR, "migrate", secrets.token_hex(16)))
    with nats_server() as url, run_service("refs", url, tmp_path):
        async with connect(BusSettings(url), name="test") as bus:
            asked = RemoteRefs(bus, ACTOR)
            assert (await retry(lambda: asked.where(ACTOR), Unavailable)).default is None
            waits = tmp_path / "refs.log"
            await eventually(lambda: b"migration.waits" in waits.read_bytes())
            assert legacy_rows(tmp_path) > 0
            with run_service("objectstore", url, tmp_path):
                await eventually(lambda: legacy_rows(tmp_path) == 0)
            default = (await asked.where(ACTOR)).default
            assert default is not None
            assert default.branch == "canary"


async def kill_after_progress(stack: Running, data: Path) -> None:
    """Kill refs after it has migrated more rows since its start."""
    left = legacy_rows(data)
    await eventually(lambda: legacy_rows(data) < left or left == 0)
    await asyncio.sleep(random.uniform(0, 0.01))
    await stack.restart(stack.refs_service)


def legacy_rows(data: Path) -> int:
    with closing(sqlite3.connect(data / "refs" / "refs.sqlite3")) as file:
        return int(file.execute("SELECT count(*) FROM legacy").fetchone()[0])
