"""The result of a check of the stores."""

from collections import Counter
from typing import Final

import msgspec

from zonegit.objects.ids import CommitId, ObjectId, ObjectKind
from zonegit.repo.inspect.tip_flaws import TipFlaw
from zonegit.store.ref_names import RefName
from zonegit.store.refs import CheckedStore
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name

MAX_REPORTED: Final = 1_000
"""Broken objects that are listed; the rest is counted."""

ExpectedObjects = tuple[ObjectKind, ...]
"""The kinds of object that are allowed in a place."""


class BrokenObject(msgspec.Struct, frozen=True):
    """A broken object.

    Attributes:
        fault: the fault, for messages.
        owner: the name at which it is in its zone.
        rdtype: its type; None for a tree, which has that name and all below it.
        commit: the commit that has it.
        ref: the ref that leads to it.
        is_past: the ref named it only in the past, according to the log.
    """

    id: ObjectId
    expected: ExpectedObjects
    fault: str
    ref: RefName
    commit: CommitId | None = None
    owner: Name | None = None
    rdtype: int | None = None
    is_past: bool = False


class ObjectFinding(msgspec.Struct, frozen=True):
    """An intact object with a finding. ``ref`` leads to ``commit``, which has it."""

    id: ObjectId
    finding: Finding
    ref: RefName
    commit: CommitId | None


class FsckReport(msgspec.Struct):
    """The result of a check.

    Attributes:
        broken: the first ``MAX_REPORTED`` broken objects.
        count: the number of broken objects that refs lead to.
        past_count: the number of broken objects that only the log leads to.
        flawed: the first ``MAX_REPORTED`` flaws of tips.
        flawed_count: the number of flaws of tips.
        noticed: the first ``MAX_REPORTED`` findings about intact RRsets.
        noticed_count: the number of these findings.
        refs: the result of the ref store's check of its own file; None if it does not check it.
        stored: the number of stored objects.
        dangling: the number of objects that nothing names, by kind.
    """

    broken: list[BrokenObject] = msgspec.field(default_factory=list)
    count: int = 0
    past_count: int = 0
    flawed: list[TipFlaw] = msgspec.field(default_factory=list)
    flawed_count: int = 0
    noticed: list[ObjectFinding] = msgspec.field(default_factory=list)
    noticed_count: int = 0
    refs: CheckedStore | None = None
    stored: int = 0
    dangling: Counter[str] = msgspec.field(default_factory=Counter)

    @property
    def reached(self) -> int:
        """Return how many of the stored objects are named."""
        return self.stored - self.dangling.total()

    @property
    def is_clean(self) -> bool:
        """Return whether all objects that refs lead to are intact. Dangling ones do not count."""
        return self.count == self.flawed_count == 0 and not self.has_damaged_refs

    @property
    def has_damaged_refs(self) -> bool:
        """Return whether the ref store found damage in its own file."""
        return self.refs is not None and self.refs.count > 0
