"""The systemd units: systemd accepts them, their commands exist, and errors end with status 2."""

import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "packaging" / "systemd").glob("*.service"))
PAGE = (ROOT / "docs" / "systemd.md").read_text()
BIN = Path(sys.executable).parent
PREFIX = "/opt/zonegit/bin/"
TIMEOUT_S = 120

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)


def read_setting(unit: Path, name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)
    return str(found)


def read_command(unit: Path) -> list[str]:
    """Return the words of ExecStart, with the default options of the unit."""
    words = read_setting(unit, "ExecStart").replace("%i", "ns1")
    for name, value in re.findall(r'^Environment="(\w+)=(.*)"$', unit.read_text(), re.MULTILINE):
        words = words.replace(f"${name}", value)
    assert words.startswith(PREFIX)
    assert "$" not in words
    return shlex.split(words.removeprefix(PREFIX))


def run(program: str, *words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / program, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(data), "ZONEGIT_DATA": str(data)},
    )


def test_there_is_a_unit_for_up_and_one_for_each_service() -> None:
    found = {unit.stem.removesuffix("@") for unit in UNITS}
    assert found == {"zonegit", "zonegit-objectstore", "zonegit-refs", "zonegit-resolver"}
    assert all(unit.name in PAGE for unit in UNITS)


@each_unit
def test_systemd_accepts_a_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / unit.name
    text = unit.read_text().replace(PREFIX, f"{BIN}/")
    copy.write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert unit.name not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


@each_unit
def test_the_command_of_a_unit_parses(unit: Path) -> None:
    program, *words = read_command(unit)
    if program == "zonegit":
        name, *words = words
        command = import_module(f"zonegit_cli.commands.{name}").command
    else:
        command = import_module(f"{program.replace('-', '_')}.__main__").main
    assert isinstance(command, click.Command)
    command.make_context(program, words)


@each_unit
def test_a_usage_error_ends_with_the_status_that_prevents_a_restart(
    unit: Path, tmp_path: Path
) -> None:
    program, *words = read_command(unit)
    done = run(program, *words, "--no-such-option", data=tmp_path)
    assert str(done.returncode) == read_setting(unit, "RestartPreventExitStatus"), done.stderr


def test_the_stack_of_the_unit_starts(tmp_path: Path) -> None:
    (unit,) = (each for each in UNITS if each.name == "zonegit.service")
    program, *words = read_command(unit)
    words = [word.replace("127.0.0.1:5300", "127.0.0.1:0") for word in words]
    started = run(program, *words, "--detach", data=tmp_path / "data")
    try:
        assert started.returncode == 0, started.stderr
    finally:
        stopped = run(program, "down", data=tmp_path / "data")
    assert stopped.returncode == 0, stopped.stderr


@pytest.mark.parametrize("program", ["zonegit-resolver"])
def test_a_faulty_configuration_file_ends_with_status_2(program: str, tmp_path: Path) -> None:
    config = tmp_path / "resolver.toml"
    config.write_text("canary = nonsense\n")
    words = ("--listen", "127.0.0.1:0", "--config-if-exists", str(config))
    done = run(program, *words, "--nats-url", "nats://127.0.0.1:1", data=tmp_path)
    assert done.returncode == 2, done.stderr
