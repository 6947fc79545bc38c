"""HEAD and the settings that override it, for an operator with several terminals."""

import json
import os
import pty
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.stack import BIN, Stack
from tests.support.waiting import DEADLINE_S


def run_in_terminal(stack: Stack, folder: Path, *lines: str, env: Mapping[str, str] = {}) -> None:
    """Run shell commands one after the other in a session with a terminal of its own."""
    leader, terminal = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if "ZONEGIT" not in key}
    own = {"ZONEGIT_DATA": str(stack.data), "XDG_STATE_HOME": str(stack.state)}
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    try:
        subprocess.run(
            ["sh", "-e", "-c", "\n".join(lines)],
            env={**clean, **own, **stack.environment, **env, "PATH": path},
            cwd=folder, stdin=terminal, start_new_session=True, check=True, timeout=DEADLINE_S,
        )  # fmt: skip
    finally:
        os.close(leader)
        os.close(terminal)


def list_warnings(folder: Path, name: str) -> list[str]:
    """Return the rules in the warnings of a command's JSON document."""
    found = json.loads((folder / name).read_text())
    return [each["rule"] for each in found["warnings"]]


def test_a_head_moved_in_another_terminal_is_a_warning_once(stack: Stack, tmp_path: Path) -> None:
    one, other = (f"{stack.environment['ZONEGIT_ACTOR']}-{end}.test" for end in ("one", "other"))
    stack.zone(one)
    stack.zone(other)
    run_in_terminal(
        stack,
        tmp_path,
        f"zonegit zone switch {one} --json > switched",
        f"setsid -w zonegit zone switch {other} > /dev/null 2>&1 < /dev/null",
        "zonegit show api A > /dev/null",
        "zonegit set a A 300 192.0.2.1 --dry-run --json > dry 2> told",
        "! zonegit set a A 300 192.0.2.1 --strict > /dev/null 2>&1",
        "zonegit set a A 300 192.0.2.1 --json > first",
        "zonegit set b A 300 192.0.2.2 --json > second",
        f"zonegit set c A 300 192.0.2.3 --zone {one} --json > named",
        f"zonegit zone switch {one} > /dev/null",
        "zonegit set d A 300 192.0.2.4 --json > own",
    )
    found = {each: list_warnings(tmp_path, each) for each in ("switched", "dry", "first", "second")}
    assert found == {
        "switched": [], "dry": ["head-moved"], "first": ["head-moved"], "second": [],
    }  # fmt: skip
    assert (
        f"HEAD was moved from elsewhere: this command uses {other}. main"
        in (tmp_path / "told").read_text()
    )
    assert list_warnings(tmp_path, "named") == list_warnings(tmp_path, "own") == []
    assert json.loads((tmp_path / "first").read_text())["zone"] == f"{other}."


def test_a_script_without_a_terminal_gets_no_warning_about_head(stack: Stack) -> None:
    one, other = (f"{stack.environment['ZONEGIT_ACTOR']}-{end}.test" for end in ("one", "other"))
    stack.zone(one)
    stack.zone(other)
    stack.run("zone", "switch", one)
    assert stack.json("set", "a", "A", "300", "192.0.2.1")["warnings"] == []


def test_options_override_variables_and_the_folders_file_and_these_override_head(
    stack: Stack, tmp_path: Path
) -> None:
    actor = stack.environment["ZONEGIT_ACTOR"]
    zones = [f"{actor}-{end}.test." for end in ("head", "folder", "variable", "option")]
    for zone in zones:
        stack.zone(zone)
        stack.run("branch", "canary", "--zone", zone)
    head, folder, variable, option = zones
    stack.run("zone", "switch", head)
    (tmp_path / ".zonegit.toml").write_text(f'default-zone = "{folder}"\n')
    run_in_terminal(
        stack,
        tmp_path,
        "zonegit status --json > folder",
        f"export ZONEGIT_ZONE={variable}",
        "zonegit status --json > variable",
        f"zonegit status --json --zone {option} > option",
        "export ZONEGIT_BRANCH=canary",
        "zonegit set a A 300 192.0.2.1 --json > edit",
        "zonegit set a A 300 192.0.2.1 --branch main --json > main",
        "zonegit log -n 1 --json > log",
        "zonegit tag v1 -m one --json > tag",
        f"zonegit zone switch {head} --json > switch 2> told",
        "zonegit checkout main --json > checkout 2> /dev/null",
    )

    def shown(name: str) -> tuple[str, str | None]:
        found = json.loads((tmp_path / name).read_text())
        return found["zone"], found.get("branch")

    assert shown("folder") == (folder, "main")
    assert shown("variable") == (variable, "main")
    assert shown("option") == (option, "main")
    assert shown("edit") == (variable, "canary")
    assert shown("main") == (variable, "main")
    assert shown("tag")[0] == variable
    assert json.loads((tmp_path / "log").read_text())[0]["message"] == "set a A"
    assert (
        list_warnings(tmp_path, "switch")
        == list_warnings(tmp_path, "checkout")
        == ["head-without-effect"]
    )
    assert f"ZONEGIT_ZONE is {variable} and overrides HEAD" in (tmp_path / "told").read_text()
    assert stack.json("status")["zone"] == variable  # checkout moved HEAD nevertheless


def test_a_setting_that_names_no_zone_is_an_error_that_names_it(stack: Stack) -> None:
    refused = stack.run("status", env={"ZONEGIT_ZONE": "a..b"}, status=1)
    assert "ZONEGIT_ZONE: " in refused.err
    refused = stack.run("status", env={"ZONEGIT_ZONE": "unknown.test"}, status=3)
    assert "set by ZONEGIT_ZONE" in refused.err
