"""Stored commits and tags as JSON, as ``log``, ``show`` and ``tag`` list them."""

from collections.abc import Iterable, Sequence

from msgspec import UNSET, UnsetType

from zonegit.objects.ids import CommitId
from zonegit.objects.model import Commit, Tag
from zonegit.repo.change.tags import ListedTag
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.inspect.approvals import Approval
from zonegit.repo.inspect.log import Label
from zonegit.views.diff import ChangeDocument, make_changes
from zonegit.views.document import Document
from zonegit.views.identity import IdentityDocument, make_identity
from zonegit.zone import names
from zonegit.zone.names import Name


class ApprovalDocument(Document, kw_only=True):
    """The approval of a proposal: the operator who approved it, the time in seconds since 1970,
    and the operation."""

    actor: str
    time: float
    operation: str


class StoredCommitDocument(Document, kw_only=True):
    """A commit, and the branches and tags that point at it. ``approver`` is the approval with which
    it came to the branch, null if there is none; ``changes`` are the RRsets that differ from its
    first parent; the key is absent if they were not asked for."""

    commit: str
    tree: str
    parents: list[str]
    author: IdentityDocument
    committer: IdentityDocument
    message: str
    branches: list[str]
    tags: list[str]
    signed: bool
    approver: ApprovalDocument | None
    changes: list[ChangeDocument] | UnsetType = UNSET


class TagDocument(Document, kw_only=True):
    """A tag that names a commit; ``signature`` is its verification, null if it is not signed."""

    name: str
    tagger: IdentityDocument
    message: str
    signature: str | None


class ShownCommitDocument(StoredCommitDocument, kw_only=True):
    """A commit in detail. ``serial`` is that of its SOA, ``signature`` the verification of its
    signature, null if it is not signed; ``tag`` is present if it was named by a tag with a
    message."""

    zone: str
    serial: int | None
    signature: str | None
    tag: TagDocument | UnsetType = UNSET


class ListedTagDocument(Document, kw_only=True):
    """A tag in a list. ``tagger`` and ``message`` are null for a tag without a message."""

    commit: str
    subject: str
    tagger: IdentityDocument | None
    message: str | None
    signed: bool


class TagsDocument(Document, kw_only=True):
    """The tags of a zone, by name."""

    zone: str
    tags: dict[str, ListedTagDocument]


def make_commit(
    commit_id: CommitId,
    commit: Commit,
    labels: Sequence[Label] = (),
    deltas: Iterable[RRsetDelta] | None = None,
    approval: Approval | None = None,
) -> StoredCommitDocument:
    """Return a commit.

    Args:
        commit_id: its id.
        commit: the commit.
        labels: the branches and tags that point at it.
        deltas: its changes relative to its first parent; None to leave them out.
        approval: the approval with which it came to the branch; None if there is none.
    """
    return StoredCommitDocument(
        commit=commit_id.hex(),
        tree=commit.tree.hex(),
        parents=[parent.hex() for parent in commit.parents],
        author=make_identity(commit.author),
        committer=make_identity(commit.committer),
        message=commit.message,
        branches=[label.name for label in labels if label.kind == "branch"],
        tags=[label.name for label in labels if label.kind == "tag"],
        signed=bool(commit.signature),
        approver=_make_approval(approval) if approval is not None else None,
        changes=UNSET if deltas is None else make_changes(deltas),
    )


def _make_approval(approval: Approval) -> ApprovalDocument:
    return ApprovalDocument(actor=approval.actor, time=approval.time, operation=approval.operation)


def make_tag(tag: Tag, signature: str | None) -> TagDocument:
    """Return a tag with the verification of its signature."""
    return TagDocument(
        name=tag.name, tagger=make_identity(tag.tagger), message=tag.message, signature=signature
    )


def make_tags(zone: Name, tags: Iterable[ListedTag]) -> TagsDocument:
    """Return the tags of a zone."""
    return TagsDocument(
        zone=names.text(zone), tags={each.name: _make_listed_tag(each) for each in tags}
    )


def _make_listed_tag(each: ListedTag) -> ListedTagDocument:
    tag = each.tag
    return ListedTagDocument(
        commit=each.commit.hex(),
        subject=each.subject,
        tagger=make_identity(tag.tagger) if tag is not None else None,
        message=tag.message if tag is not None else None,
        signed=tag is not None and tag.signature is not None,
    )
