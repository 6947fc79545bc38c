"""compose.yaml, the Dockerfile and the sample bus match each other and the services."""

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from zonegit.wire.services import SERVICES

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each["image"] == "zonegit"}
BUS = (ROOT / "docs" / "nats-server.conf").read_text()
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_runs_a_program_of_ours_with_flags_that_it_has(name: str) -> None:
    program, *words = [*OURS[name].get("entrypoint", ()), *OURS[name]["command"]]
    assert program in SCRIPTS
    command = import_module(SCRIPTS[program].partition(":")[0]).main
    if isinstance(command, click.Command):
        known = {flag for parameter in command.params for flag in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_has_a_user_of_the_bus_and_its_password(name: str) -> None:
    url = OURS[name]["environment"]["ZONEGIT_NATS_URL"]
    matched = re.fullmatch(r"nats://(\w+):\$\{(\w+)\}@bus:4222", url)
    assert matched is not None
    assert f"user: {matched[1]}, password: ${matched[2]}" in BUS
    assert matched[2] in COMPOSE["services"]["bus"]["environment"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_container_cannot_gain_rights_or_write_its_image(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]


def test_every_service_keeps_its_data_in_a_volume() -> None:
    for name in (each.name for each in SERVICES):
        (volume,) = OURS[name]["volumes"]
        assert volume == f"{name}:/data"
        assert name in COMPOSE["volumes"]


def test_dns_is_published_over_udp_and_tcp() -> None:
    assert {"5300:5300/udp", "5300:5300/tcp"} <= set(OURS["resolver"]["ports"])


def test_the_build_context_has_what_the_image_copies() -> None:
    """.dockerignore excludes everything except the names it lists."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    listed = (ROOT / ".dockerignore").read_text().split()
    assert listed[0] == "*"
    assert copied
    assert {f"!{name}" for names in copied for name in names.split()} == {
        line for line in listed if line.startswith("!")
    }


def test_the_image_runs_as_an_unprivileged_user() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert (
        "USER zonegit"
        in lines[max(at for at, line in enumerate(lines) if line.startswith("FROM")) :]
    )
