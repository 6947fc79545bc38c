"""compose.yaml, pyproject.toml, importlinter.toml and the bus name the services of the table."""

import tomllib
from pathlib import Path
from typing import Any

import yaml

from zonegit.wire import permissions, subjects, verbs
from zonegit.wire.services import SERVICES, Sharing
from zonegit.wire.verbs import AnyVerb

ROOT = Path(__file__).parents[3]
NAMES = [each.name for each in SERVICES]
MODULES = [each.module for each in SERVICES]
CLI = "zonegit_cli"
MAX_CONTRACT_LINES = 100


def load(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text())


def test_compose_runs_each_service_as_its_user() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert set(services) == {"bus", *NAMES, "zonegit"}
    for name in NAMES:
        assert services[name]["command"][0] == f"zonegit-{name}"
        assert services[name]["environment"]["ZONEGIT_NATS_URL"].startswith(f"nats://{name}:")


def test_the_package_has_each_service_and_its_program() -> None:
    project = load("pyproject.toml")
    scripts = {f"zonegit-{each.name}": f"{each.module}.__main__:main" for each in SERVICES}
    assert project["project"]["scripts"] == {"zonegit": f"{CLI}.__main__:main", **scripts}
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert [Path(each).name for each in packages] == ["zonegit", *MODULES, CLI]
    assert [*MODULES, CLI] == project["tool"]["mypy"]["packages"][1 : len(MODULES) + 2]


def test_the_import_contracts_cover_each_service() -> None:
    contracts = load("importlinter.toml")["tool"]["importlinter"]
    assert contracts["root_packages"] == ["zonegit", *MODULES, CLI]
    (independent,) = (each for each in contracts["contracts"] if each["type"] == "independence")
    assert independent["modules"] == [*MODULES, CLI]
    assert len((ROOT / "importlinter.toml").read_text().splitlines()) < MAX_CONTRACT_LINES


def test_the_bus_knows_each_service() -> None:
    assert set(NAMES) == subjects.SERVICE_ACTORS
    answered: list[AnyVerb] = [verb for each in SERVICES for verb in each.verbs]
    assert tuple(answered) == verbs.VERBS
    assert {verb.service for verb in answered} == subjects.SERVICES
    assert all(permissions.ROLES[each.name] == each.role for each in SERVICES)


def test_an_instance_of_each_service_can_show_that_it_works() -> None:
    for each in SERVICES:
        has_status = each.sharing is Sharing.NAMES
        assert (each.probe is None) == has_status
        assert each.probe is None or each.probe.verb in each.verbs
