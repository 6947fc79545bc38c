"""The settings file of a foreign folder has no effect that the operator did not permit."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.stack import CommandOutput, Stack
from tests.support.commands import run_command
from tests.support.processes import run_service
from tests.support.waiting import DEADLINE_S, eventually

from zonegit import config, settings_file, trust
from zonegit.config import BusSettings
from zonegit.errors import Denied, Invalid
from zonegit_cli.stack import record, supervisor_identity
from zonegit_cli.terminal import find_start

RESTRICTED = sorted(settings_file.RESTRICTED_KEYS)
FREE = sorted(settings_file.KNOWN_KEYS - settings_file.RESTRICTED_KEYS)


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a command with that home."""
    names = {f"XDG_{name}_HOME": str(home / name) for name in ("DATA", "STATE", "CONFIG")}
    return {**names, **variables}


def write(folder: Path, *lines: str) -> Path:
    file = folder / settings_file.FOLDER_FILE
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def zonegit(folder: Path, *words: str, status: int = 0, **variables: str) -> CommandOutput:
    """Return the output of a command run in a folder."""
    env = {"PATH": os.environ["PATH"], **environment(folder / "home", **variables)}
    done = run_command(words, env, None, DEADLINE_S, folder)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return CommandOutput(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("key", RESTRICTED)
def test_settings_of_server_and_identity_need_trust(tmp_path: Path, key: str) -> None:
    value = "nats://127.0.0.1:1" if key == "url" else "one"
    contexts = tmp_path / "home" / "CONFIG" / "zonegit" / "contexts"
    contexts.mkdir(parents=True)
    (contexts / "one.toml").touch()
    (contexts / "two.toml").touch()
    file = write(tmp_path, f'{key} = "{value}"', 'email = "a@example.net"')
    for words in (["status"], ["up"], ["down"], ["doctor"], ["zone", "list"]):
        failed = zonegit(tmp_path, *words, status=5)
        assert f"{file} sets {key} and is not trusted with that" in failed.err
        assert "zonegit config trust" in failed.err
    said = zonegit(tmp_path, "config", "trust")
    assert f"{key} = {value}" in said.out
    assert "not trusted" not in zonegit(tmp_path, "zone", "list", status=6).err

    write(tmp_path, f'{key} = "{value}"', 'email = "b@example.net"')  # needs no trust
    assert "not trusted" not in zonegit(tmp_path, "zone", "list", status=6).err
    changed = "nats://127.0.0.1:2" if key == "url" else "two"
    write(tmp_path, f'{key} = "{changed}"')
    assert "it was changed" in zonegit(tmp_path, "zone", "list", status=5).err
    zonegit(tmp_path, "config", "trust")
    zonegit(tmp_path, "config", "trust", "--remove")
    assert "is not trusted with that" in zonegit(tmp_path, "zone", "list", status=5).err


def test_trust_is_limited_to_one_folder(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write(folder, 'actor = "mallory"')
    env = environment(tmp_path)
    file = settings_file.read_folder(first)
    trust.keep(config.default_state(env), file.path, trust.digest(file.restricted))
    assert config.load(env, first).actor == "mallory"
    with pytest.raises(Denied):
        config.load(env, second)
    (tmp_path / "link").symlink_to(first)
    assert config.load(env, tmp_path / "link").actor == "mallory"


@pytest.mark.parametrize("key", FREE)
def test_other_settings_need_no_trust(tmp_path: Path, key: str) -> None:
    write(tmp_path, f'{key} = "x.example"')
    config.load(environment(tmp_path), tmp_path)


def test_the_environment_trusts_exactly_one_folder(tmp_path: Path) -> None:
    write(tmp_path, 'actor = "ci"')
    below = tmp_path / "below"
    below.mkdir()
    write(below, 'actor = "ci"')
    env = environment(tmp_path, ZONEGIT_TRUSTED_FOLDERS=f"/nowhere:{tmp_path}")
    assert config.load(env, tmp_path).actor == "ci"
    for other in (env, environment(tmp_path, ZONEGIT_TRUSTED_FOLDERS=".:1::")):
        with pytest.raises(Denied):
            config.load(other, below)


def test_the_file_of_another_user_is_never_trusted(tmp_path: Path) -> None:
    file = write(tmp_path, 'actor = "mallory"')
    env = environment(tmp_path)
    found = settings_file.read_folder(tmp_path)
    trust.keep(config.default_state(env), found.path, trust.digest(found.restricted))
    try:
        os.chown(file, 65534, 65534)
    except PermissionError:
        pytest.skip("needs root")
    with pytest.raises(Denied, match="belongs to another user"):
        config.load(env, tmp_path)
    assert "belongs to another user" in zonegit(tmp_path, "config", "trust", status=5).err


def test_a_trust_file_writable_by_others_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, 'actor = "mallory"')
    env = environment(tmp_path)
    found = settings_file.read_folder(tmp_path)
    home = config.default_state(env)
    trust.keep(home, found.path, trust.digest(found.restricted))
    (home / trust.FILE).chmod(0o666)
    with pytest.raises(Denied):
        config.load(env, tmp_path)
    (home / trust.FILE).chmod(0o600)
    for text in ("{", "[]", "[" * 100_000, '{"x": 1}'):
        (home / trust.FILE).write_text(text)
        with pytest.raises(Denied):
            config.load(env, tmp_path)


@pytest.mark.parametrize("kind", ["fifo", "folder", "deep", "long", "octets"])
def test_an_invalid_settings_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / settings_file.FOLDER_FILE
    match kind:
        case "fifo":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "deep":
            file.write_text("a = " + "[" * 100_000)
        case "long":
            file.write_bytes(b"#" * (settings_file.MAX_FILE_OCTETS + 1))
        case _:
            file.write_bytes(b"\xff")
    with pytest.raises(Invalid, match=r"zonegit\.toml"):
        config.load(environment(tmp_path), tmp_path)


def test_credentials_are_sent_only_to_the_server_of_their_own_file(tmp_path: Path) -> None:
    contexts = tmp_path / "CONFIG" / "zonegit" / "contexts"
    contexts.mkdir(parents=True)
    (contexts / "work.toml").write_text(
        'url = "tls://bus.example"\ncreds = "/c"\nca = "/a"\ncert = "/t"\nkey = "/k"\n'
    )
    env = environment(tmp_path, ZONEGIT_CONTEXT="work", ZONEGIT_TRUSTED_FOLDERS=str(tmp_path))
    ours = BusSettings("tls://bus.example", *(Path(f"/{name}") for name in "catk"))
    assert config.load(env, tmp_path).bus == ours
    write(tmp_path, 'url = "nats://evil.example"')
    assert config.load(env, tmp_path).bus == BusSettings("nats://evil.example")
    write(tmp_path, 'creds = "/elsewhere"')
    assert config.load(env, tmp_path).bus == ours
    named = {**env, "ZONEGIT_NATS_URL": "nats://other.example"}
    assert config.load(named, tmp_path).bus == BusSettings("nats://other.example")
    given = {**named, "ZONEGIT_NATS_CREDS": "/given"}
    assert config.load(given, tmp_path).bus == BusSettings("nats://other.example", Path("/given"))


async def test_a_service_refuses_untrusted_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    write(tmp_path, 'url = "nats://127.0.0.1:1"')
    with run_service("refs", "nats://127.0.0.1:1", tmp_path) as service:
        assert service.wait() == 1
        await eventually(lambda: "is not trusted" in service.log.read_text())


@contextmanager
def running(*words: str) -> Iterator[int]:
    """Yield the id of a process of another program."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(900)", *words])
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def stack_that_names(data: Path, pid: int, **more: object) -> Iterator[None]:
    """Return a data folder whose record names a process; the lock is held, as by a running
    stack."""
    with record.lock(data):
        bus = {"url": "nats://127.0.0.1:1", "users": {}}
        fields = {"pid": pid, "bus": bus, "dns": ["127.0.0.1:53"], "resolvers": 1, **more}
        (data / config.STACK_FILE).write_text(json.dumps(fields))
        yield


@pytest.mark.parametrize("pid", [-1, 0, 1, True, 2**31 - 1])
def test_down_signals_no_process_below_two_and_no_missing_one(tmp_path: Path, pid: int) -> None:
    with stack_that_names(tmp_path / "data", pid):
        failed = Stack(tmp_path / "data").run("down", status=1)
    assert "no signal was sent" in failed.err or "is not the record of a stack" in failed.err


def test_down_signals_only_a_supervisor(tmp_path: Path) -> None:
    with running("zonegit", "up") as pid, running("sleep") as other:
        for each, start in ((other, None), (other, find_start(other)), (pid, 1)):
            with stack_that_names(tmp_path / "data", each, start=start):
                failed = Stack(tmp_path / "data").run("down", status=1)
            assert "no signal was sent" in failed.err
            os.kill(each, 0)
        assert supervisor_identity.is_supervisor(pid, find_start(pid))
        assert not supervisor_identity.is_supervisor(pid, (find_start(pid) or 0) + 1)


def test_down_stops_a_stack_of_the_previous_release(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data")
    stack.up()
    held = stack.record()
    assert held["start"] == find_start(held["pid"])
    del held["start"]
    (stack.data / config.STACK_FILE).write_text(json.dumps(held))
    stack.run("down")
    assert "no stack runs" in stack.run("down", status=3).err
