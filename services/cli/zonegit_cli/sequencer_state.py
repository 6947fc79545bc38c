"""What a merge, a cherry-pick or a revert that stopped at clashes left: what was begun, and what
was decided since.

Kept on the operator's own machine, one small file for each branch of each installation: the stores
hear of nothing until it is committed. Whoever reads the file trusts it no more than any other.
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
from zonegit.zone.rrset import title

FOLDER: Final = "unfinished"
MAX_OCTETS: Final = 1 << 24
"""Of one file: some fifty thousand clashes."""

_ABSENT: Final = (FileNotFoundError, NotADirectoryError)
_AT_ONCE: Final = "--ours or --theirs after the REFISH decides all of them"

What = Literal["merge", "cherry-pick", "revert"]
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class BranchKey(msgspec.Struct, frozen=True):
    """A branch of an installation, which the refs' epoch tells from others, as one operator's."""

    epoch: str
    actor: str
    zone: str
    branch: str

    def file(self, home: Path) -> Path:
        """Where it is kept below ``home``: under a name that no other place has."""
        return home / FOLDER / f"{sha256(msgspec.json.encode(self)).hexdigest()}.json"


class RequestedOperation(msgspec.Struct, frozen=True):
    """What the operator asked for: ``refish`` in their words, ``mainline`` as ``-m`` said it."""

    what: What
    refish: str
    commit: Hex
    mainline: Literal[1, 2] | None
    message: str

    @property
    def commit_id(self) -> CommitId:
        """The commit that ``refish`` was when it was begun."""
        return CommitId(from_hex(self.commit))


class Open(msgspec.Struct, frozen=True):
    """An RRset that clashed: fingerprints of what both sides held, as the operator was shown it,
    and which side was chosen, None: neither yet."""

    name: str
    type: str
    ours: Hex | None
    theirs: Hex | None
    side: Side | None = None

    @property
    def key(self) -> tuple[Name, int]:
        """Owner and type.

        Raises:
            Invalid: they are none.
        """
        return names.parse(self.name), rrtypes.from_text(self.type)

    def decision(self) -> Decision | None:
        """What is decided of it."""
        if self.side is None:
            return None
        return Decision(*self.key, self.side, _id(self.ours), _id(self.theirs))


class SequencerState(msgspec.Struct, frozen=True):
    """All that is kept. ``clashes`` are in the order in which they were listed."""

    place: BranchKey
    begun: RequestedOperation
    clashes: list[Open] = []
    version: Literal[1] = 1

    @property
    def left(self) -> list[Open]:
        """Those that nobody has decided."""
        return [each for each in self.clashes if each.side is None]

    def decisions(self) -> list[Decision]:
        """Those that somebody has."""
        made = (each.decision() for each in self.clashes)
        return [each for each in made if each is not None]

    def decide(self, side: Side, key: tuple[Name, int] | None) -> "SequencerState":
        """With a side chosen for one RRset, or (None) for all that are left.

        Raises:
            NotFound: it does not clash.
        """
        chosen = [each for each in self.clashes if each.key == key] if key else self.left
        if key and not chosen:
            raise NotFound(
                f"{title(*key)} is no conflict of this {self.begun.what}",
                hint=f"zonegit {self.begun.what} --continue lists those that are left",
            )
        return self._with([msgspec.structs.replace(each, side=side) for each in chosen])

    def stopped(self, clashes: Iterable[Clash]) -> "SequencerState":
        """With what clashes now: that is left to decide, whatever was decided of other content."""
        return self._with([_open(each) for each in clashes])

    def _with(self, changed: Sequence[Open]) -> "SequencerState":
        known = {each.key: each for each in self.clashes} | {each.key: each for each in changed}
        return msgspec.structs.replace(self, clashes=list(known.values()))


def _open(clash: Clash) -> Open:
    ours, theirs = (conflicts.fingerprint(side) for side in (clash.ours, clash.theirs))
    return Open(names.text(clash.owner), rrtypes.to_text(clash.rdtype), _hex(ours), _hex(theirs))


def _hex(known: ObjectId | None) -> str | None:
    return known.hex() if known is not None else None


def _id(text: str | None) -> ObjectId | None:
    return from_hex(text) if text is not None else None


def read(home: Path, place: BranchKey) -> SequencerState | None:
    """What is unfinished at a place, None: nothing.

    Raises:
        Invalid: the file there is not one that :func:`write` wrote; names it.
    """
    file = place.file(home)
    try:
        with file.open("rb") as opened:
            octets = opened.read(MAX_OCTETS + 1)
    except _ABSENT:
        return None
    try:
        if len(octets) > MAX_OCTETS:
            raise ValueError(f"it is longer than {MAX_OCTETS} octets")
        found = msgspec.json.decode(octets, type=SequencerState)
        if found.place != place:
            raise ValueError("it is about another branch")
        found.decisions()
    except (ValueError, RecursionError, Invalid) as error:
        raise Invalid(
            f"{file} does not tell what is unfinished: {error}",
            hint="zonegit merge --abort removes it; nothing has moved",
        ) from error
    return found


def write(home: Path, state: SequencerState) -> None:
    """Keeps it, as a whole or not at all, for its owner's eyes only.

    Raises:
        Invalid: it is too much to be kept.
        Unavailable: there is nowhere to keep it.
    """
    octets = msgspec.json.format(msgspec.json.encode(state))
    if len(octets) > MAX_OCTETS:
        raise Invalid(
            f"{len(state.clashes)} conflicts are too many to decide one by one", hint=_AT_ONCE
        )
    file = state.place.file(home)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(file, octets)
    except OSError as error:
        raise Unavailable(
            f"what is unfinished cannot be kept in {file.parent}: {error.strerror}", hint=_AT_ONCE
        ) from error


def remove(home: Path, place: BranchKey) -> bool:
    """Forgets it; whether there was anything."""
    try:
        place.file(home).unlink()
    except _ABSENT:
        return False
    return True
