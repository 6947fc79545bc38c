"""Zones as files, edited with other tools."""

import os
from pathlib import Path

import pytest
from tests.e2e.stack import FOO, Stack


@pytest.fixture
def zones(stack: Stack, tmp_path: Path) -> list[str]:
    """Create two zones of this test's own, checked out next to each other in the folder
    ``zones``."""
    above = f"{stack.environment['ZONEGIT_ACTOR']}.example."
    found = [above, f"sub.{above}"]
    for zone in found:
        stack.zone(zone)
    stack.run("workspace", "checkout", "--scheme", "flat", str(tmp_path / "zones"), *found)
    return found


def test_a_file_changed_by_another_tool_is_served_after_a_commit(
    stack: Stack, zones: list[str], tmp_path: Path
) -> None:
    for zone in zones:
        path = tmp_path / "zones" / f"{zone}zone"
        path.write_text(path.read_text().replace("192.0.2.80", "192.0.2.81"))
    words = ("workspace", "commit", "-C", str(tmp_path / "zones"), "-m", "moved", "--wait")
    made = stack.json(*words)["results"]
    assert [each["zone"] for each in made] == zones
    assert all("resolver-1" in each["served_by"] for each in made)
    for zone in zones:
        assert stack.answer(f"api.{zone}") == ["192.0.2.81"]
        assert stack.json("log", "--zone", zone)[0]["message"] == "moved"


def test_one_undo_reverts_a_commit_to_all_zones(
    stack: Stack, zones: list[str], tmp_path: Path
) -> None:
    folder = str(tmp_path / "zones")
    for zone in zones:
        path = tmp_path / "zones" / f"{zone}zone"
        path.write_text(path.read_text().replace("192.0.2.80", "192.0.2.81"))
    stack.run("workspace", "commit", "-C", folder)
    (done,) = stack.json("op", "log", "-n", "1", "--zone", zones[0])
    stack.run("undo", done["operation"])
    stack.run("workspace", "update", "-C", folder)
    for zone in zones:
        assert stack.json("show", "api", "A", "--zone", zone)["rdata"] == ["192.0.2.80"]
        assert "192.0.2.80" in (tmp_path / "zones" / f"{zone}zone").read_text()


def test_a_status_needs_no_bus(stack: Stack, zones: list[str], tmp_path: Path) -> None:
    nowhere = {"ZONEGIT_NATS_URL": "nats://127.0.0.1:1"}
    (tmp_path / "zones" / f"{zones[0]}zone").unlink()
    (tmp_path / "zones" / "new.example.zone").write_text(FOO)
    said = stack.run("workspace", "status", "-C", str(tmp_path / "zones"), env=nowhere)
    assert "deleted" in said.out
    assert "new.example." in said.out


def test_new_files_are_listed_and_registered_only_on_demand(
    stack: Stack, zones: list[str], tmp_path: Path
) -> None:
    new = f"new.{zones[0]}"
    (tmp_path / "zones" / f"{new}zone").write_text(FOO)
    folder = str(tmp_path / "zones")
    assert f"--new registers {new}" in stack.run("workspace", "commit", "-C", folder).err
    stack.run("show", "@", "SOA", "--zone", new, status=3)
    stack.run("workspace", "commit", "-C", folder, "--new")
    assert stack.json("show", "@", "SOA", "--zone", new)["name"] == new


def test_a_setting_selects_the_layout_and_the_flag_overrides_it(
    stack: Stack, zones: list[str], tmp_path: Path
) -> None:
    (tmp_path / ".zonegit.toml").write_text(
        f'workspace-scheme = "flat"\n[zone."{zones[1]}"]\nworkspace-scheme = "golang"\n'
    )
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        for folder, options in (("set", []), ("flag", ["--scheme", "golang"])):
            stack.run("workspace", "checkout", folder, *options, *zones)
    finally:
        os.chdir(before)
    name = zones[0].removesuffix(".example.")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.zone")}
    assert {path for path in found if not path.startswith("zones/")} == {
        f"set/{zones[0]}zone", f"set/example/{name}/sub/db.zone",
        f"flag/example/{name}/db.zone", f"flag/example/{name}/sub/db.zone",
    }  # fmt: skip
