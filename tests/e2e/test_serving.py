"""A stack whose resolvers serve each zone in its own way, reconfigured while it runs."""

import os
import signal
import urllib.request
from pathlib import Path

from tests.e2e.stack import FOO, Stack, wait_until
from tests.e2e.test_stack import wait_for_stopped_resolver
from tests.support.waiting import DEADLINE_S

BAR_SERVES_NEXT = '[zone."bar.org"]\nbranch = "next"\n'


def hang_up(stack: Stack) -> None:
    os.kill(stack.record()["pid"], signal.SIGHUP)


def list_states(stack: Stack, zone: str) -> set[tuple[str, str, int | None, bool]]:
    """Return the states of a zone on each resolver: resolver, branch, canary percent, pinned."""
    return {
        (each["resolver"], state["branch"], state["percent"], state["pinned"])
        for each in stack.json("resolvers", "--zone", zone)
        for state in each["zones"]
        if state["zone"] == f"{zone}."
    }


def both(*state: object) -> set[tuple[object, ...]]:
    return {(name, *state) for name in ("resolver-1", "resolver-2")}


def test_a_stack_serves_each_zone_by_its_file_and_reloads_it_at_sighup(
    own_stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "resolver.toml"
    file.write_text(BAR_SERVES_NEXT)
    words = ("--resolvers", "2", "--resolver-config", str(file), "--metrics", "127.0.0.1:0")
    metrics = own_stack.up(*words)["metrics"]
    own_stack.zone("foo.com")
    own_stack.run("init", "bar.org")
    own_stack.run("import", "-", "--zone", "bar.org", stdin=FOO)
    own_stack.run("branch", "next", "--zone", "bar.org")

    # Exactly the resolvers that follow zone and branch are awaited.
    edit = ("set", "api", "A", "60", "192.0.2.81", "--wait", "--zone")
    assert own_stack.json(*edit, "bar.org", "--branch", "main")["served_by"] == []
    names = ["resolver-1", "resolver-2"]
    assert own_stack.json(*edit, "bar.org", "--branch", "next")["served_by"] == names
    assert own_stack.json(*edit, "foo.com", "--branch", "main")["served_by"] == names
    assert list_states(own_stack, "bar.org") == both("next", None, False)
    assert list_states(own_stack, "foo.com") == both("main", None, False)

    # Another file: bar returns to main with a canary; foo is pinned to its commit.
    file.write_text(
        '[zone."BAR.org"]\ncanary = "next:30"\n[zone."foo.com"]\nat = "main~1"\n',
    )
    before = own_stack.processes()
    hang_up(own_stack)
    changed = both("main", None, False) | both("next", 30, False)
    wait_until(lambda: list_states(own_stack, "bar.org") == changed)
    wait_until(lambda: list_states(own_stack, "foo.com") == both("main~1", None, True))
    assert own_stack.answer("api.foo.com") == ["192.0.2.80"]
    shown = own_stack.run("resolvers").out
    assert "next (30 %)" in shown
    assert "pinned to main~1" in shown
    assert "next (30 %)" in own_stack.run("status", "--zone", "bar.org", "--branch", "main").out
    assert "pinned to main~1" in own_stack.run("status", "--zone", "foo.com").out
    edit = ("set", "api", "A", "60", "192.0.2.82", "--wait", "--zone")
    assert own_stack.json(*edit, "foo.com", "--branch", "main")["served_by"] == []
    assert own_stack.json(*edit, "bar.org", "--branch", "next")["served_by"] == names

    # Each query is counted for the branch that answered it, since the canary was set.
    file.write_text('[zone."bar.org"]\ncanary = "next:100"\n[zone."foo.com"]\nat = "main~1"\n')
    own_stack.run("reload")
    assert "no queries yet; set to 100 % of subnets" in own_stack.run("resolvers").out
    for _ in range(3):
        assert own_stack.answer("api.bar.org") == ["192.0.2.82"]
    shown = own_stack.run("resolvers").out
    assert f"canary next of bar.org.: [{'#' * 20}] 100.0 % of 3 queries" in shown
    file.write_text('[zone."BAR.org"]\ncanary = "next:30"\n[zone."foo.com"]\nat = "main~1"\n')
    own_stack.run("reload")

    # An invalid file changes nothing, and is reported.
    file.write_text(BAR_SERVES_NEXT + "\n[zone.b]\nbranch = 5\n")
    hang_up(own_stack)
    wait_until(lambda: _metric(metrics).count("zonegit_config_good") > 0)
    wait_until(
        lambda: (
            'zonegit_config_good{resolver="resolver-2",service="resolver"} 0.0' in _metric(metrics)
        )
    )
    wait_until(
        lambda: (
            'zonegit_config_good{resolver="resolver-1",service="resolver"} 0.0' in _metric(metrics)
        )
    )
    log = (own_stack.data / "logs" / "resolver-1.log").read_text()
    assert f"{file}:5: branch must be a string" in log
    assert list_states(own_stack, "bar.org") == changed
    assert own_stack.answer("api.foo.com") == ["192.0.2.80"]
    assert own_stack.processes() == before


def _metric(url: str) -> str:
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as response:
        return response.read().decode()


def test_a_stack_with_an_invalid_file_does_not_start_and_prints_the_reason(
    own_stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "resolver.toml"
    file.write_text('\nbranhc = "next"\n')
    words = ("up", "--detach", "--listen", "127.0.0.1:0", "--resolver-config", str(file))
    said = own_stack.run(*words, status=2).err
    assert said.startswith(f"zonegit: {file}:2: 'branhc' is not a setting")
    assert said.count("\n") == 1
    file.write_text('canary = "next=10%"\n')
    said = own_stack.run(*words, status=2).err
    assert f"{file}:1: 'next=10%' is not <branch>:<percent> (for example next:10" in said
    assert not (own_stack.data / "logs" / "resolver-1.log").exists()


def test_a_stack_reads_the_file_of_its_folder_also_if_it_is_written_later(own_stack: Stack) -> None:
    file = own_stack.data / "resolver.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("")  # before the first start
    own_stack.up()
    file.unlink()
    hang_up(own_stack)
    own_stack.zone("foo.com")
    own_stack.run("branch", "next")
    file.write_text('canary = "next:10%"\n')
    before = own_stack.processes()
    hang_up(own_stack)
    canary = {("resolver-1", "main", None, False), ("resolver-1", "next", 10, False)}
    wait_until(lambda: list_states(own_stack, "foo.com") == canary)

    file.write_text('canary = "next:30%"\n')
    done = own_stack.json("reload")
    assert [each["resolver"] for each in done] == ["resolver-1"]
    assert done[0]["file"] == str(file)
    assert any("next:30" in line for line in done[0]["changes"])
    assert "no changes" in own_stack.run("reload").out
    canary = {("resolver-1", "main", None, False), ("resolver-1", "next", 30, False)}
    assert list_states(own_stack, "foo.com") == canary
    file.write_text("canary = 10\n")
    refused = own_stack.run("reload", status=1)
    assert refused.out == f"resolver-1: refused {file}\n"
    assert f"nothing was changed: {file}:1: canary must be a string" in refused.err
    assert list_states(own_stack, "foo.com") == canary

    # A resolver that exits while the file is invalid is started again when the file changes.
    file.write_text("canary = 10\n")
    hang_up(own_stack)
    assert own_stack.processes() == before
    os.kill(own_stack.pid_of("--name resolver-1"), signal.SIGKILL)
    up_log = own_stack.data / "logs" / "up.log"
    wait_until(lambda: "waits for a valid configuration file" in up_log.read_text())
    assert f"{file}:1: canary must be a string" in up_log.read_text()
    file.write_text('canary = "next:20"\n')
    canary = {("resolver-1", "main", None, False), ("resolver-1", "next", 20, False)}
    wait_until(lambda: list_states(own_stack, "foo.com") == canary)

    own_stack.run("down")
    file.write_text("branch = 1\n")
    said = own_stack.run("up", "--detach", "--listen", "127.0.0.1:0", status=2).err
    assert f"{file}:1: branch must be a string" in said


def test_a_silent_resolver_is_awaited_for_the_branches_of_its_stack(
    own_stack: Stack, tmp_path: Path
) -> None:
    file = tmp_path / "resolver.toml"
    file.write_text('branch = "next"\n')
    own_stack.up("--resolvers", "2", "--resolver-config", str(file))
    own_stack.run("init", "foo.com")
    own_stack.run("import", "-", "--zone", "foo.com", stdin=FOO)
    own_stack.run("branch", "next")
    still = own_stack.pid_of("--name resolver-2")
    os.kill(still, signal.SIGSTOP)
    try:
        wait_for_stopped_resolver(own_stack, "next", lambda said: "resolver-1" not in said)
        edit = ("set", "api", "A", "60", "192.0.2.81", "--wait", "--branch", "main")
        assert own_stack.json(*edit)["served_by"] == []
    finally:
        os.kill(still, signal.SIGCONT)
