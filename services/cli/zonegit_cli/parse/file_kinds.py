"""Tell master files, edits, diffs and saved plans apart, and name the command for each."""

import io
from typing import Final, Literal

from zonegit.errors import Invalid
from zonegit.repo.change import saved_plan
from zonegit.repo.commit import patch
from zonegit.zone import rrtypes
from zonegit_cli.parse import edit_scripts

FileKind = Literal["plan", "diff", "edits", "zone"]

NAMES: Final[dict[FileKind, str]] = {
    "plan": "a saved plan",
    "diff": "a diff",
    "edits": "a file of edits",
    "zone": "a master file",
}
MAX_WORDS: Final = 4
"""Words of a record up to and including its type: owner, TTL, class, type."""


def find_kind(octets: bytes) -> FileKind | None:
    """Return the kind of a file according to its first line that is neither empty nor a comment;
    None if it is unknown."""
    if saved_plan.is_plan(octets):
        return "plan"
    if patch.is_patch(octets):
        return "diff"
    if edit_scripts.is_script(octets):
        return "edits"
    return "zone" if _is_master_file(octets) else None


def _is_master_file(octets: bytes) -> bool:
    for line in io.BytesIO(octets.removeprefix(b"\xef\xbb\xbf")):
        words = line.decode("utf-8", "replace").partition(";")[0].split()
        if words:
            first = [word.upper() for word in words[:MAX_WORDS]]
            return words[0].startswith("$") or any(word in rrtypes.NUMBERS for word in first)
    return False


def refuse_for_apply(octets: bytes, file: str, source: str) -> None:
    """Check that ``zonegit apply`` takes a file.

    Raises:
        Invalid: it is a master file, which ``zonegit import`` takes.
    """
    if find_kind(octets) == "zone":
        raise Invalid(
            f"{source} is a master file; apply takes edits, a diff or a saved plan",
            hint=f"zonegit import {file} replaces the zone; with --merge it adds the records",
        )


def refuse_for_plan(octets: bytes, file: str, source: str) -> None:
    """Check that ``zonegit plan`` takes a file.

    Raises:
        Invalid: it is a saved plan, which ``zonegit apply`` takes.
    """
    if saved_plan.is_plan(octets):
        raise Invalid(
            f"{source} is already a saved plan",
            hint=f"apply it with zonegit apply {file}; --dry-run shows what it would change",
        )


def explain(octets: bytes, source: str, error: Invalid) -> Invalid:
    """Return a better error for a file of another kind that was read as a master file.

    An owner name may be ``add``, so the kind is considered only after ``error``.
    """
    kind = find_kind(octets)
    if kind is None or kind == "zone":
        return error
    file = "-" if source == "stdin" else source
    return Invalid(
        f"{source} is {NAMES[kind]}, not a master file ({error.message})",
        hint=f"use zonegit apply {file}",
    )
