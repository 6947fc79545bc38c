"""Lint a zone at a commit."""

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.repo import read_zone, refish
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone.findings import Finding
from zonegit.zone.lint import table
from zonegit.zone.lint.view import WholeZone
from zonegit.zone.names import Name


class LintResult(msgspec.Struct, frozen=True):
    """The findings about a zone.

    Attributes:
        commit: the commit that was examined; None for a file.
        records: the number of records.
        findings: the findings, in canonical order (RFC 4034 section 6.1).
    """

    zone: Name
    commit: CommitId | None
    records: int
    findings: list[Finding]


async def lint(repo: Repo, at: str, zone: Name | None, branch: str | None) -> LintResult:
    """Lint the stored records of a zone.

    Args:
        repo: the stores.
        at: a refish.
        zone: the zone that the command works on; None for that of HEAD.
        branch: the branch that the command works on; None for that of HEAD.

    Raises:
        NotFound, Invalid: the refish names no commit.
        Corrupt, Unavailable: errors of the store.
    """
    resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
    reader = Reader(repo.objects)
    tree = await read_zone.read_tree(reader, resolved.commit)
    blobs = await reader.answer(read_zone.list_blobs(tree))
    stored = (await read_zone.read_stored_rrsets(reader, blobs)).values()
    found = WholeZone(resolved.zone, {(each.owner, each.rdtype): each for each in stored})
    records = sum(len(each.rdatas) for each in stored)
    return LintResult(resolved.zone, resolved.commit, records, table.examine_zone(found))
