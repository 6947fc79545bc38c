"""Files that are not regular, nested too deeply, or control a terminal: an error at once."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.e2e.stack import BIN, Stack
from tests.support.waiting import DEADLINE_S

from zonegit import config
from zonegit.errors import Invalid
from zonegit.files import open_file
from zonegit.repo.change import migrate, saved_plan
from zonegit.store.cache_root import MARKER, Layout, lock_cache_root
from zonegit_cli.output import Output
from zonegit_resolver.config import tsig_keys
from zonegit_resolver.config.config_file import PlanFile

NESTED_JSON = b'{"x": ' + b"[" * 100_000


@pytest.mark.parametrize(
    "words",
    [
        ["lint", "FILE", "--zone", "example.com"],
        ["import", "FILE"],
        ["apply", "FILE"],
        ["plan", "FILE"],
        ["migrate", "--from-v03", "FILE"],
        ["set", "www", "A", "60", "192.0.2.1", "--sign", "FILE"],
        ["verify", "--key", "FILE"],
    ],
    ids=" ".join,
)
def test_a_named_pipe_is_refused(tmp_path: Path, words: list[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    stack = Stack(tmp_path / "nothing", {"ZONEGIT_NATS_URL": "nats://127.0.0.1:1"})
    done = subprocess.run(
        [str(BIN / "zonegit"), *(str(pipe) if word == "FILE" else word for word in words)],
        env={"PATH": os.environ["PATH"], **stack.environment}, capture_output=True, text=True,
        timeout=DEADLINE_S, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode in (1, 6)
    assert "is a named pipe" in done.stderr or "cannot be reached" in done.stderr


def test_named_pipes_are_refused_as_settings_of_resolvers(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for read in (lambda: tsig_keys.read(pipe), PlanFile(pipe, {}).read):
        with pytest.raises(Invalid, match="is a named pipe"):
            read()


def test_the_pipe_that_a_shell_opens_for_a_command_is_read(tmp_path: Path) -> None:
    zone = "@ 60 SOA a b 1 2 3 4 5\\n@ 60 NS a.example.\\n"
    done = subprocess.run(
        ["bash", "-c", f"'{BIN}/zonegit' lint --zone example.com <(printf '{zone}')"],
        capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode in (0, 10), done.stderr
    reading, writing = os.pipe()
    os.write(writing, b"said")
    os.close(writing)
    with open_file(Path(f"/dev/fd/{reading}")) as file:
        assert file.read() == b"said"
    os.close(reading)


def test_json_that_is_nested_deeply_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        saved_plan.read(NESTED_JSON, "plan")
    with pytest.raises(Invalid):
        migrate.read(NESTED_JSON, "dump")
    (tmp_path / "stack.json").write_bytes(NESTED_JSON)
    with pytest.raises(Invalid):
        config.read_stack(tmp_path)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / MARKER).write_bytes(NESTED_JSON[:4_000])
    with (
        pytest.raises(Invalid),
        lock_cache_root(tmp_path / "cache", Layout("resolver", "flat", 1), (), ""),
    ):
        pass


def test_json_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    steering = "\x00\x1b[2J\x7f\x80\x9b31m\u202e\u2066\u200f\u061c\u2028 kept: ä日"
    Output(True).print_result({steering: [steering]}, [])
    printed = capsys.readouterr().out
    assert all(each.isprintable() for line in printed.splitlines() for each in line)
    assert "ä日" in printed
    assert json.loads(printed) == {steering: [steering]}


def test_one_odd_zone_name_affects_no_other_zone(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    stack.up()
    try:
        for zone in ("example.com", "git~1.example", "odd//one.example", "com.example"):
            stack.zone(zone)
        checked = stack.run("workspace", "checkout", str(tmp_path / "zones"))
        assert (tmp_path / "zones" / "com" / "example" / "db.zone").exists()
        assert "left out" in checked.err
        assert "odd//one" in checked.err
        exported = stack.run("export", "--git", str(tmp_path / "git"))
        assert (tmp_path / "git" / "example" / "com" / "db.zone").exists()
        assert "git~1" in exported.err
        assert "odd//one" in exported.err
        named = ("export", "--git", str(tmp_path / "named"), "odd//one.example")
        assert "has no path" in stack.run(*named, status=1).err
    finally:
        stack.down()
