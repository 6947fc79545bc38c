"""Backup, loss, restore and recovery with a real stack, by the procedure in docs/operations.md."""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tests.e2e.backups import OBJECTS, REFS, back_up, restore
from tests.e2e.stack import BIN, Stack, wait_until

from zonegit.bus import connect
from zonegit.bus.service import answer_requests
from zonegit.config import BusSettings
from zonegit.objects.ids import ObjectId
from zonegit.wire import subjects
from zonegit.wire.messages import Announcement, AnsweredSerials, AskAnswered, HighestSerial
from zonegit.zone import names

HOW_TO = (Path(__file__).parents[2] / "docs" / "how-to" / "backup.md").read_text()
FOO = "$TTL 300\n@ IN SOA ns1 admin 4 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
LISTEN = ("--listen", "127.0.0.1:0")


def lose_commits(stack: Stack, folder: Path) -> Path:
    """Start a stack with a zone at serial 6, and return a backup of serial 4."""
    stack.up()
    stack.zone("foo.com.", FOO)
    backup = back_up(stack, folder)
    for number in (5, 6):
        stack.run("set", "www", "A", "300", f"192.0.2.{number}", "--wait")
    return backup


def read_served(stack: Stack) -> tuple[int | None, str | None]:
    """Return the serial that the resolver serves, and its problem."""
    (resolver,) = stack.json("resolvers")
    (zone,) = resolver["zones"]
    return zone["serial"], zone["problem"]


def count_awaiting(stack: Stack) -> int:
    """Return the number of zones that are not recovered yet; -1 before a recovery."""
    with closing(sqlite3.connect(f"file:{stack.data / REFS}?mode=ro", uri=True)) as refs:
        if refs.execute("SELECT 1 FROM witness").fetchone():
            return -1
        return int(refs.execute("SELECT count(*) FROM awaiting").fetchone()[0])


def read_procedure() -> list[str]:
    """Return the commands of the restore procedure, up to the recovery."""
    section = HOW_TO[HOW_TO.index("## 2. Restore") :]
    last = "$ zonegit recover --finish"
    lines = section[: section.index(last) + len(last)].splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def test_the_documented_procedure_works(own_stack: Stack, tmp_path: Path) -> None:
    backup = lose_commits(own_stack, tmp_path / "backup")
    script = "\n".join(["set -e", *read_procedure()])
    script = script.replace("~/.local/share/zonegit", str(own_stack.data))
    script = script.replace(" backup/", f" {backup}/")
    script = script.replace("--detach", f"--detach {' '.join(LISTEN)}")
    own = {"ZONEGIT_DATA": str(own_stack.data), "XDG_STATE_HOME": str(own_stack.state)}
    path = f"{BIN}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, **own, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "to be committed with serial 7" in done.stdout
    assert "1 zone recovered" in done.stdout
    own_stack.run("set", "www", "A", "300", "192.0.2.9", "--wait")
    wait_until(lambda: read_served(own_stack) == (8, None), "it is not in step")
    assert "BAD" not in own_stack.run("doctor").out


def test_lost_and_remaining_refs_are_named(own_stack: Stack, tmp_path: Path) -> None:
    """The lost time has a new branch, zone and tag, and a deleted branch; its commits are still
    stored."""
    own_stack.up()
    own_stack.zone("foo.com.", FOO)
    own_stack.run("branch", "old")
    backup = back_up(own_stack, tmp_path / "backup")
    own_stack.run("set", "www", "A", "300", "192.0.2.5", "--wait")
    own_stack.run("branch", "-d", "old")
    own_stack.run("tag", "v1", "-m", "released")
    own_stack.zone("lost.example.", FOO)
    own_stack.run("down")
    restore(own_stack, backup, REFS)  # the objects are complete
    own_stack.up()
    wait_until(lambda: read_served_of(own_stack, "foo.com.")[1] is not None, "it is not held")
    said = own_stack.json("recover")
    assert said["witness"] is not None
    foo, lost_zone = sorted(said["zones"], key=lambda each: str(each["zone"]))
    verdicts = {each["branch"]: each["verdict"] for each in foo["branches"]}
    assert verdicts == {"main": "commit", "old": "commit"}
    (main,) = [each for each in foo["branches"] if each["branch"] == "main"]
    assert (main["serial"], main["known"]["serial"], main["new"]) == (4, 5, 6)
    assert not lost_zone["registered"]
    assert [(each["branch"], each["known"]["serial"]) for each in lost_zone["lost"]] == [
        ("main", 4)
    ]
    text = own_stack.run("recover", "--finish").out
    assert "not in the backup; a branch of that name needs a later serial" in text
    assert "1 zone recovered" in text, "the lost one is not"
    (command,) = re.findall(r"zonegit (reset --hard \S+ --zone \S+ --branch \S+)", text)
    wait_until(lambda: read_served_of(own_stack, "foo.com.") == (6, None), "it is not recovered")
    wait_until(
        lambda: read_served_of(own_stack, "lost.example.") == (None, None), "it is still served"
    )
    own_stack.run(*command.split(), "--wait")
    assert own_stack.answer("www.foo.com.", "A") == ["192.0.2.5"]
    assert main["stored"].startswith(command.split()[2])
    own_stack.run("show", "www", "A", "v1", status=3)


def read_served_of(stack: Stack, zone: str) -> tuple[int | None, str | None]:
    (resolver,) = stack.json("resolvers")
    found = {each["zone"]: (each["serial"], each["problem"]) for each in resolver["zones"]}
    return found.get(zone, (None, None))


def test_a_dry_run_a_second_run_and_an_unknown_resolver_change_nothing(
    own_stack: Stack, tmp_path: Path
) -> None:
    backup = lose_commits(own_stack, tmp_path / "backup")
    own_stack.run("down")
    restore(own_stack, backup)
    own_stack.up()
    wait_until(lambda: read_served(own_stack)[1] is not None, "it is not held")
    first = own_stack.json("recover")
    assert own_stack.json("recover", "--finish", "--dry-run") == first
    said = own_stack.run("recover", "--ignore", "nobody")
    assert "--ignore nobody: no resolver of that name answers" in said.err
    own_stack.run("recover", "--finish", "--serial-headroom", "0", status=2)
    own_stack.run("recover", "--finish", "--serial-headroom", str(1 << 31), status=2)
    own_stack.run("recover", "--finish")
    wait_until(lambda: read_served(own_stack) == (7, None), "it is not recovered")
    again = own_stack.json("recover", "--finish")
    assert [each["verdict"] for each in again["zones"][0]["branches"]] == ["leave"]
    assert read_served(own_stack) == (7, None)


def try_recovery(stack: Stack) -> bool:
    """Return whether a recovery succeeds; it fails while refs restarts."""
    words = [str(BIN / "zonegit"), "recover", "--finish"]
    environment = {**os.environ, "ZONEGIT_DATA": str(stack.data)}
    return subprocess.run(words, env=environment, capture_output=True, check=False).returncode == 0


def test_a_recovery_can_be_completed_after_kills_of_the_command_and_of_refs(
    own_stack: Stack, tmp_path: Path
) -> None:
    """The command and refs are killed at any point; the same command completes the recovery."""
    own_stack.up()
    zones = [f"z{number}.example." for number in range(12)]
    for zone in zones:
        own_stack.zone(zone, FOO)
    backup = back_up(own_stack, tmp_path / "backup")
    for zone in zones:
        own_stack.run("set", "www", "A", "300", "192.0.2.5", "--zone", zone)
    wait_until(
        lambda: all(read_served_of(own_stack, zone)[0] == 5 for zone in zones), "not all at 5"
    )
    own_stack.run("down")
    restore(own_stack, backup)
    own_stack.up()
    wait_until(
        lambda: all(read_served_of(own_stack, zone)[1] for zone in zones), "not all are held"
    )
    said = own_stack.run("doctor", status=1).out
    assert "the log of refs is older than its own state" in said
    assert said.count("restored from a backup and lacks this") == 10
    assert "and 2 more: zonegit resolvers" in said
    for of_refs in (False, True):
        before = count_awaiting(own_stack)
        begun = subprocess.Popen(
            [str(BIN / "zonegit"), "recover", "--finish"],
            env={**os.environ, "ZONEGIT_DATA": str(own_stack.data)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: begun.poll() is not None or count_awaiting(own_stack) != before)  # noqa: B023
        if of_refs:
            os.kill(own_stack.pid_of("zonegit_refs"), signal.SIGKILL)
        begun.kill()
        begun.wait()
    wait_until(lambda: try_recovery(own_stack), "refs did not come back")
    wait_until(
        lambda: all(read_served_of(own_stack, zone) == (6, None) for zone in zones), "not all at 6"
    )
    assert "BAD" not in own_stack.run("doctor").out


def test_missing_objects_are_named_and_unreferenced_ones_are_ignored(
    own_stack: Stack, tmp_path: Path
) -> None:
    own_stack.up()
    own_stack.zone("foo.com.", FOO)
    older = back_up(own_stack, tmp_path / "older")
    own_stack.run("set", "www", "A", "300", "192.0.2.5", "--wait")
    newer = back_up(own_stack, tmp_path / "newer")
    own_stack.run("down")
    shutil.copyfile(newer / "refs.sqlite3", older / "refs.sqlite3")
    restore(own_stack, older, REFS, OBJECTS)
    own_stack.up()
    said = own_stack.run("recover", "--finish", status=1)
    assert "foo.com. main is not recovered" in said.err
    own_stack.run("down")
    restore(own_stack, newer, OBJECTS)
    own_stack.up()
    own_stack.run("recover", "--finish")
    own_stack.run("set", "www", "A", "300", "192.0.2.6", "--wait")
    assert "BAD" not in own_stack.run("doctor").out


def test_a_resolver_with_an_implausible_serial_is_named_and_can_be_ignored(
    own_stack: Stack, tmp_path: Path
) -> None:
    backup = lose_commits(own_stack, tmp_path / "backup")
    own_stack.run("down")
    restore(own_stack, backup)
    own_stack.up()
    wait_until(lambda: read_served(own_stack)[1] is not None, "it is not held")
    asyncio.run(_beside_a_liar(own_stack))
    wait_until(lambda: read_served(own_stack) == (7, None), "it is not recovered")


async def _beside_a_liar(stack: Stack) -> None:
    bus = stack.record()["bus"]
    password = bus["users"]["resolver"]
    settings = BusSettings(bus["url"].replace("://", f"://resolver:{password}@"))
    far = HighestSerial(
        zone=names.parse("foo.com."), branch="main", serial=1 << 31, tree=ObjectId(bytes(32))
    )

    def lie(asked: AskAnswered) -> AnsweredSerials:
        return AnsweredSerials(resolver="liar", serials=[far])

    there = Announcement(
        resolver="liar", instance="liar", version="1", started=0.0, epoch="", sequence=0
    )
    async with (
        connect(settings, name="liar") as connection,
        answer_requests(connection, subjects.resolver("liar", "answered"), AskAnswered, lie),
    ):
        await connection.publish(subjects.announcement("liar"), there)
        await connection.flush()
        said = await asyncio.to_thread(stack.run, "recover", "--finish", status=1)
        assert "liar reports a serial" in said.err
        assert "--ignore liar" in said.err
        await asyncio.to_thread(stack.run, "recover", "--finish", "--ignore", "liar")
