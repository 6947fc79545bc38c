"""Packages, images and actions of the release workflow are pinned by hash."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {"run": [], **EXTRAS}


def entries(lock: str) -> list[str]:
    """Return the packages of a requirements file, each with its options as one line."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and line.lstrip()[0] != "#"]


def locked(lock: str) -> dict[str, set[str]]:
    """Return the releases of each package; there may be another for another platform."""
    found: dict[str, set[str]] = {}
    for entry in entries(lock):
        requirement = Requirement(entry.split("--hash")[0])
        (version,) = requirement.specifier
        assert version.operator == "=="
        found.setdefault(requirement.name, set()).add(version.version)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_with_its_hashes(lock: str) -> None:
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_dependencies_of_pyproject_are_locked(lock: str) -> None:
    found = locked(lock)
    for text in (*PROJECT["dependencies"], *LOCKS[lock]):
        requirement = Requirement(text)
        name = requirement.name
        if name != PROJECT["name"]:
            assert all(requirement.specifier.contains(each) for each in found[name]), text


@pytest.mark.parametrize("lock", EXTRAS)
def test_no_two_files_name_different_releases(lock: str) -> None:
    found = locked(lock)
    assert locked("run").items() <= found.items()


def test_build_dependencies_are_locked() -> None:
    (backend,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    requirement = Requirement(backend)
    assert all(requirement.specifier.contains(each) for each in locked("dev")[requirement.name])


@pytest.mark.parametrize("file", ["Dockerfile", "compose.yaml"])
def test_images_are_named_by_digest(file: str) -> None:
    named = re.findall(r"^\s*(?:FROM|image:) (\S+)", (ROOT / file).read_text(), re.MULTILINE)
    foreign = [each for each in named if each != "zonegit"]
    assert foreign
    assert all(re.fullmatch(r"\S+:\S+@sha256:[0-9a-f]{64}", each) for each in foreign)


def test_actions_are_named_by_commit() -> None:
    (workflow,) = (ROOT / ".github" / "workflows").glob("*.yml")
    used = re.findall(r"uses: (\S+)", workflow.read_text())
    assert used
    assert all(re.fullmatch(r"\S+@[0-9a-f]{40}", each) for each in used)
