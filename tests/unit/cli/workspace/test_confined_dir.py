"""Files below one folder: a symbolic link never leads a read or a write out of it."""

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zonegit.errors import Conflict, Invalid, NotFound, ZonegitError
from zonegit_cli.workspace.confined_dir import ConfinedDir, open_dir

SECRET = b"secret"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder outside, with a file in it."""
    found = tmp_path / "outside"
    found.mkdir()
    (found / "db.zone").write_bytes(SECRET)
    return found


@pytest.fixture
def root(tmp_path: Path) -> Iterator[ConfinedDir]:
    (tmp_path / "root").mkdir()
    with open_dir(tmp_path / "root") as found:
        yield found


WAYS: dict[str, Callable[[ConfinedDir, str], object]] = {
    "stamp": lambda root, path: root.stamp(path),
    "read": lambda root, path: root.read(path, 100),
    "create": lambda root, path: root.create(path, b"written"),
    "replace": lambda root, path: root.replace(path, b"written", None),
    "remove": lambda root, path: root.remove(path, root.read(path, 0)[1]),
    "lock": lambda root, path: root.lock(path).__enter__(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_link_in_place_of_a_folder_is_not_followed(
    root: ConfinedDir, outside: Path, way: str
) -> None:
    (root.root / "com").symlink_to(outside)
    with pytest.raises(Invalid, match="symbolic link"):
        WAYS[way](root, "com/db.zone")
    with pytest.raises(Invalid, match="symbolic link"):
        WAYS[way](root, "com/deeper/db.zone")
    assert list(outside.iterdir()) == [outside / "db.zone"]
    assert (outside / "db.zone").read_bytes() == SECRET


@pytest.mark.parametrize("way", WAYS)
def test_a_link_in_place_of_a_file_is_not_followed(
    root: ConfinedDir, outside: Path, way: str
) -> None:
    (root.root / "db.zone").symlink_to(outside / "db.zone")
    if way == "replace":  # which replaces the link itself
        WAYS[way](root, "db.zone")
        assert not (root.root / "db.zone").is_symlink()
    else:
        with pytest.raises((Invalid, Conflict)):
            WAYS[way](root, "db.zone")
    assert (outside / "db.zone").read_bytes() == SECRET


@pytest.mark.parametrize("way", WAYS)
def test_a_dangling_link_is_not_written_through(root: ConfinedDir, outside: Path, way: str) -> None:
    (root.root / "db.zone").symlink_to(outside / "new.zone")
    (root.root / "com").symlink_to(outside / "new")
    for path in ("db.zone", "com/db.zone"):
        try:
            WAYS[way](root, path)
        except ZonegitError:
            continue
    assert list(outside.iterdir()) == [outside / "db.zone"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "../outside/db.zone", "/etc/passwd", "a//b", "a/../../outside/db.zone",
     "a\0b", "x" * 256, "é" * 128, "/".join(["d"] * 129)],
)  # fmt: skip
def test_a_path_that_leads_out_of_the_folder_is_refused(
    root: ConfinedDir, way: str, path: str
) -> None:
    with pytest.raises(Invalid):
        WAYS[way](root, path)
    assert list(root.root.iterdir()) == []


@pytest.mark.parametrize("way", ["stamp", "read"])
def test_a_file_that_is_not_regular_is_not_read(root: ConfinedDir, way: str) -> None:
    os.mkfifo(root.root / "pipe")
    (root.root / "folder").mkdir()
    for path in ("pipe", "folder"):
        with pytest.raises(Invalid):
            WAYS[way](root, path)


def test_an_existing_file_is_never_overwritten_by_a_new_one(root: ConfinedDir) -> None:
    root.create("a/b/db.zone", b"first")
    with pytest.raises(Conflict, match="already exists"):
        root.create("a/b/db.zone", b"second")
    assert root.read("a/b/db.zone", 100)[0] == b"first"


def test_a_file_that_does_not_fit_on_the_disk_is_removed(root: ConfinedDir) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, usual[1]))
    try:
        with pytest.raises(Invalid, match=r"com/db\.zone: File too large"):
            root.create("com/db.zone", bytes(200))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert root.stamp("com/db.zone") is None
    root.create("com/db.zone", bytes(200))


def test_a_file_is_replaced_only_if_it_was_not_changed(root: ConfinedDir) -> None:
    seen = root.create("db.zone", b"first")
    (root.root / "db.zone").write_bytes(b"typed meanwhile")
    with pytest.raises(Conflict):
        root.replace("db.zone", b"second", seen)
    with pytest.raises(Conflict):
        root.remove("db.zone", seen)
    assert [each.read_bytes() for each in root.root.iterdir()] == [b"typed meanwhile"]


def test_a_replaced_file_keeps_its_mode(root: ConfinedDir) -> None:
    root.create("db.zone", b"first")
    (root.root / "db.zone").chmod(0o600)
    root.replace("db.zone", b"second", root.stamp("db.zone"))
    assert (root.root / "db.zone").stat().st_mode & 0o777 == 0o600


def test_removing_a_file_keeps_other_files_of_its_folder(root: ConfinedDir) -> None:
    above = root.create("com/example/db.zone", b"above")
    below = root.create("com/example/sub/db.zone", b"below")
    root.remove("com/example/db.zone", above)
    assert root.read("com/example/sub/db.zone", 100)[0] == b"below"
    root.remove("com/example/sub/db.zone", below)
    assert list(root.root.iterdir()) == []


def test_a_walk_yields_only_regular_files_and_follows_no_link(
    root: ConfinedDir, outside: Path
) -> None:
    root.create("com/example/db.zone", b"x")
    root.create(".git/db.zone", b"x")
    (root.root / "linked").symlink_to(outside)
    (root.root / "db.zone").symlink_to(outside / "db.zone")
    (root.root / "loop").symlink_to(root.root)
    os.mkfifo(root.root / "com" / "pipe.zone")
    found = dict(root.walk(lambda path: path.endswith(".zone")))
    assert found == {"com/example/db.zone": root.stamp("com/example/db.zone")}


def test_a_walk_ends_at_the_maximum_depth(root: ConfinedDir) -> None:
    below = os.open(root.root, os.O_RDONLY)
    for _ in range(140):
        os.mkdir("d", dir_fd=below)
        next_one = os.open("d", os.O_RDONLY, dir_fd=below)
        os.close(below)
        below = next_one
    os.close(os.open("db.zone", os.O_CREAT | os.O_WRONLY, dir_fd=below))
    os.close(below)
    assert list(root.walk(lambda path: True)) == []


def test_one_command_holds_the_lock_at_a_time(root: ConfinedDir) -> None:
    with (
        root.lock(".zonegit/lock"),
        pytest.raises(Conflict, match="another command"),
        root.lock(".zonegit/lock"),
    ):
        pass
    with root.lock(".zonegit/lock"):
        pass


def test_a_missing_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="none"), open_dir(tmp_path / "none"):
        pass
