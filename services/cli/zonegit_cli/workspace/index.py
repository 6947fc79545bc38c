"""What was checked out: of each zone where it lies, which commit it came from, and what its file
was like then. Everything read from a workspace is hostile until it is checked here.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile.zone_paths import DEFAULT, OFFERED, Scheme
from zonegit_cli.workspace.confined_dir import FileStamp, components

VERSION: Final = 1
MAX_OCTETS: Final = 256 << 20
"""Of an index: a million zones take about as many."""


class SeenContent(msgspec.Struct, frozen=True):
    """Octets that a file had, by their SHA-256, and its stamp then."""

    sha256: bytes
    stamp: FileStamp


class IndexEntry(msgspec.Struct, frozen=True):
    """A zone that was checked out.

    ``branch`` None: it is at a tag or commit, and no branch's; ``refish`` is how the operator named
    that, or the branch. ``tree`` is the zone that the file held when it was ``seen``, which is that
    of ``commit`` but perhaps for the serial. ``seen`` None: the file holds something else than
    ``commit``. ``own``: its text is the operator's, not ours.
    """

    zone: Name
    path: str
    branch: str | None
    refish: str
    commit: CommitId
    tree: ObjectId
    seen: SeenContent | None
    own: bool = False

    def __post_init__(self) -> None:
        names.require(self.zone)
        if any(part.startswith(".") for part in components(self.path)):
            raise Invalid(f"{self.path[:80]!r} is no path of a zone")
        if len(self.commit) != 32 or len(self.tree) != 32:
            raise Invalid("an id is not one")

    @property
    def shown(self) -> str:
        """The zone, and where it is from."""
        return f"{names.text(self.zone)} at {self.refish}"


class WorkspaceIndex(msgspec.Struct, frozen=True):
    """All of a workspace. ``scheme`` is that of its zones, but for those in ``particular``."""

    version: int = VERSION
    scheme: Scheme = DEFAULT
    particular: dict[Name, Scheme] = {}  # msgspec copies it
    entries: list[IndexEntry] = []

    def __post_init__(self) -> None:
        if not {self.scheme, *self.particular.values()} <= set(OFFERED):
            raise Invalid("its scheme is not one for a workspace")
        for zone in self.particular:
            names.require(zone)
        for each in ("zone", "path"):
            if len({getattr(entry, each) for entry in self.entries}) < len(self.entries):
                raise Invalid(f"two entries have the same {each}")

    def scheme_of(self, zone: Name) -> Scheme:
        """How a zone lies in this workspace."""
        return self.particular.get(zone, self.scheme)

    def updated(self, changed: Iterable[IndexEntry], gone: Iterable[Name] = ()) -> "WorkspaceIndex":
        """With these entries instead of those of the same zones, in the order of zones."""
        entries = {entry.zone: entry for entry in self.entries}
        entries.update((entry.zone, entry) for entry in changed)
        for zone in gone:
            del entries[zone]
        ordered = sorted(entries.values(), key=lambda entry: names.canonical_key(entry.zone))
        return msgspec.structs.replace(self, entries=ordered)


class _Versioned(msgspec.Struct):
    version: int


def encode(index: WorkspaceIndex) -> bytes:
    """The octets of an index's file."""
    return msgspec.msgpack.encode(index)


def decode(octets: bytes) -> WorkspaceIndex:
    """Raises:
    Invalid: it is no index, or one of another version; says what is wrong.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"it has more than {MAX_OCTETS} octets")
    try:
        version = msgspec.msgpack.decode(octets, type=_Versioned).version
        if version != VERSION:
            raise Invalid(f"it is of version {version}, and this zonegit knows {VERSION}")
        return msgspec.msgpack.decode(octets, type=WorkspaceIndex)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(f"it is damaged: {error}") from error
