"""A store that cannot be opened: DNS continues, and ``up`` keeps running and names the remedy."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.e2e.backups import OBJECTS, REFS, back_up, restore
from tests.e2e.stack import Stack, wait_until


def truncate_file(path: Path) -> None:
    """Truncate a file, and remove the files that SQLite keeps next to it."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(("name", "file"), [("refs", REFS), ("objectstore", OBJECTS)])
def test_a_store_that_cannot_be_opened_is_named_and_resolvers_keep_serving(
    own_stack: Stack, tmp_path: Path, name: str, file: str
) -> None:
    own_stack.up("--resolvers", "2")
    own_stack.zone("foo.com")
    folder = back_up(own_stack, tmp_path / "backup")
    own_stack.run("down")
    truncate_file(own_stack.data / file)

    said = own_stack.up("--resolvers", "2")
    assert str(own_stack.data / file) in said["degraded"][name]
    assert "backup" in said["degraded"][name]
    assert own_stack.answer("api.foo.com") == ["192.0.2.80"]
    doctor = own_stack.run("doctor", status=1).out
    (about,) = [line for line in doctor.splitlines() if line.split()[:2] == ["BAD", name]]
    assert "its store cannot be opened" in about
    log = (own_stack.data / "logs" / f"{name}.log").read_text()
    assert log.count("service.failed") == 1
    up = (own_stack.data / "logs" / "up.log").read_text()
    assert f"{name} cannot open its store" in up

    restore(own_stack, folder, file)
    wait_until(lambda: own_stack.record()["degraded"] == {}, "the store is not opened again")
    wait_until(lambda: _commits(own_stack), "the store does not answer")
    assert own_stack.answer("api.foo.com") == ["192.0.2.80"]


def _commits(stack: Stack) -> bool:
    return "main" in stack.run("branch", "--zone", "foo.com").out


def test_a_damaged_row_of_refs_is_found_when_the_store_is_opened(own_stack: Stack) -> None:
    own_stack.up()
    own_stack.zone("foo.com")
    own_stack.run("down")
    path = own_stack.data / REFS
    octets = path.read_bytes()
    assert octets.count(b"\x03foo\x03com\x00heads") > 0
    path.write_bytes(octets.replace(b"\x03foo\x03com\x00heads", b"\x03fop\x03com\x00heads"))
    said = own_stack.up()
    assert str(path) in said["degraded"]["refs"]
    assert own_stack.answer("api.foo.com") == ["192.0.2.80"]


def test_a_damaged_row_of_the_log_is_named_by_fsck_and_doctor(own_stack: Stack) -> None:
    """It is not read when the store is opened, so that a long log does not delay a start."""
    own_stack.up()
    own_stack.zone("foo.com")
    own_stack.run("set", "api", "A", "300", "192.0.2.81", "--wait")
    assert own_stack.json("fsck")["refs_damage"] == []
    own_stack.run("down")
    path = own_stack.data / REFS
    with closing(sqlite3.connect(path)) as file, file:
        assert file.execute("UPDATE log SET actor = 'eve' WHERE sequence = 3").rowcount == 1
    assert own_stack.up()["degraded"] == {}
    (damage,) = json.loads(own_stack.run("fsck", "--json", status=1).out)["refs_damage"]
    assert "the row (3," in damage
    assert str(path) in own_stack.run("reflog", "main", "--zone", "foo.com", status=1).err
    assert "damaged: " in own_stack.run("doctor", status=1).out
    assert own_stack.answer("api.foo.com") == ["192.0.2.81"]
