"""The style of names and texts, as far as a test can tell (CONTRIBUTING.md)."""

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

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


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text is not None:
                yield getattr(node, "lineno", 1), text


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each docstring and comment."""
    yield from docstrings(path)
    for token in tokenize.generate_tokens(StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def names_of_tests(path: Path) -> Iterator[str]:
    """Yield the name of each test."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if name.startswith("test_"):
                    yield name


def wrong_openings(path: Path) -> list[str]:
    """Return the docstrings that do not open with a verb or a noun."""
    return [
        f"{shown(path)}:{line}: {text.splitlines()[0]}"
        for line, text in docstrings(path)
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
        for line, text in prose(path)
        if UNPLAIN.search(text)
    ]
    assert not found


def test_test_names_are_plain() -> None:
    found = [
        f"{shown(path)}: {name}"
        for path in TESTS
        for name in names_of_tests(path)
        if UNPLAIN_NAME.search(name)
    ]
    assert not found


@pytest.mark.parametrize("paths", [SOURCES, TESTS], ids=["sources", "tests"])
def test_a_public_class_name_has_one_meaning(paths: list[Path]) -> None:
    places = defaultdict(list)
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(shown(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_bounds_have_one_prefix() -> None:
    """MAX, with the unit in the name or in the docstring."""
    prefix = re.compile(r"_?(MOST|LONGEST|LARGEST|DEEPEST|WIDEST|FEW|MANY|LITTLE|BIG|AT_ONCE)(_|$)")
    found = [
        f"{shown(path)}: {target.id}"
        for path in [*SOURCES, *TESTS]
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and prefix.match(target.id)
    ]
    assert not found
