"""Every link between pages of the project has a target."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "changelog.d").glob("*.md"),
    *(ROOT / "services").glob("*/*.md"),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_only_to_files_that_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    own = [target for target in targets if "://" not in target]
    assert [target for target in own if not (page.parent / target).exists()] == []


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs/adr/README.md").read_text())
    assert listed == sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))


def test_every_page_is_in_the_table_of_contents() -> None:
    docs = ROOT / "docs"
    listed = re.findall(r"\]\(((?:how-to/)?[\w-]+\.md)\)", (docs / "README.md").read_text())
    paths = [*docs.glob("*.md"), *docs.glob("how-to/*.md")]
    pages = {str(path.relative_to(docs)) for path in paths} - {"README.md"}
    assert sorted(listed) == sorted(pages)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_section_names_a_heading(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text()):
        if "://" not in target:
            text = (page.parent / target).read_text() if target else page.read_text()
            headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in anchors, f"{target}#{anchor}"
