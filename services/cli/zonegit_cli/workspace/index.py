"""The index of a workspace: the path, the commit and the fingerprint of each checked out file.

The index is untrusted input, and is validated here.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from zonegit.config import ClientSettings
from zonegit.errors import Invalid
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme
from zonegit_cli.workspace.confined_dir import FileStamp, split_path

VERSION: Final = 1
MAX_OCTETS: Final = 256 << 20
"""Octets of an index; that of a million zones has about as many."""


class SeenContent(msgspec.Struct, frozen=True):
    """The fingerprint of a file: the SHA-256 of its octets, and its stamp."""

    sha256: bytes
    stamp: FileStamp


class IndexEntry(msgspec.Struct, frozen=True):
    """A zone that was checked out.

    Args:
        zone: the zone.
        path: the path of its file.
        branch: its branch; None if it is at a tag or a commit.
        refish: the argument of the checkout, or the branch.
        commit: the commit.
        tree: the tree of the file's records when it was ``seen``; it may differ from that of
            ``commit`` by the serial only.
        seen: the fingerprint of the file; None if its records are not those of ``commit``.
        own: whether the text was written by the operator, not by a checkout.
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
        if any(part.startswith(".") for part in split_path(self.path)):
            raise Invalid(f"{self.path[:80]!r} is not the path of a zone")
        if len(self.commit) != 32 or len(self.tree) != 32:
            raise Invalid("an id does not have 32 octets")

    @property
    def shown(self) -> str:
        """Return the zone and its refish, for messages."""
        return f"{names.text(self.zone)} at {self.refish}"


class WorkspaceIndex(msgspec.Struct, frozen=True):
    """The index. ``scheme`` is the layout of all zones except those in ``particular``."""

    version: int = VERSION
    scheme: Scheme = zone_paths.DEFAULT
    particular: dict[Name, Scheme] = {}  # msgspec copies it
    entries: list[IndexEntry] = []

    def __post_init__(self) -> None:
        if not {self.scheme, *self.particular.values()} <= set(OPERATOR_SCHEMES):
            raise Invalid("unknown scheme")
        for zone in self.particular:
            names.require(zone)
        for each in ("zone", "path"):
            if len({getattr(entry, each) for entry in self.entries}) < len(self.entries):
                raise Invalid(f"two entries have the same {each}")

    def scheme_of(self, zone: Name) -> Scheme:
        """Return the scheme of a zone."""
        return self.particular.get(zone, self.scheme)

    def update_entries(
        self, changed: Iterable[IndexEntry], gone: Iterable[Name] = ()
    ) -> "WorkspaceIndex":
        """Return the index with these entries changed or added, and the entries of ``gone``
        removed; entries are sorted by zone."""
        entries = {entry.zone: entry for entry in self.entries}
        entries.update((entry.zone, entry) for entry in changed)
        for zone in gone:
            del entries[zone]
        ordered = sorted(entries.values(), key=lambda entry: names.canonical_key(entry.zone))
        return msgspec.structs.replace(self, entries=ordered)


def make_index(settings: ClientSettings, scheme: Scheme | None) -> WorkspaceIndex:
    """Return the index of a new workspace.

    Args:
        settings: the settings, which have a default scheme and the schemes of single zones.
        scheme: the scheme of all zones; None for those of the settings.

    Raises:
        Invalid: the settings name an unknown scheme.
    """
    if scheme is not None:
        return WorkspaceIndex(scheme=scheme)
    default = settings.workspace_scheme
    return WorkspaceIndex(
        scheme=_parse_scheme(default) if default is not None else zone_paths.DEFAULT,
        particular={
            names.parse(zone): _parse_scheme(text) for zone, text in settings.zone_schemes.items()
        },
    )


def _parse_scheme(text: str) -> Scheme:
    if text not in OPERATOR_SCHEMES:
        raise Invalid(
            f"the setting workspace-scheme is {text[:40]!r}",
            hint=f"{' or '.join(OPERATOR_SCHEMES)}",
        )
    return text


class _Versioned(msgspec.Struct):
    version: int


def encode(index: WorkspaceIndex) -> bytes:
    """Return the octets of the index file."""
    return msgspec.msgpack.encode(index)


def decode(octets: bytes) -> WorkspaceIndex:
    """Parse and validate the octets of an index file.

    Raises:
        Invalid: it is malformed, or has another version; says why.
    """
    if len(octets) > MAX_OCTETS:
        raise Invalid(f"it has more than {MAX_OCTETS} octets")
    try:
        version = msgspec.msgpack.decode(octets, type=_Versioned).version
        if version != VERSION:
            raise Invalid(f"unknown version {version}, expected {VERSION}")
        return msgspec.msgpack.decode(octets, type=WorkspaceIndex)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Invalid(f"it is damaged: {error}") from error
