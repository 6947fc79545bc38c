"""Compare changed files with the commits that they were checked out from, record by record."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId, short
from zonegit.objects.walk import gather
from zonegit.repo import read_zone
from zonegit.repo.commit import diff
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.views.diff import make_changes
from zonegit.zone import names
from zonegit_cli.render import patches
from zonegit_cli.workspace.file_status import FileStatus


class FileDifference(msgspec.Struct, frozen=True):
    """A changed file and its differences from its commit, without that of the serial alone."""

    file: FileStatus
    deltas: list[RRsetDelta]


async def compare_files(repo: Repo, files: Sequence[FileStatus]) -> list[FileDifference]:
    """Return the differences of each file; objects of all files are read together.

    Raises:
        NotFound, Corrupt, Unavailable: an object cannot be read from the store.
    """
    reader = Reader(repo.objects)
    for file in files:
        reader.add(file.content.objects)
    commits = [file.known.commit for file in files]
    await reader.get(commits)
    old = [(await read_zone.read_commit(reader, commit)).tree for commit in commits]
    new = [file.content.tree for file in files]
    found = await reader.answer(
        gather([zone_tree.list_changes(*pair) for pair in zip(old, new, strict=True)])
    )
    await reader.get({blob for changes in found for each in changes for blob in _list_blobs(each)})
    return [
        FileDifference(
            file, diff.drop_serial_changes(await diff.read_deltas(reader, changes, file.zone))
        )
        for file, changes in zip(files, found, strict=True)
    ]


def _list_blobs(change: zone_tree.TreeChange) -> Iterator[ObjectId]:
    return (blob for blob in (change.old, change.new) if blob is not None)


def format_lines(each: FileDifference) -> Iterator[str]:
    """Yield the lines of a file, in the format of ``zonegit diff``."""
    file = each.file
    head = f"diff {names.text(file.zone)} {short(file.known.commit)}..{file.path}"
    yield click.style(head, bold=True)
    yield from patches.format_lines(each.deltas)


def to_json(each: FileDifference) -> dict[str, Any]:
    """Return the differences of a file for ``--json``."""
    file = each.file
    return {
        "zone": names.text(file.zone),
        "path": file.path,
        "old": {"commit": file.known.commit.hex()},
        "changes": make_changes(each.deltas),
    }
