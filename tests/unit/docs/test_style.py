"""The style of names and texts, as far as a test can tell (CONTRIBUTING.md)."""

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("shared", "services", "benchmarks", "release", "docs")
SOURCES = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
OPENINGS = ("What", "Whether", "Where", "How", "Who", "Whom", "Whose", "Which", "As")
UNPLAIN = re.compile(
    r"\b(whoever|whomever|anew|(?<!there )is none|so is|all the same|stands? on|stood on)\b|; None:"
)
UNPLAIN_NAME = re.compile(
    r"^test_(what|whatever|where|who|whoever|whose|which|how|whether)_"
    r"|_(anybody|everybody|nobody|somebody|whoever|anew|tells?|told|stands?|stood|clash(es)?)(_|$)"
)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


class Module(NamedTuple):
    """The names and docstrings of a file."""

    docstrings: list[tuple[int, str]]
    """The line and the text of each."""
    tests: list[str]
    classes: list[str]
    constants: list[str]


@cache
def parse(path: Path) -> Module:
    """Parse a file, once for all tests."""
    tree = ast.parse(path.read_text())
    found = Module([], [], [], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                found.docstrings.append((getattr(node, "lineno", 1), text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
            "test_"
        ):
            found.tests.append(node.name)
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                found.classes.append(name)
            case ast.Assign(targets=targets):
                found.constants.extend(each.id for each in targets if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.constants.append(name)
    return found


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each comment."""
    for token in tokenize.generate_tokens(StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def wrong_openings(path: Path) -> list[str]:
    """Return the docstrings that do not open with a verb or a noun."""
    return [
        f"{shown(path)}:{line}: {text.splitlines()[0]}"
        for line, text in parse(path).docstrings
        if re.split(r"\W", text, maxsplit=1)[0] in {*OPENINGS, "Raises"}
    ]


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_docstrings_open_with_a_verb_or_a_noun(path: Path) -> None:
    assert not wrong_openings(path)


@pytest.mark.parametrize("path", [*SOURCES, *PAGES], ids=shown)
def test_texts_are_plain(path: Path) -> None:
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if UNPLAIN.search(line)
    ]
    assert not found


def test_docstrings_of_tests_open_with_a_verb_or_a_noun() -> None:
    assert not [found for path in TESTS for found in wrong_openings(path)]


def test_texts_of_tests_are_plain() -> None:
    """Only docstrings and comments: the other texts are those of the product."""
    found = [
        f"{shown(path)}:{line}: {text}"
        for path in TESTS
        for line, text in (*parse(path).docstrings, *comments(path))
        if UNPLAIN.search(text)
    ]
    assert not found


def test_test_names_are_plain() -> None:
    found = [
        f"{shown(path)}: {name}"
        for path in TESTS
        for name in parse(path).tests
        if UNPLAIN_NAME.search(name)
    ]
    assert not found


@pytest.mark.parametrize("paths", [SOURCES, TESTS], ids=["sources", "tests"])
def test_a_public_class_name_has_one_meaning(paths: list[Path]) -> None:
    places = defaultdict(list)
    for path in paths:
        for name in parse(path).classes:
            places[name].append(shown(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_bounds_have_one_prefix() -> None:
    """MAX, with the unit in the name or in the docstring."""
    prefix = re.compile(r"_?(MOST|LONGEST|LARGEST|DEEPEST|WIDEST|FEW|MANY|LITTLE|BIG|AT_ONCE)(_|$)")
    found = [
        f"{shown(path)}: {name}"
        for path in [*SOURCES, *TESTS]
        for name in parse(path).constants
        if prefix.match(name)
    ]
    assert not found
