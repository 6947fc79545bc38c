"""docs/glossary.md defines each term once, in alphabetical order, and names its source."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "glossary.md").read_text()
SOURCE = re.compile(
    r"RFC \d+( section \d+(\.\d+)*)?(, | |$)"
    r"|\[git\w[\w-]*\]\(https://git-scm\.com/docs/git\w[\w-]*\)"
    r"|\[git-[\w-]+\(\d\)\]\(https://git-scm\.com/docs/git-[\w-]+\)"
    r"|\[gitrevisions\(7\)\]\(https://git-scm\.com/docs/gitrevisions\)"
    r"|\[NATS\]\(https://docs\.nats\.io/"
    r"|zonegit(, \[|$)"
)


class Definition(NamedTuple):
    """A row of the glossary."""

    term: str
    meaning: str
    source: str


def rows() -> list[str]:
    """Return the rows of the table, without its heading."""
    return [line for line in PAGE.splitlines() if line.startswith("|")][2:]


def read(row: str) -> Definition:
    """Return the definition in a row."""
    found = re.fullmatch(r"\| \*\*([^*|]+)\*\* \| ([^|]+) \| ([^|]*) \|", row)
    assert found is not None, f"expected | **term** | meaning | source |: {row}"
    return Definition(found[1], found[2], found[3])


def test_the_glossary_has_rows() -> None:
    assert len(rows()) > 100


@pytest.mark.parametrize("row", rows())
def test_a_definition_is_at_most_two_sentences_and_has_a_source(row: str) -> None:
    definition = read(row)
    assert definition.meaning.endswith(".")
    assert len(re.findall(r"\.( |$)", definition.meaning)) <= 2
    assert SOURCE.match(definition.source), definition.source


def test_no_term_is_defined_twice() -> None:
    terms = [read(row).term.casefold() for row in rows()]
    assert sorted({term for term in terms if terms.count(term) > 1}) == []


def test_terms_are_in_alphabetical_order() -> None:
    terms = [read(row).term.casefold() for row in rows()]
    assert terms == sorted(terms)
