"""Every rule of a finding is explained on a page."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = ("shared/zonegit", "services/cli/zonegit_cli")
PAGES = ("json.md", "lint.md", "typed-records.md")


def sources() -> Iterator[Path]:
    """Return every module that creates findings."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "import Finding" in path.read_text() or ", Finding" in path.read_text():
                yield path


def rules(path: Path) -> Iterator[str]:
    """Return the rules in a module, as text or by a constant."""
    package = next(ROOT / each for each in PACKAGES if path.is_relative_to(ROOT / each))
    name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    module = importlib.import_module(name)
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        first = node.args[0]
        if node.func.id == "Finding" and isinstance(first, ast.Constant):
            yield str(first.value)
        elif node.func.id == "Finding" and isinstance(first, ast.Name):
            constant = getattr(module, first.id, None)
            if constant is not None:
                yield constant


FOUND = sorted({rule for path in sources() for rule in rules(path)})


def test_rules_are_found() -> None:
    assert {"ttl-changed", "spelling-only", "more-warnings", "head-moved"} <= set(FOUND)


@pytest.mark.parametrize("rule", FOUND)
def test_a_rule_is_explained(rule: str) -> None:
    assert any(f"`{rule}`" in (ROOT / "docs" / page).read_text() for page in PAGES)
