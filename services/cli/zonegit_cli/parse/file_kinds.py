"""The kinds of files: master files, edits, diffs and saved plans, and the command for each."""

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
"""Words of a record up to its type: owner, TTL, class, type."""


def find_kind(octets: bytes) -> FileKind | None:
    """Return what a file looks like, by its first line that is neither empty nor a comment; None:
    like nothing that is known."""
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
    """Refuse what another command takes.

    Raises:
        Invalid: it is a master file.
    """
    if find_kind(octets) == "zone":
        raise Invalid(
            f"{source} is a master file, and apply takes edits, a diff or a saved plan",
            hint=f"zonegit import {file} makes the zone equal it; with --merge its records join",
        )


def refuse_for_plan(octets: bytes, file: str, source: str) -> None:
    """Refuse what another command takes.

    Raises:
        Invalid: it is a saved plan.
    """
    if saved_plan.is_plan(octets):
        raise Invalid(
            f"{source} is a saved plan already",
            hint=f"zonegit apply {file} carries it out; --dry-run shows what it would change",
        )


def explain(octets: bytes, source: str, error: Invalid) -> Invalid:
    """Return the error of a file that is not a master file, for one that looks like something else;
    else ``error``. A name may be ``add``, so only a file that cannot be read is judged."""
    kind = find_kind(octets)
    if kind is None or kind == "zone":
        return error
    file = "-" if source == "stdin" else source
    return Invalid(
        f"{source} is {NAMES[kind]}, not a master file ({error.message})",
        hint=f"zonegit apply {file} takes it",
    )
