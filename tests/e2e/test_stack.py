"""zonegit up and down: ports, records, restarts, and cleanup."""

import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.e2e.stack import BIN, FOO, Stack, wait_until


def test_a_stack_starts_answers_and_stops_without_leftovers(own_stack: Stack) -> None:
    said = own_stack.up("--metrics", "127.0.0.1:0")
    assert said["resolvers"] == 1
    assert not said["dns"][0].endswith(":0")
    assert "BAD" not in own_stack.run("doctor").out
    own_stack.run("down")
    wait_until(lambda: not own_stack.processes())
    assert not (own_stack.data / "stack.json").exists()


def test_the_record_is_readable_by_its_owner_only(own_stack: Stack) -> None:
    own_stack.up()
    assert (own_stack.data / "stack.json").stat().st_mode & 0o077 == 0
    assert (own_stack.data / "nats.conf").stat().st_mode & 0o077 == 0


def test_no_password_is_printed_or_logged(own_stack: Stack) -> None:
    words = ("up", "--detach", "--listen", "127.0.0.1:0", "--log-level", "debug")
    said = own_stack.run(*words).out
    own_stack.zone("foo.com")
    passwords = own_stack.record()["bus"]["users"].values()
    logs = "".join(path.read_text() for path in (own_stack.data / "logs").iterdir())
    assert "request" in logs
    assert not [word for word in passwords if word in said or word in logs]


def test_killing_the_supervisor_leaves_no_orphan(own_stack: Stack) -> None:
    pid = own_stack.up()["pid"]
    assert len(own_stack.processes()) >= 5
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not own_stack.processes())
    (own_stack.data / "stack.json").unlink()


def test_a_killed_process_is_restarted_without_loss(own_stack: Stack) -> None:
    own_stack.up()
    own_stack.zone("foo.com")
    for part in ("zonegit_refs", "zonegit_objectstore", "zonegit_resolver", "nats-server"):
        before = own_stack.pid_of(part)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda part=part, before=before: _came_back(own_stack, part, before))
        wait_until(lambda: "BAD" not in _doctor(own_stack))
        assert own_stack.answer("api.foo.com") == ["192.0.2.80"]
    own_stack.run("set", "api", "A", "60", "192.0.2.81", "--wait")
    assert own_stack.answer("api.foo.com") == ["192.0.2.81"]


def _came_back(stack: Stack, part: str, before: int) -> bool:
    return any(part in line for pid, line in stack.processes().items() if pid != before)


def wait_for_stopped_resolver(stack: Stack, branch: str, is_meant: Callable[[str], bool]) -> str:
    """Set an address and wait for resolver-2, which is stopped; return the address.

    A short timeout is enough for everything else on most machines. If it is not, ``is_meant``
    rejects the output of the command, and the next attempt has a longer one.
    """
    for number, seconds in enumerate(("1", "10", "100")):
        words = ("set", "api", "A", "60", f"192.0.2.{81 + number}", "--branch", branch)
        said = stack.run(*words, "--wait", "--timeout", seconds, status=6).err
        if "resolver-2" in said and is_meant(said):
            return words[4]
    raise AssertionError(said)


def _doctor(stack: Stack) -> str:
    done = subprocess.run(
        [str(BIN / "zonegit"), "doctor"],
        env={**os.environ, "ZONEGIT_DATA": str(stack.data)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_data_survive_a_restart_of_the_stack(own_stack: Stack) -> None:
    own_stack.up()
    own_stack.zone("foo.com")
    own_stack.run("down")
    own_stack.up()
    assert own_stack.answer("api.foo.com") == ["192.0.2.80"]


def test_several_resolvers_share_one_port(own_stack: Stack) -> None:
    own_stack.up("--resolvers", "2")
    own_stack.zone("foo.com")
    names = {each["resolver"] for each in own_stack.json("resolvers")}
    assert names == {"resolver-1", "resolver-2"}
    assert all(own_stack.answer("api.foo.com") == ["192.0.2.80"] for _ in range(8))


def test_two_stacks_are_independent(own_stack: Stack, tmp_path: Path) -> None:
    other = Stack(tmp_path / "other")
    own_stack.up()
    other.up()
    try:
        own_stack.zone("foo.com")
        assert "foo.com" not in other.run("zone", "list").out
        assert other.json("query", "foo.com", "SOA")["rcode"] == "REFUSED"
    finally:
        other.down()


def test_a_second_stack_in_one_folder_is_refused(own_stack: Stack) -> None:
    own_stack.up()
    said = own_stack.run("up", "--detach", status=4)
    assert "already" in said.err


def test_a_taken_port_is_named(own_stack: Stack) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        said = own_stack.run("up", "--detach", "--listen", address, status=6)
    assert address in said.err
    assert "--listen" in said.err


def test_without_a_stack_an_error_names_the_command_to_start_one(own_stack: Stack) -> None:
    said = own_stack.run("log", status=6)
    assert "zonegit up" in said.err
    assert own_stack.run("down", status=3).err.startswith("zonegit: no stack runs")


def test_a_dead_bus_is_reported_within_the_timeout(own_stack: Stack) -> None:
    nowhere = {"ZONEGIT_NATS_URL": "nats://u:secret@127.0.0.1:1"}
    said = own_stack.run("log", "--timeout", "1", status=6, env=nowhere)
    assert "nats://127.0.0.1:1" in said.err
    assert "secret" not in said.err


def test_wait_and_doctor_name_a_stopped_resolver(own_stack: Stack) -> None:
    own_stack.up("--resolvers", "2")
    own_stack.zone("foo.com")
    still = own_stack.pid_of("--name resolver-2")
    os.kill(still, signal.SIGSTOP)
    try:
        address = wait_for_stopped_resolver(
            own_stack, "main", lambda said: "resolver-1" not in said
        )
        assert own_stack.json("show", "api", "A")["rdata"] == [address]
        assert "BAD  resolver-2" in own_stack.run("doctor", status=1).out
    finally:
        os.kill(still, signal.SIGCONT)
    wait_until(lambda: "BAD" not in _doctor(own_stack))


def test_a_forced_import_repairs_damaged_objects(own_stack: Stack) -> None:
    own_stack.up()
    own_stack.zone("foo.com")
    entries = own_stack.json("cat-object", "HEAD^{tree}")["entries"]
    tree = own_stack.json("cat-object", next(e["id"] for e in entries if e["key"] == "api/"))
    rotten = tree["entries"][0]["id"]
    with sqlite3.connect(own_stack.data / "objectstore" / "objects.sqlite3") as database:
        database.execute("UPDATE object SET payload = x'00' WHERE id = ?", (bytes.fromhex(rotten),))
    said = own_stack.run("show", "api", "A", status=1).err
    assert rotten in said
    assert "import --force" in said
    own_stack.run("import", "-", "--force", stdin=FOO)
    assert own_stack.json("show", "api", "A")["rdata"] == ["192.0.2.80"]


def test_a_folder_that_cannot_hold_data_is_named(own_stack: Stack) -> None:
    own_stack.data.write_text("a file")
    for words in (("up", "--detach"), ("up",)):
        said = own_stack.run(*words, status=1).err
        assert str(own_stack.data) in said
        assert "Traceback" not in said
    own_stack.data.unlink()
