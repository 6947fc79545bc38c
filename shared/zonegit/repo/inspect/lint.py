"""Linting: the findings about a zone at a commit."""

import msgspec

from zonegit.objects.ids import CommitId
from zonegit.repo import read_zone, refish
from zonegit.repo.heads import Repo
from zonegit.store.reader import Reader
from zonegit.zone.findings import Finding
from zonegit.zone.lint import table
from zonegit.zone.lint.view import WholeZone
from zonegit.zone.names import Name


class LintResult(msgspec.Struct, frozen=True):
    """The findings about a zone.

    Args:
        zone: its name.
        commit: the commit that was examined; None of a file.
        records: how many records it has.
        findings: in the order zones are sorted in.
    """

    zone: Name
    commit: CommitId | None
    records: int
    findings: list[Finding]


async def lint(repo: Repo, at: str, zone: Name | None, branch: str | None) -> LintResult:
    """Examine a zone as it is stored.

    Args:
        repo: the stores.
        at: a refish.
        zone: the zone that the refish is resolved in, or None for that of HEAD.
        branch: the branch that HEAD in the refish means, or None for that of HEAD.

    Raises:
        NotFound, Invalid: the refish names no commit.
        Corrupt, Unavailable: as the store says.
    """
    resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
    reader = Reader(repo.objects)
    tree = (await read_zone.read_commit(reader, resolved.commit)).tree
    blobs = await reader.answer(read_zone.list_blobs(tree))
    stored = (await read_zone.read_stored_rrsets(reader, blobs)).values()
    found = WholeZone(resolved.zone, {(each.owner, each.rdtype): each for each in stored})
    records = sum(len(each.rdatas) for each in stored)
    return LintResult(resolved.zone, resolved.commit, records, table.examine_zone(found))
