"""Find the names of a tip that the patterns of edits match."""

from collections.abc import Collection, Iterator
from typing import Final

from zonegit.errors import Invalid
from zonegit.objects import tree_lookup
from zonegit.objects.ids import ObjectId
from zonegit.repo.commit.edits import Changes, Delete, DeleteMatching, Edit, RRsetEdit
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name

MAX_PATTERNS: Final = 20
"""Patterns in one change: each of them is compared with all names of a zone."""


async def expand(
    reader: Reader, tree: ObjectId | None, todo: Collection[Edit], apex: Name
) -> list[RRsetEdit]:
    """Return the edits, with a :class:`Delete` for each name that a pattern matches.

    Args:
        reader: reads the tree.
        tree: the zone at the tip; None for one without records.
        todo: the edits.
        apex: the zone's name.

    Raises:
        Invalid: there are more than ``MAX_PATTERNS`` patterns.
    """
    if sum(isinstance(edit, DeleteMatching) for edit in todo) > MAX_PATTERNS:
        raise Invalid(
            f"more than {MAX_PATTERNS} patterns in one change",
            hint="divide it into several changes, or name the names",
        )
    expanded: list[RRsetEdit] = []
    for edit in todo:
        if not isinstance(edit, DeleteMatching):
            expanded.append(edit)
        elif tree is not None:
            found = tree_lookup.list_matching(tree, edit.pattern, edit.rdtype)
            paths = await reader.answer(found)
            expanded += (Delete(names.below(apex, path), edit.rdtype) for path in paths)
    return expanded


def find_notes(todo: Collection[Edit], changes: Changes, apex: Name) -> Iterator[Finding]:
    """Yield the number of names and RRsets that each pattern deletes."""
    for edit in todo:
        if isinstance(edit, DeleteMatching):
            owners = [
                owner
                for (owner, rdtype), rrset in changes.items()
                if rrset is None
                and edit.rdtype in (None, rdtype)
                and edit.pattern.matches(names.path(owner, apex))
            ]
            message = (
                f"{edit.pattern.text!r} deletes {_format_count(len(owners), 'RRset')} of"
                f" {_format_count(len(set(owners)), 'name')}"
            )
            yield Finding("pattern-matches", "note", message, rdtype=edit.rdtype)


def _format_count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
