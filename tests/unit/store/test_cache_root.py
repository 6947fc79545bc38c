"""The folder of a cache belongs to one program, and after a kill nothing in it is lost."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zonegit.errors import Invalid, Unavailable, ZonegitError
from zonegit.store import cache_root
from zonegit.store.cache_root import Layout, lock_cache_root

LAYOUT = Layout("resolver", "unique", 2)
BEFORE = Layout("resolver", "unique", 1)
EARLIER = ("all.sqlite3",)
BESIDE = "some.sqlite3"


def aside(path: Path, layout: Layout = LAYOUT) -> list[str]:
    with lock_cache_root(path, layout, EARLIER, BESIDE) as root:
        return [each.name for each in root.aside]


def content(path: Path) -> dict[str, object]:
    """Return everything below a folder: the octets of files, and the targets of links."""
    return {
        str(each.relative_to(path)): os.readlink(each)
        if each.is_symlink()
        else each.is_file() and each.read_bytes()
        for each in path.rglob("*")
    }


def fill(path: Path, *names: str) -> None:
    for name in names:
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"this is {name}")


def test_a_new_cache_has_a_marker_of_its_layout(tmp_path: Path) -> None:
    path = tmp_path / "made" / "cache"
    with lock_cache_root(path, LAYOUT, EARLIER, BESIDE) as root:
        assert (root.folder, root.aside) == (path / "unique-2", ())
        assert root.folder.is_dir()
    marker = (path / "CACHE").read_text()
    assert marker == '{"owner":"resolver","scheme":"unique","version":2}\n'
    assert aside(path) == []


def test_a_cache_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        lock_cache_root(tmp_path, LAYOUT, EARLIER, BESIDE),
        pytest.raises(Unavailable, match="another resolver"),
    ):
        aside(tmp_path)
    assert aside(tmp_path) == []


def test_a_cache_from_before_markers_is_set_aside(tmp_path: Path) -> None:
    fill(tmp_path, "all.sqlite3", "all.sqlite3-wal", "all.sqlite3-shm", "lock")
    for _ in range(2):
        assert aside(tmp_path) == ["all.sqlite3", "all.sqlite3-shm", "all.sqlite3-wal"]
    assert (tmp_path / "all.sqlite3").read_text() == "this is all.sqlite3"


def test_a_cache_that_lost_only_its_marker_is_used(tmp_path: Path) -> None:
    fill(tmp_path, BESIDE, f"{BESIDE}-wal", "unique-2/zone", "unique-1/zone", "lock")
    for _ in range(2):
        assert aside(tmp_path) == ["unique-1"]
    assert (tmp_path / "unique-2" / "zone").read_text() == "this is unique-2/zone"


@pytest.mark.parametrize("foreign", ["unique", "unique-1x", "zones", "unique-2.txt"])
def test_a_cache_without_a_marker_next_to_other_files_is_refused(
    tmp_path: Path, foreign: str
) -> None:
    fill(tmp_path, BESIDE, "unique-2/zone", f"{foreign}/zone")
    before = content(tmp_path)
    with pytest.raises(Invalid, match=foreign):
        aside(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize("other", [BEFORE, Layout("resolver", "flat", 2), LAYOUT])
def test_another_scheme_or_version_is_set_aside_with_its_own_set_aside_files(
    tmp_path: Path, other: Layout
) -> None:
    fill(tmp_path, "all.sqlite3")
    assert aside(tmp_path, other) == ["all.sqlite3"]
    fill(tmp_path / other.folder, "zone", "folder+/zone")
    mine = [] if other == LAYOUT else [other.folder]
    assert aside(tmp_path) == ["all.sqlite3", *mine]
    with lock_cache_root(tmp_path, LAYOUT, EARLIER, BESIDE) as root:
        cache_root.delete_paths(root.aside)
    assert aside(tmp_path) == []
    left = {"CACHE", "lock", "unique-2"}
    assert {each.name for each in tmp_path.iterdir()} == left


@pytest.mark.parametrize(
    "foreign",
    ["zone.db", "all.sqlite3.bak", "unique-1/zone", "all.sqlite3-wal/x", "\x1b[31m\n", ".hidden"],
)
def test_a_foreign_folder_is_refused_and_not_changed(tmp_path: Path, foreign: str) -> None:
    fill(tmp_path, foreign, "lock", "all.sqlite3", "zzz")
    before = content(tmp_path)
    with pytest.raises(Invalid, match="nothing in it was touched") as caught:
        aside(tmp_path)
    assert repr(foreign.partition("/")[0]) in caught.value.message
    assert caught.value.hint
    assert content(tmp_path) == before


def test_a_link_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "precious")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "all.sqlite3").symlink_to(tmp_path / "precious")
    with pytest.raises(Invalid, match=r"all\.sqlite3"):
        aside(tmp_path / "cache")


def test_foreign_files_next_to_a_marker_are_not_changed(tmp_path: Path) -> None:
    assert aside(tmp_path / "cache", BEFORE) == []
    fill(tmp_path / "cache", "notes", "unique-1/zone", "mine/zone", "unique-1x/zone")
    fill(tmp_path, "precious/file")
    (tmp_path / "cache" / "flat-3").symlink_to(tmp_path / "precious")
    (tmp_path / "cache" / "unique-1" / "link").symlink_to(tmp_path / "precious")
    with lock_cache_root(tmp_path / "cache", LAYOUT, EARLIER, BESIDE) as root:
        assert [each.name for each in root.aside] == ["unique-1"]
        cache_root.delete_paths(root.aside)
    assert (tmp_path / "precious" / "file").exists()
    assert {"notes", "mine/zone", "unique-1x/zone", "flat-3"} <= content(tmp_path / "cache").keys()


@pytest.mark.parametrize(
    "marker",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        b"unique 1",
        b'{"owner":"resolver","scheme":"unique","version":0}',
        b'{"owner":"resolver","scheme":"../..","version":1}',
        b'{"owner":"resolver","scheme":"unique","version":"1/../.."}',
        b'{"owner":"check","scheme":"unique","version":2}',
        b'{"owner":"resolver","scheme":"unique"' + b" " * 5_000 + b',"version":2}',
        b"[" * 4_000,
    ],
)
def test_an_invalid_marker_is_refused_and_nothing_is_changed(tmp_path: Path, marker: bytes) -> None:
    (tmp_path / "CACHE").write_bytes(marker)
    fill(tmp_path, "all.sqlite3", "unique-1/zone")
    before = content(tmp_path)
    with pytest.raises(Invalid, match="cache"):
        aside(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_a_marker_that_is_not_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    marker = tmp_path / "cache" / "CACHE"
    marker.parent.mkdir()
    assert aside(tmp_path / "other") == []
    match kind:
        case "link":
            marker.symlink_to(tmp_path / "other" / "CACHE")
        case "folder":
            marker.mkdir()
        case _:
            os.mkfifo(marker)
    with pytest.raises(ZonegitError):
        aside(tmp_path / "cache")
    assert {each.name for each in marker.parent.iterdir()} == {"CACHE"}


def test_a_folder_of_zones_that_is_a_link_is_refused(tmp_path: Path) -> None:
    assert aside(tmp_path / "cache", BEFORE) == []
    fill(tmp_path, "precious/file")
    (tmp_path / "cache" / "unique-2").symlink_to(tmp_path / "precious")
    with pytest.raises(Invalid, match="is a link"):
        aside(tmp_path / "cache")


def test_a_path_that_is_not_a_folder_is_unavailable(tmp_path: Path) -> None:
    fill(tmp_path, "file")
    with pytest.raises(Unavailable, match="cannot use"):
        aside(tmp_path / "file")


# a process that is killed at each of its system calls


class SystemCallKilled(BaseException):
    """The process was killed."""


class SystemCallKiller:
    """Kills the process before its system call numbered ``last``; never if that is None."""

    CALLS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir"})

    def __init__(self) -> None:
        self.last: int | None = None
        self.calls = 0
        sys.addaudithook(self._hear)  # for good, so there is one for all tests

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.last is not None and event in self.CALLS:
            self.calls += 1
            if self.calls == self.last:
                raise SystemCallKilled

    @contextmanager
    def until(self, last: int) -> Iterator[None]:
        self.last, self.calls = last, 0
        try:
            yield
        finally:
            self.last = None


LIFE = SystemCallKiller()


def run_until_complete(work: Callable[[], object]) -> Iterator[int]:
    """Repeat the work, killed one step later each time, until it completes."""
    for last in range(1, 1_000):
        try:
            with LIFE.until(last):
                work()
        except SystemCallKilled:
            yield last
        else:
            assert last > 5
            return


def test_a_kill_while_setting_aside_loses_nothing(tmp_path: Path) -> None:
    path, number = tmp_path / "0", 0
    owned = ("all.sqlite3", "all.sqlite3-wal")
    fill(path, *owned)
    before = content(path)

    def start() -> None:
        with lock_cache_root(path, LAYOUT, EARLIER, BESIDE):
            pass

    for number in run_until_complete(start):
        assert before.items() <= content(path).items()
        assert aside(path) == [*owned]
        assert before.items() <= content(path).items()
        path = tmp_path / str(number)
        fill(path, *owned)


def test_a_kill_during_an_upgrade_leaves_each_file_current_or_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "0"
    aside(path, BEFORE)
    fill(path / "unique-1", "zone", "folder+/zone")

    def start() -> None:
        with lock_cache_root(path, LAYOUT, EARLIER, BESIDE):
            pass

    for number in run_until_complete(start):
        assert aside(path) == ["unique-1"]
        assert (path / "unique-1" / "folder+" / "zone").exists()
        path = tmp_path / str(number)
        aside(path, BEFORE)
        fill(path / "unique-1", "zone", "folder+/zone")


def test_a_deletion_interrupted_by_a_kill_is_completed_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "0"

    def prepare() -> None:
        aside(path, BEFORE)
        fill(path, "all.sqlite3", "all.sqlite3-wal", "unique-1/zone", "unique-1/folder+/zone")

    def start() -> None:
        with lock_cache_root(path, LAYOUT, EARLIER, BESIDE) as root:
            cache_root.delete_paths(root.aside)

    prepare()
    for number in run_until_complete(start):
        if (path / "all.sqlite3").exists():
            assert (path / "all.sqlite3-wal").exists()  # never half of it
        start()
        assert aside(path) == []
        assert {each.name for each in path.iterdir()} == {"CACHE", "lock", "unique-2"}
        path = tmp_path / str(number)
        prepare()
