"""The comparison of files with their commits: by stamp, by hash, by tree."""

import os
from pathlib import Path

import msgspec
import pytest
from tests.unit.cli.workspace.conftest import EXAMPLE, REVERSE, SUB, WorkspaceHarness
from tests.unit.repo.conftest import FOO

from zonegit.errors import NotFound
from zonegit.zone import names
from zonegit_cli.workspace import working_tree
from zonegit_cli.workspace.file_status import MAX_PROBLEMS
from zonegit_cli.workspace.index import WorkspaceIndex


@pytest.fixture
async def out(harness: WorkspaceHarness) -> WorkspaceHarness:
    """All zones are checked out."""
    await harness.checkout()
    return harness


async def test_changed_new_and_deleted_zones_are_named(out: WorkspaceHarness) -> None:
    out.type(EXAMPLE, "192.0.2.80", "192.0.2.81")
    out.path(SUB).unlink()
    new = out.root / "net/example/db.zone"
    new.parent.mkdir(parents=True)
    new.write_text(FOO)
    assert out.states() == {
        "example.com.": "changed", "sub.example.com.": "deleted", "example.net.": "new",
    }  # fmt: skip


async def test_comments_and_order_do_not_change_a_zone(out: WorkspaceHarness) -> None:
    path = out.path(EXAMPLE)
    first, *lines = path.read_text().splitlines()
    path.write_text("\n".join(["; mine", first, *reversed(lines)]) + "\n")
    assert out.states() == {"example.com.": "rewritten"}


async def test_a_file_rewritten_with_the_same_octets_is_unchanged(out: WorkspaceHarness) -> None:
    path = out.path(EXAMPLE)
    octets = path.read_bytes()
    path.unlink()
    path.write_bytes(octets)
    assert out.states() == {}


async def test_every_line_that_does_not_parse_is_reported(out: WorkspaceHarness) -> None:
    path = out.path(EXAMPLE)
    path.write_text(FOO + "a A 192.0.2.300\nb A 192.0.2.1\nc MX ten mail\nd A 1 2 3\n(\n")
    (file,) = out.files([EXAMPLE])
    assert file.state == "malformed"
    assert [said.split(": ")[0] for said in file.problems] == [
        f"{path}:{line}" for line in (7, 9, 10, 11)
    ]


async def test_the_number_of_reported_lines_is_bounded(out: WorkspaceHarness) -> None:
    out.path(EXAMPLE).write_text(FOO + "a A 192.0.2.300\n" * 1_000)
    (file,) = out.files([EXAMPLE])
    assert len(file.problems) == MAX_PROBLEMS


@pytest.mark.parametrize("text", ["", "@ NS ns1\n", "www.example.org. 60 A 192.0.2.1\n"])
async def test_a_text_that_is_not_a_zone_is_malformed(out: WorkspaceHarness, text: str) -> None:
    out.path(EXAMPLE).write_text(text)
    assert out.states() == {"example.com.": "malformed"}


async def test_every_include_is_refused(out: WorkspaceHarness, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret 60 TXT hush\n")
    out.path(EXAMPLE).write_text(f"{FOO}$INCLUDE {tmp_path}/secret\n")
    (file,) = out.files([EXAMPLE])
    assert "$INCLUDE is not allowed" in file.problems[0]


async def test_a_link_planted_in_place_of_a_file_or_folder_is_not_read(
    out: WorkspaceHarness, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "db.zone").write_text(FOO)
    out.path(EXAMPLE).unlink()
    (out.root / "com/example/db.zone").symlink_to(tmp_path / "outside" / "db.zone")
    reverse = out.root / "arpa/in-addr/192/0/2/0/25"
    (reverse / "db.zone").unlink()
    reverse.rmdir()
    reverse.symlink_to(tmp_path / "outside")
    (out.root / "net").symlink_to(tmp_path / "outside")
    for zone in (EXAMPLE, REVERSE):
        (file,) = out.files([zone])
        assert (file.state, file.parsed) == ("malformed", None)
        assert "symbolic link" in file.problems[0]
    assert names.parse("net.") not in {file.zone for file in out.files()}


async def test_a_change_without_a_new_stamp_is_found_in_a_file_as_recent_as_the_index(
    out: WorkspaceHarness,
) -> None:
    """Same size, same inode, same times: written twice in one tick of the clock."""
    path = out.path(EXAMPLE)
    with working_tree.open_workspace(out.root, exclusive=True) as workspace:
        (file,) = [each for each in workspace.index.entries if each.zone == EXAMPLE]
        stamp = file.seen.stamp if file.seen else None
        assert stamp is not None
        text = path.read_text().replace("192.0.2.80", "192.0.2.81")
        path.write_text(text)
        now = workspace.folder.stamp(file.path)
        assert now is not None
        # Pretend that this was always its stamp, and that the index was written in the same tick.
        seen = msgspec.structs.replace(file.seen, stamp=now)
        workspace.keep([msgspec.structs.replace(file, seen=seen)])
        os.utime(out.root / working_tree.INDEX, ns=(now.mtime_ns, now.mtime_ns))
    assert out.states() == {"example.com.": "changed"}
    os.utime(out.root / working_tree.INDEX, ns=(now.mtime_ns + 1, now.mtime_ns + 1))
    assert out.states() == {}, "a stamp that is older is believed: that is what it is for"


async def test_files_that_are_not_paths_of_zones_are_ignored(out: WorkspaceHarness) -> None:
    for path in ("README", "Com/db.zone", "com/a.zone", ".git/db.zone", "com/example/db.zone.orig"):
        (out.root / path).parent.mkdir(exist_ok=True)
        (out.root / path).write_text("x")
    (out.root / "flat.example.zone").write_text(FOO)
    assert out.states() == {}


async def test_the_zone_of_a_new_file_follows_from_its_path(harness: WorkspaceHarness) -> None:
    particular = names.parse("flat.example.")
    await harness.checkout("example.com", fresh=WorkspaceIndex(particular={particular: "flat"}))
    (harness.root / "flat.example.zone").write_text(FOO)
    (harness.root / "other.example.zone").write_text(FOO)
    assert harness.states() == {"flat.example.": "new"}


async def test_a_zone_without_a_file_is_not_found(out: WorkspaceHarness) -> None:
    with pytest.raises(NotFound, match=r"example.org. has no file"):
        out.files([names.parse("example.org.")])
