"""docs/configuration.md names every setting, and no others."""

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from zonegit import settings_file

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "configuration.md").read_text()
SERVICES = ("objectstore", "refs", "resolver")


def first_cells(heading: str) -> list[str]:
    """Return the backquoted text in the first column of the table below a heading."""
    body = PAGE.partition(f"\n{heading}\n")[2]
    body = re.split(r"^#", body, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `([^`]+)`", body, re.MULTILINE)


def test_every_variable_of_the_sources_is_documented_and_every_documented_one_is_read() -> None:
    sources = [
        path.read_text() for part in ("shared", "services") for path in (ROOT / part).rglob("*.py")
    ]
    read = {name for text in sources for name in re.findall(r"ZONEGIT_[A-Z]+(?:_[A-Z]+)*", text)}
    assert set(first_cells("## Environment")) == read


def test_every_key_of_a_settings_file_is_documented() -> None:
    assert set(first_cells("## Files")) == settings_file.KNOWN_KEYS


@pytest.mark.parametrize("service", SERVICES)
def test_every_flag_of_a_service_is_documented(service: str) -> None:
    command = import_module(f"zonegit_{service}.__main__").main
    assert isinstance(command, click.Command)
    flags = {name for parameter in command.params for name in parameter.opts}
    documented = {cell.split()[0] for cell in first_cells(f"### zonegit-{service}")}
    assert documented == flags
