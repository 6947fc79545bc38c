"""Every command prints lines that fit the terminal, at 80 and at 160 columns.

A new command is run here, or is named with the reason why its lines may be longer. Records, patches
and master files are never shortened or broken, because they are copied.
"""

import fcntl
import os
import pty
import shlex
import struct
import subprocess
import termios
from collections.abc import Iterator

import click
import pytest
from tests.e2e.stack import BIN, Stack
from tests.support.ports import free_port
from tests.support.waiting import DEADLINE_S

from zonegit_cli.cli import cli
from zonegit_cli.text_width import measure

ZONE = "example.com."
LONG = "a-label-of-a-customer-that-is-long.and-has.many-parts.example.org."
BRANCH = "feature/move-the-mail-servers-to-the-new-data-centre"
SERIAL = 2026112001
MESSAGE = "a third load balancer, because the two that were there were too slow in the evening"
TEXT = f"""\
$TTL 300
@     IN SOA ns1 admin {SERIAL} 7200 3600 1209600 300
      IN NS  ns1
ns1   IN A   192.0.2.1
      IN AAAA 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff
www   IN CNAME missing
"""

RUN = {
    "doctor": "doctor",
    "fsck": "fsck",
    "recover": "recover",
    "adopt-store": "adopt-store",
    "zone list": "zone list",
    "zone switch": f"zone switch {ZONE}",
    "lint": "lint",
    "workspace status": "workspace status -C zones",
    "workspace update": "workspace update -C zones",
    "status": "status",
    "log": "log",
    "blame": "blame ns1",
    "history": "history lb A",
    "branch": "branch",
    "tag": "tag",
    "reflog": "reflog",
    "op log": "op log",
    "rev-parse": "rev-parse HEAD",
    "review": f"review {BRANCH}",
    "verify": "verify",
    "resolvers": "resolvers",
    "secondaries": "secondaries",
    "config trust": "config trust",
}
"""A command line for each command whose lines fit."""

FURTHER = ("log --oneline", "log --oneline --graph", "show missing-branch", "history lb A --at v1")
"""Further lines that fit: options that print another form, and errors."""

RECORDS = {
    "set", "add", "remove", "delete", "restore", "edit", "plan", "apply", "import", "diff", "show",
    "merge", "cherry-pick", "revert", "undo", "redo", "approve", "reset", "workspace diff",
    "workspace commit",
}  # fmt: skip
"""Commands that print the records they change."""

COPIED = {
    "export": "prints a master file",
    "query": "prints a DNS message",
    "resolve": "prints a DNS message",
    "cat-object": "prints an object",
    "completion": "prints a script",
    "keygen": "prints a public key",
    "check": "prints records, and findings in the form FILE:LINE that editors read",
    "config bus-user": "prints a part of the configuration of nats-server",
}
"""Commands whose output is read by other programs."""

CONFIRMATIONS = {
    "up", "down", "init", "zone add", "zone remove", "migrate", "workspace checkout", "checkout",
    "propose", "sign-commit", "reload", "canary",
}  # fmt: skip
"""Commands that print what they did in a sentence or a list of names and paths."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield a stack with long names, long messages and a secondary that does not answer."""
    folder = tmp_path_factory.mktemp("widths")
    settings = folder / "resolver.toml"
    settings.write_text(f'notify = "127.0.0.1:{free_port()}"\n')
    stack = Stack(folder / "data", {"ZONEGIT_ACTOR": "alice"})
    stack.up("--resolvers", "2", "--resolver-config", str(settings))
    try:
        for zone in (LONG, ZONE):
            stack.zone(zone, TEXT)
        stack.run("set", "lb", "A", "300", "192.0.2.80", "-m", MESSAGE)
        stack.run("tag", "v1", "-m", MESSAGE)
        stack.run("branch", BRANCH)
        stack.run("set", "lb", "A", "300", "192.0.2.81", "--branch", BRANCH, "-m", MESSAGE)
        stack.run("add", "lb", "A", "192.0.2.82", "--wait", env={"ZONEGIT_ACTOR": "bob"})
        stack.run("workspace", "checkout", str(folder / "zones"))
        yield stack
    finally:
        stack.down()


def print_on_terminal(stack: Stack, width: int, words: list[str]) -> str:
    """Run a command on a terminal, and return what it printed, without colours."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    left_out = ("COLUMNS", "LINES", "NO_COLOR")
    command = subprocess.Popen(
        [str(BIN / "zonegit"), *words],
        env={
            **{
                key: value for key, value in os.environ.items()
                if "ZONEGIT" not in key and key not in left_out
            },
            "TERM": "xterm", "PAGER": "cat", "LC_ALL": "C.UTF-8",
            "ZONEGIT_DATA": str(stack.data), "XDG_STATE_HOME": str(stack.state),
            "ZONEGIT_TIMEOUT": str(DEADLINE_S), **stack.environment,
        },
        stdin=end, stdout=end, stderr=end, cwd=stack.data.parent,
    )  # fmt: skip
    os.close(end)
    shown = b""
    try:
        while block := os.read(terminal, 65_536):
            shown += block
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    command.wait(DEADLINE_S)
    text = click.unstyle(shown.decode()).replace("\r\n", "\n")
    return "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))


def list_commands() -> set[str]:
    """Return all commands, with the subcommands of groups."""
    context = click.Context(cli)
    found = set()
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        groups = command.commands if isinstance(command, click.Group) else None
        found |= {f"{name} {each}" for each in groups} if groups is not None else {name}
    return found


def test_every_command_is_in_one_list() -> None:
    lists = [set(RUN), RECORDS, set(COPIED), CONFIRMATIONS]
    every = [name for each in lists for name in each]
    assert len(every) == len(set(every))
    assert not list_commands() - set(every), "put the new command in one of the lists"


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("line", [*RUN.values(), *FURTHER])
def test_no_line_is_longer_than_the_terminal(site: Stack, line: str, width: int) -> None:
    shown = print_on_terminal(site, width, shlex.split(line))
    assert shown.strip()
    longer = [each for each in shown.splitlines() if measure(each) > width]
    assert not longer, shown


@pytest.mark.parametrize("width", [80, 160])
def test_addresses_serials_and_ids_are_whole(site: Stack, width: int) -> None:
    (address,) = site.json("resolvers")[0]["listen"]
    served = site.json("resolvers")[0]["zones"]
    shown = print_on_terminal(site, width, ["resolvers"])
    assert address in shown
    for each in served:
        assert str(each["serial"]) in shown
        assert each["commit"][:8] in shown
    shown = print_on_terminal(site, width, ["secondaries"])
    for found in site.json("secondaries"):
        assert found["secondary"] in shown
        assert str(found["notified"]) in shown
    assert "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" in print_on_terminal(
        site, width, ["blame", "ns1"]
    )
    shown = print_on_terminal(site, width, ["branch"])
    for branch in site.json("branch")["branches"].values():
        assert branch["commit"][:8] in shown
        assert str(branch["serial"]) in shown


def test_a_wide_terminal_shows_more(site: Stack) -> None:
    narrow, wide = (print_on_terminal(site, width, ["branch"]) for width in (80, 160))
    assert BRANCH not in narrow
    assert BRANCH in wide


@pytest.mark.parametrize("line", ["resolvers", "branch", "tag", "reflog", "log --oneline"])
def test_a_pipe_has_the_same_text_at_any_width(site: Stack, line: str) -> None:
    words = shlex.split(line)
    narrow, wide = (site.run(*words, env={"COLUMNS": width}).out for width in ("40", "200"))
    if line != "resolvers":  # its ages change
        assert narrow == wide
    assert "…" not in narrow
    assert len(narrow.splitlines()) == len(wide.splitlines())
