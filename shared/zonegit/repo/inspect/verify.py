"""Verify the signature of a tag, a commit, or every commit of a history."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from zonegit.history.commit_graph import LogWalk
from zonegit.objects.commit_signatures import (
    GoodSignature,
    Keyring,
    PublicKey,
    SignatureVerdict,
    Unsigned,
)
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Commit, Tag
from zonegit.repo import read_zone
from zonegit.repo.refish import Resolved
from zonegit.repo.repo import Repo
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader

VERIFY_BATCH: Final = 256
"""Commits verified between two progress reports."""


class VerifiedObject(msgspec.Struct, frozen=True):
    """A commit or tag, and the verdict on its signature."""

    id: ObjectId
    value: Commit | Tag
    verdict: SignatureVerdict


@dataclass(slots=True)
class VerifyReport:
    """The result. ``named`` is the object that the refish names; ``good`` counts by key;
    ``failed`` has all others, the latest first."""

    named: VerifiedObject
    good: Counter[PublicKey] = field(default_factory=Counter)
    failed: list[VerifiedObject] = field(default_factory=list)

    def add(self, checked: VerifiedObject) -> None:
        """Add the verdict on one object."""
        match checked.verdict:
            case GoodSignature(key):
                self.good[key] += 1
            case _:
                self.failed.append(checked)

    @property
    def count(self) -> int:
        """Return how many were verified."""
        return self.good.total() + len(self.failed)

    @property
    def unsigned(self) -> int:
        """Return how many of the failed have no signature."""
        return sum(isinstance(each.verdict, Unsigned) for each in self.failed)


async def verify(
    repo: Repo,
    at: Resolved,
    keyring: Keyring,
    *,
    chain: bool = False,
    progress: Callable[[int], None] = lambda count: None,
) -> VerifyReport:
    """Verify the object that a refish names.

    The signature of a signed tag counts for its commit, because it covers the commit's id.

    Args:
        repo: the stores.
        at: the commit, and the tag if the refish names one.
        keyring: the trusted keys.
        chain: verify all ancestors too.
        progress: called with the number of commits verified so far.

    Raises:
        Corrupt, NotFound, Unavailable: errors of the store.
    """
    reader = Reader(repo.objects)
    named = await _verify_named(reader, at, keyring)
    report = VerifyReport(named)
    if not chain or named.id != at.commit:
        report.add(named)
    if chain:
        past = CommitReader(repo.objects, reader)
        log = LogWalk([at.commit])
        while taken := await past.answer(log.take(VERIFY_BATCH)):
            for each in taken:
                report.add(VerifiedObject(each.id, each.commit, keyring.verify(each.commit)))
            progress(report.count)
    return report


async def _verify_named(reader: Reader, at: Resolved, keyring: Keyring) -> VerifiedObject:
    if at.tag is not None:
        tag = (await reader.get([at.tag]))[at.tag]
        if isinstance(tag, Tag) and tag.signature is not None:
            return VerifiedObject(at.tag, tag, keyring.verify(tag))
    commit = await read_zone.read_commit(reader, at.commit)
    return VerifiedObject(at.commit, commit, keyring.verify(commit))
