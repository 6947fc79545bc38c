"""CONTRIBUTING.md names files that exist, and its recipes are short."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = dict(re.findall(r"^### (Add .*)\n((?:(?!#).*\n)+)", PAGE, re.MULTILINE))
MAX_RECIPE_LINES = 15


def test_every_path_exists() -> None:
    quoted = re.findall(r"(?<!`)`((?:[\w.-]+/)+[\w.-]*)`", PAGE)
    assert [path for path in quoted if not (ROOT / path).exists()] == []
    assert "shared/zonegit/wire/messages.py" in quoted


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_is_short(title: str) -> None:
    assert len(RECIPES[title].strip().splitlines()) <= MAX_RECIPE_LINES


def test_there_are_recipes() -> None:
    titles = ["command", "verb", "service", "DNS operation that waits"]
    titles += ["backend", "setting", "record type"]
    assert [f"Add a {title}" for title in titles] == list(RECIPES)
