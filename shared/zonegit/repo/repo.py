"""The context of a use case: the stores, and the operator who changes them."""

import secrets
from collections.abc import Callable

import msgspec

from zonegit.objects.codec import encode
from zonegit.objects.ids import RawObject
from zonegit.objects.model import Commit, Identity, Tag
from zonegit.store.objects import ObjectStore
from zonegit.store.ref_log import Origin
from zonegit.store.refs import RefStore
from zonegit.zone.names import Name


def _discard(_text: str) -> None:
    """Discard a note."""


class PositionDefaults(msgspec.Struct, frozen=True):
    """The zone and branch that override HEAD if a command names none.

    Attributes:
        zone: None if HEAD decides.
        branch: None if HEAD decides.
        zone_source: the setting that names the zone, for messages.
        branch_source: the setting that names the branch, for messages.
    """

    zone: Name | None = None
    branch: str | None = None
    zone_source: str = ""
    branch_source: str = ""


class HeadMemory:
    """A listener for the HEADs that a command uses and moves. This base class ignores them."""

    def note_used(self, zone: Name, branch: str) -> None:
        """Record that HEAD decided which branch the command works on."""

    def note_moved(self, zone: Name, branch: str) -> None:
        """Record where the command moved HEAD."""

    def note_removed(self) -> None:
        """Record that the command removed HEAD."""


class Repo(msgspec.Struct, frozen=True):
    """The stores, and the operator on whose behalf they are used.

    Attributes:
        actor: the operator's name in the reflog.
        now: returns the identity and time for a new commit.
        sign: returns the base64 signature of a commit's payload. None: commits are not signed.
        note: called with notes for the operator.
        default: the zone and branch that override HEAD.
        memory: is notified of the HEADs that are used and moved.
    """

    objects: ObjectStore
    refs: RefStore
    actor: str
    now: Callable[[], Identity]
    sign: Callable[[bytes], str] | None = None
    note: Callable[[str], None] = _discard
    default: PositionDefaults = PositionDefaults()
    memory: HeadMemory = HeadMemory()

    def origin(
        self,
        command: str,
        *,
        force: bool = False,
        turn: str | None = None,
        reason: str | None = None,
        operation: str | None = None,
        undoes: str | None = None,
    ) -> Origin:
        """Return the origin of one change.

        Args:
            command: the command's name, for the reflog.
            force: override the safety checks.
            turn: the id that all attempts of a change share; see :class:`Origin`.
            reason: the operator's reason; recorded in the reflog.
            operation: the operation that the change is part of; None starts a new one.
            undoes: the operation that the change takes back; None if it is not an undo.
        """
        operation = operation or make_operation_id()
        return Origin(self.actor, command, operation, force, turn, reason, undoes)

    def seal(self, value: Commit | Tag) -> RawObject:
        """Encode a new commit or tag; sign it if the operator signs."""
        raw = encode(value)
        if self.sign is None:
            return raw
        return encode(msgspec.structs.replace(value, signature=self.sign(raw.payload)))


def make_operation_id() -> str:
    """Return a new unique id for an operation."""
    return secrets.token_hex(16)
