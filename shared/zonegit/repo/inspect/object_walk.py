"""Walk over all objects that refs lead to, and report the broken ones.

For each object only its id and the first object that named it are kept in memory. The place of a
broken object is computed from these when it is reported.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Final

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects.codec import decode
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind
from zonegit.objects.model import (
    SUBTREE,
    Blob,
    Commit,
    Doc,
    EntryKey,
    Index,
    Object,
    Tag,
    Tree,
    parse_rrset_key,
)
from zonegit.repo.inspect.fsck_report import (
    MAX_REPORTED,
    BrokenObject,
    ExpectedObjects,
    FsckReport,
    ObjectFinding,
)
from zonegit.repo.repo import Repo
from zonegit.store.ref_names import RefName
from zonegit.zone import names, sizing, spelling
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

READ_BATCH: Final = 1_024
"""Objects read together."""

BLOB: Final[ExpectedObjects] = ("blob",)
TREE: Final[ExpectedObjects] = ("tree",)
COMMIT: Final[ExpectedObjects] = ("commit",)
TAGGED: Final[ExpectedObjects] = ("tag", "commit")
SYMREF: Final[ExpectedObjects] = ("symref",)
DOC: Final[ExpectedObjects] = ("doc",)

EXPECTED_BY_SPACE: Final = {"heads": COMMIT, "tags": TAGGED, "head": SYMREF, "serving": DOC}

Namer = ObjectId | RefName
"""The object that names another one, or the ref that holds or held it."""
Link = tuple[ObjectId, ExpectedObjects]


class ObjectWalk:
    """The objects reached so far.

    Each id is recorded by its expected kinds, with the object or ref that named it first.

    Attributes:
        is_past: the objects named from now on are named only by the log.
    """

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._named: dict[ExpectedObjects, dict[ObjectId, Namer]] = {}
        self._waiting: list[Link] = []
        self._refs: dict[RefName, RefName] = {}
        self._read_count = 0
        self.is_past = False
        self.report = FsckReport()

    @property
    def has_batch(self) -> bool:
        """Return whether a full batch of objects is waiting."""
        return len(self._waiting) >= READ_BATCH

    def add(self, object_id: ObjectId, expected: ExpectedObjects, namer: Namer) -> None:
        """Record that an object is named, with the kinds that are expected there."""
        known = self._named.setdefault(expected, {})
        if object_id not in known:
            if isinstance(namer, RefName):
                namer = self._refs.setdefault(namer, namer)  # keep one copy of equal names
            known[object_id] = namer
            self._waiting.append((object_id, expected))

    def has(self, object_id: ObjectId) -> bool:
        """Return whether an object or ref names the object."""
        return any(object_id in known for known in self._named.values())

    async def read_waiting(self, progress: Callable[[str], None]) -> None:
        """Read all waiting objects, and those that they lead to. The last named are read first, so
        that few are waiting."""
        while self._waiting:
            taken = self._waiting[-READ_BATCH:]
            del self._waiting[-READ_BATCH:]
            found = await self._read(taken)
            for object_id, expected in taken:
                value = found.get(object_id)
                if value is not None:
                    await self._add_links(object_id, expected, *value)
            self._read_count += len(found)
            progress(f"{self._read_count:,} objects read, {self.report.count:,} broken")

    async def _add_links(
        self, object_id: ObjectId, expected: ExpectedObjects, kind: ObjectKind, value: Object
    ) -> None:
        if kind not in expected:
            await self._report_broken(object_id, expected, f"it is a {kind}")
            return
        if isinstance(value, Blob):
            await self._add_findings(object_id, expected, value.rrset)
        for linked, of_kind in _iter_links(value):
            self.add(linked, of_kind, object_id)

    async def _add_findings(
        self, object_id: ObjectId, expected: ExpectedObjects, value: RRset
    ) -> None:
        """Add the findings about an intact RRset to the report."""
        for finding in (*spelling.find_twins(value), *sizing.find_too_large(value)):
            self.report.noticed_count += 1
            if len(self.report.noticed) < MAX_REPORTED:
                located = await self._locate(object_id, expected, finding.message)
                self.report.noticed.append(
                    ObjectFinding(object_id, finding, located.ref, located.commit)
                )

    async def _read(self, taken: Sequence[Link]) -> dict[ObjectId, tuple[ObjectKind, Object]]:
        """Return the objects that exist and are intact; report the others."""
        expected = dict(taken)
        left = set(expected)
        found: dict[ObjectId, tuple[ObjectKind, Object]] = {}
        while left:
            try:
                for raw in (await self._repo.objects.get(left)).values():
                    found[raw.id] = (raw.kind, decode(raw))
                    left.discard(raw.id)
            except NotFound:
                absent = await self._repo.objects.missing(left)
                for object_id in absent:
                    await self._report_broken(object_id, expected[object_id], "it is missing")
                left -= absent
            except Corrupt as error:
                object_id = _find_blamed(error, left)
                await self._report_broken(object_id, expected[object_id], "it is corrupt")
                left.discard(object_id)
        return found

    async def _report_broken(
        self, object_id: ObjectId, expected: ExpectedObjects, fault: str
    ) -> None:
        self.report.past_count += self.is_past
        self.report.count += not self.is_past
        if len(self.report.broken) < MAX_REPORTED:
            self.report.broken.append(await self._locate(object_id, expected, fault))

    async def _locate(
        self, object_id: ObjectId, expected: ExpectedObjects, fault: str
    ) -> BrokenObject:
        """Find the place of an object: follow the objects that named each other back to a ref."""
        labels: list[bytes] = []
        rdtype: int | None = None
        commit: CommitId | None = None
        at, namer = object_id, self._named[expected][object_id]
        while not isinstance(namer, RefName):
            if commit is None:
                value = decode((await self._repo.objects.get([namer]))[namer])
                if isinstance(value, Commit):
                    commit = CommitId(namer)
                elif isinstance(value, Tree):
                    key = next(key for key, below in value.entries.items() if below == at)
                    if key[0] == SUBTREE:
                        labels.append(key[1:])
                    else:
                        rdtype = _find_rdtype(key)
            at, namer = namer, self._get_namer(namer)
        in_zone = expected in (BLOB, TREE) and commit is not None and namer.zone is not None
        owner = _make_owner(namer.zone, labels) if in_zone and namer.zone is not None else None
        return BrokenObject(object_id, expected, fault, namer, commit, owner, rdtype, self.is_past)

    def _get_namer(self, object_id: ObjectId) -> Namer:
        """Return the first object or ref that named an object."""
        return next(known[object_id] for known in self._named.values() if object_id in known)


def _iter_links(value: Object) -> Iterator[Link]:
    """Yield the objects that an object names, with their expected kinds."""
    match value:
        case Tree(entries):
            for key, below in entries.items():
                yield below, TREE if key[0] == SUBTREE else BLOB
        case Index(_, rows):
            for row in rows:
                yield row.id, TREE
        case Commit():
            yield from ((parent, COMMIT) for parent in value.parents)
            yield value.tree, TREE
        case Tag():
            yield value.target, COMMIT
        case Doc():
            parent = value.fields.get("parent")
            if isinstance(parent, bytes):
                yield ObjectId(parent), DOC
        case _:
            return


def _find_rdtype(key: EntryKey) -> int | None:
    with suppress(Invalid):  # an unknown mnemonic
        return parse_rrset_key(key)
    return None


def _find_blamed(error: Corrupt, among: Collection[ObjectId]) -> ObjectId:
    """Return the object that an error is about.

    Raises:
        Corrupt: the error is about none of ``among``, so it concerns the whole store.
    """
    object_id = ObjectId(bytes.fromhex(error.details.get("object", "")))
    if object_id not in among:
        raise error
    return object_id


def _make_owner(zone: Name, labels: Sequence[bytes]) -> Name | None:
    """Return the name of labels below a zone, the last label first; None if it is too long."""
    with suppress(Invalid):
        return names.below(zone, tuple(reversed(labels)))
    return None
