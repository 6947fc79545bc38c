"""A stack refuses a folder of another program, and only the owner can read its data."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack, wait_until
from tests.support.nats import nats_server
from tests.support.processes import run_service

SERVICES = {"objectstore": [], "refs": [], "resolver": ["--listen", "127.0.0.1:0", "--name", "one"]}


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """Yield a stack that is not started yet; it is stopped at the end."""
    stack = Stack(tmp_path / "data")
    yield stack
    stack.down()


@contextmanager
def set_umask(mask: int) -> Iterator[None]:
    """Run with a umask, also for processes started meanwhile."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def list_modes(folder: Path) -> dict[str, int]:
    """Return the modes of a folder and of all its content."""
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode)
        for path in [folder, *folder.rglob("*")]
        if not path.is_symlink()
    }


@pytest.mark.parametrize(
    "files",
    [
        ["letter.txt"],
        ["stack.lock"],
        ["DATA/x"],
        ["ZONEGIT"],
        ["refs/heads/main", "HEAD"],
        ["objectstore/notes"],
    ],
    ids=" ".join,
)
def test_a_foreign_folder_is_refused_and_not_changed(tmp_path: Path, files: list[str]) -> None:
    data = tmp_path / "theirs"
    for name in files:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text("theirs")
    data.chmod(0o755)
    before = list_modes(data), (data / files[0]).stat().st_mtime_ns
    for words in (["up", "--listen", "127.0.0.1:0"], ["up", "--detach", "--listen", "127.0.0.1:0"]):
        failed = Stack(data).run(*words, status=1)
        assert "is not a data folder of zonegit" in failed.err
    Stack(data).run("doctor", status=1)
    Stack(data).run("down", status=3)
    assert (list_modes(data), (data / files[0]).stat().st_mtime_ns) == before


def test_a_folder_with_links_to_stores_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "real.sqlite3"
    real.write_bytes(b"")
    (tmp_path / "theirs" / "refs").mkdir(parents=True)
    (tmp_path / "theirs" / "refs" / "refs.sqlite3").symlink_to(real)
    failed = Stack(tmp_path / "theirs").run("up", status=1)
    assert "is not a data folder" in failed.err


@pytest.mark.parametrize("holds", [[], ["lost+found/"], ["stack.lock", "nats.conf", "logs/"]])
def test_an_empty_folder_and_one_of_the_previous_release_are_used(
    own_stack: Stack, holds: list[str]
) -> None:
    own_stack.data.mkdir()
    for name in holds:
        path = own_stack.data / name
        path.mkdir() if name.endswith("/") else path.touch()
    own_stack.up()
    own_stack.down()
    own_stack.up()


def test_stores_that_were_copied_from_a_backup_are_used(own_stack: Stack, tmp_path: Path) -> None:
    own_stack.up()
    own_stack.zone("example.com")
    own_stack.down()
    backup = tmp_path / "backup"
    for name in ("refs", "objectstore"):
        shutil.copytree(own_stack.data / name, backup / name)
    shutil.rmtree(own_stack.data)
    backup.rename(own_stack.data)
    own_stack.up()
    assert "example.com." in own_stack.run("zone", "list").out


def test_files_of_a_stack_are_accessible_only_to_their_owner(own_stack: Stack) -> None:
    with set_umask(0):
        own_stack.up()
        own_stack.zone("example.com")
        assert {
            name: mode for name, mode in list_modes(own_stack.data).items() if mode & 0o077
        } == {}


def test_files_of_single_services_are_accessible_only_to_their_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    with nats_server() as url, set_umask(0), ExitStack() as running:
        data.mkdir(mode=0o777)
        for name, arguments in SERVICES.items():
            service = running.enter_context(run_service(name, url, data, arguments))
            wait_until(lambda path=service.log: "service.started" in path.read_text(), name)
        remote = Stack(tmp_path / "nothing", {"ZONEGIT_NATS_URL": url})
        remote.zone("example.com", FOO)
        found = {
            name: oct(mode)
            for name, mode in list_modes(data).items()
            if "/" in name or name in SERVICES
        }
    assert any(name.endswith("-wal") for name in found)
    assert any(name.startswith("resolver") for name in found)
    assert {name: mode for name, mode in found.items() if int(mode, 8) & 0o077} == {}


def test_a_private_key_is_accessible_only_to_its_owner(tmp_path: Path) -> None:
    with set_umask(0):
        Stack(tmp_path / "nothing").run("keygen", str(tmp_path / "key"))
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
