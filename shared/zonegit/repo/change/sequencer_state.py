"""The state of a merge, cherry-pick or revert that stopped at conflicts, as a file.

There is one file for each branch of each installation, on the operator's own machine: the stores do
not know of the operation before it is committed. The file is validated like any other input. See
``sequencer`` for how it is used.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from zonegit.errors import Invalid, NotFound, Unavailable
from zonegit.files import replace_file
from zonegit.merge import conflicts
from zonegit.merge.conflicts import Clash, Decision, Side
from zonegit.objects.ids import CommitId, ObjectId, from_hex
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import format_key

FOLDER: Final = "unfinished"
MAX_OCTETS: Final = 1 << 24
"""Octets of one file, about fifty thousand conflicts."""

_ABSENT: Final = (FileNotFoundError, NotADirectoryError)
_ALL_HINT: Final = "resolve all of them at once: --ours or --theirs with the REFISH"

CommandName = Literal["merge", "cherry-pick", "revert"]
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class BranchKey(msgspec.Struct, frozen=True):
    """A branch of one operator in one installation, which the epoch of the ref store identifies."""

    epoch: str
    actor: str
    zone: str
    branch: str

    def find_file(self, state_folder: Path) -> Path:
        """Return the path of the state of this branch; ``state_folder`` is that of the operator."""
        return state_folder / FOLDER / f"{sha256(msgspec.json.encode(self)).hexdigest()}.json"


class RequestedOperation(msgspec.Struct, frozen=True):
    """The command as the operator started it.

    Args:
        command: the command's name.
        refish: the argument, as it was typed.
        commit: the commit that it resolved to.
        mainline: the value of ``-m``.
        message: the message of the commit to be made.
    """

    command: CommandName = msgspec.field(name="what")
    refish: str
    commit: Hex
    mainline: Literal[1, 2] | None
    message: str

    @property
    def commit_id(self) -> CommitId:
        """Return the commit that ``refish`` resolved to when the command was started."""
        return CommitId(from_hex(self.commit))


class StoredConflict(msgspec.Struct, frozen=True):
    """An RRset that clashed.

    Args:
        name: its owner.
        type: its type.
        ours: fingerprint of the content of this branch that the operator saw; None if absent.
        theirs: fingerprint of the other content; None if absent.
        side: the side that was chosen; None if none was chosen yet.
    """

    name: str
    type: str
    ours: Hex | None
    theirs: Hex | None
    side: Side | None = None

    @property
    def key(self) -> tuple[Name, int]:
        """Return owner and type.

        Raises:
            Invalid: one of them cannot be parsed.
        """
        return names.parse(self.name), rrtypes.from_text(self.type)

    def make_decision(self) -> Decision | None:
        """Return the decision for the merge; None if no side was chosen."""
        if self.side is None:
            return None
        return Decision(*self.key, self.side, _parse_id(self.ours), _parse_id(self.theirs))


class SequencerState(msgspec.Struct, frozen=True):
    """The content of the file; ``clashes`` are in the order in which they were listed."""

    key: BranchKey = msgspec.field(name="place")
    request: RequestedOperation = msgspec.field(name="begun")
    clashes: list[StoredConflict] = []
    version: Literal[1] = 1

    @property
    def undecided(self) -> list[StoredConflict]:
        """Return the conflicts for which no side was chosen."""
        return [each for each in self.clashes if each.side is None]

    def make_decisions(self) -> list[Decision]:
        """Return the decisions for the conflicts for which a side was chosen."""
        decisions = (each.make_decision() for each in self.clashes)
        return [each for each in decisions if each is not None]

    def decide(self, side: Side, key: tuple[Name, int] | None) -> "SequencerState":
        """Return the state with a side chosen.

        Args:
            side: the side.
            key: the RRset; None for all for which no side was chosen.

        Raises:
            NotFound: the RRset is not a conflict.
        """
        chosen = [each for each in self.clashes if each.key == key] if key else self.undecided
        if key and not chosen:
            raise NotFound(
                f"{format_key(*key)} is not a conflict of this {self.request.command}",
                hint=f"list the conflicts that are left: zonegit {self.request.command} --continue",
            )
        return self._replace_conflicts(
            [msgspec.structs.replace(each, side=side) for each in chosen]
        )

    def add_conflicts(self, clashes: Iterable[Clash]) -> "SequencerState":
        """Return the state after an attempt that stopped at ``clashes``. Their sides have to be
        chosen, even if sides were chosen for earlier content of the same RRsets."""
        return self._replace_conflicts([_make_conflict(each) for each in clashes])

    def _replace_conflicts(self, changed: Sequence[StoredConflict]) -> "SequencerState":
        known = {each.key: each for each in self.clashes} | {each.key: each for each in changed}
        return msgspec.structs.replace(self, clashes=list(known.values()))


def _make_conflict(clash: Clash) -> StoredConflict:
    ours, theirs = (conflicts.fingerprint(side) for side in (clash.ours, clash.theirs))
    owner, rdtype = names.text(clash.owner), rrtypes.to_text(clash.rdtype)
    return StoredConflict(owner, rdtype, _format_id(ours), _format_id(theirs))


def _format_id(known: ObjectId | None) -> str | None:
    return known.hex() if known is not None else None


def _parse_id(text: str | None) -> ObjectId | None:
    return from_hex(text) if text is not None else None


def read(state_folder: Path, key: BranchKey) -> SequencerState | None:
    """Return the state of a branch; None if no operation is in progress.

    Raises:
        Invalid: :func:`write` did not write this file; names it.
    """
    file = key.find_file(state_folder)
    try:
        with file.open("rb") as opened:
            octets = opened.read(MAX_OCTETS + 1)
    except _ABSENT:
        return None
    try:
        if len(octets) > MAX_OCTETS:
            raise ValueError(f"it is longer than {MAX_OCTETS} octets")
        found = msgspec.json.decode(octets, type=SequencerState)
        if found.key != key:
            raise ValueError("it is the state of another branch")
        found.make_decisions()
    except (ValueError, RecursionError, Invalid) as error:
        raise Invalid(
            f"cannot read the operation in progress from {file}: {error}",
            hint="zonegit merge --abort removes the file; the branch did not move",
        ) from error
    return found


def write(state_folder: Path, state: SequencerState) -> None:
    """Write the state atomically, readable by its owner only.

    Raises:
        Invalid: it exceeds ``MAX_OCTETS``.
        Unavailable: it cannot be written.
    """
    octets = msgspec.json.format(msgspec.json.encode(state))
    if len(octets) > MAX_OCTETS:
        raise Invalid(
            f"{len(state.clashes)} conflicts are too many to resolve one by one", hint=_ALL_HINT
        )
    file = state.key.find_file(state_folder)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, octets)
    except OSError as error:
        raise Unavailable(
            f"cannot save the operation in {file.parent}: {error.strerror}", hint=_ALL_HINT
        ) from error


def remove(state_folder: Path, key: BranchKey) -> bool:
    """Remove the state of a branch; return whether there was one."""
    try:
        key.find_file(state_folder).unlink()
    except _ABSENT:
        return False
    return True
