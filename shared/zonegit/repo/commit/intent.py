"""The purpose of a commit, and the treatment of a lost race."""

from enum import Enum

import msgspec

from zonegit.objects.model import Identity
from zonegit.repo.repo import Repo
from zonegit.store.ref_log import Origin


class OnConflict(Enum):
    """The treatment of a change that lost a race."""

    REBASE_IF_DISJOINT = "plan it again, unless the other change touched what this one relies on"
    REBASE = "plan the change again on the new tip"
    FAIL = "fail: the change is meant for this tip only"


class Intent(msgspec.Struct, frozen=True):
    """The purpose of a commit.

    Attributes:
        message: the commit message.
        command: the command's name, for the reflog.
        force: override the safety checks.
        imports: the change is a whole zone from outside, so it may replace a signed one.
        on_conflict: what to do if another change came first.
        dry_run: store and move nothing.
        reason: the operator's reason; None if none was given.
        operation: the operation that this is part of; None starts a new one.
        undoes: the operation that this takes back; None if it is not an undo.
        author: the author of the change; None for the committer.
        strict: a finding of severity ``warning`` is an error, before anything is stored.
        registers: the operation registers the zone before it moves the branch.
        respell: store another spelling of records that exist.
    """

    message: str
    command: str
    force: bool = False
    imports: bool = False
    on_conflict: OnConflict = OnConflict.REBASE_IF_DISJOINT
    dry_run: bool = False
    reason: str | None = None
    operation: str | None = None
    undoes: str | None = None
    author: Identity | None = None
    strict: bool = False
    registers: bool = False
    respell: bool = False

    def origin(self, repo: Repo, turn: str | None = None) -> Origin:
        """Return the origin of a move for this intent."""
        return repo.origin(
            self.command,
            force=self.force,
            turn=turn,
            reason=self.reason,
            operation=self.operation,
            undoes=self.undoes,
        )
