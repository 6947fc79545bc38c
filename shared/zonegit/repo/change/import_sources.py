"""Record the sources of imported versions, so that a second import of the same history continues.

The message of an imported commit names its source in the last line: ``Zonegit-Source:`` with the id
of a git commit, or the SHA-256 digest of a file. A later import of the same history reads these
lines and imports only later versions. Commits that an earlier release imported have no such line;
only for these, the trees of versions and commits are compared.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Final, TypeVar

from zonegit.history.commit_graph import LoggedCommit
from zonegit.objects import zone_tree
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId, RawObject
from zonegit.objects.model import Blob
from zonegit.repo.commit import change_plan, drafts
from zonegit.repo.commit.edits import RRsetKey
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, with_serial

TRAILER: Final = "Zonegit-Source"
GIT: Final = "git:"
FILE: Final = "sha256:"
MAX_COMPARED: Final = 1_000
"""Commits of a branch whose trees are compared if none names its source."""

T = TypeVar("T")

_LINE: Final = re.compile(rf"{TRAILER}: ((?:{GIT}|{FILE})[0-9a-f]{{40,64}})", re.ASCII)


def make_git_source(commit: str) -> str:
    """Return the source for the git commit with this hexadecimal id."""
    return GIT + commit


def make_file_source(octets: bytes) -> str:
    """Return the source for a file with this content."""
    return FILE + sha256(octets).hexdigest()


def add_source(message: str, source: str) -> str:
    """Append the line that names the source to a commit message."""
    line = f"{TRAILER}: {source}"
    text = message.rstrip("\n")
    return f"{text}\n\n{line}" if text else line


def read_source(message: str) -> str | None:
    """Return the source that the last line of a message names, None if it names none."""
    found = _LINE.fullmatch(message.rstrip("\n").rpartition("\n")[2])
    return found[1] if found else None


def list_sources(history: Sequence[LoggedCommit], kind: str) -> list[str]:
    """Return the sources of one kind (``GIT``, ``FILE``) that commits name, in their order."""
    named = (read_source(each.commit.message) for each in history)
    return [source for source in named if source is not None and source.startswith(kind)]


def find_continuation(recorded: Sequence[T], given: Sequence[T]) -> int:
    """Return how many of the given versions a branch has already.

    A version that was equal to the previous one has no commit, so ``recorded`` may lack it. The
    branch has the versions up to the last recorded one, if the recorded versions before that are
    the same too. If the branch returned to an earlier version, the longest match counts.

    Args:
        recorded: the versions of the branch, oldest first.
        given: the versions to import, oldest first.
    """
    known = set(recorded)
    found = longest = 0
    for end, each in enumerate(given, 1):
        if not recorded or each != recorded[-1]:
            continue
        matched = [version for version, _ in groupby(given[:end]) if version in known]
        if len(matched) > longest and matched == list(recorded[-len(matched) :]):
            found, longest = end, len(matched)
    return found


def find_edited_continuation(recorded: Sequence[T], given: Sequence[T]) -> tuple[int, int]:
    """Return how many of the given versions a branch has already, and how many edits came after.

    The latest commits of the branch that are not among the versions are edits since the import. If
    there are edits, at least two versions must match, because one may be equal by chance.

    Args:
        recorded: the versions of the branch, oldest first.
        given: the versions to import, oldest first.
    """
    for edits in range(len(recorded)):
        known = find_continuation(recorded[: len(recorded) - edits], given)
        if known and (not edits or len({*given[:known]} & {*recorded}) > 1):
            return known, edits
    return 0, 0


def compute_content_id(rrsets: Mapping[RRsetKey, RRset], apex: Name) -> ObjectId | None:
    """Return an id of the content of a whole zone.

    This is the id of its tree with serial 0, because an import may give a version another serial.

    Returns:
        None for a zone without records.
    """
    soa = rrsets.get((apex, rrtypes.SOA))
    without = dict(rrsets) if soa is None else {**rrsets, (apex, rrtypes.SOA): with_serial(soa, 0)}
    return change_plan.build_zone(list(without.values()), apex)[1]


async def read_content_ids(
    repo: Repo, commits: Sequence[LoggedCommit], apex: Name
) -> list[ObjectId]:
    """Return the ids of the contents of commits (see :func:`compute_content_id`), the latest first.

    At most ``MAX_COMPARED`` commits are read. Successive equal contents are returned once.

    Raises:
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    reader = Reader(repo.objects)
    found: list[ObjectId] = []
    for logged in commits[:MAX_COMPARED]:
        state = await drafts.read_state(reader, logged.id, apex)
        if state.soa is None or state.tree is None:
            continue
        blob = encode(Blob(with_serial(state.soa, 0)))
        out: list[RawObject] = []
        content = await reader.answer(
            zone_tree.update(state.tree, {((), rrtypes.SOA): blob.id}, out)
        )
        if content is not None:
            found.append(content)
    return [each for each, _ in groupby(found)]


async def find_stored(repo: Repo, ids: Collection[CommitId]) -> set[CommitId]:
    """Return the ids that the object store has."""
    missing = await repo.objects.missing(ids) if ids else set()
    return {each for each in ids if each not in missing}
