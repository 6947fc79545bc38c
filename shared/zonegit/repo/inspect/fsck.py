"""Check the stores: every object that refs name or ever named exists, hashes to its id and has the
expected kind. Count the objects that nothing names.

For each object only its id and the first object that named it are kept in memory. The place of a
broken object is computed from these when it is reported.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects.codec import decode
from zonegit.objects.ids import CommitId, ObjectId, ObjectKind, short
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
    key_rdtype,
)
from zonegit.repo import many_zones
from zonegit.repo.inspect.store_check import check_refs
from zonegit.repo.inspect.tip_flaws import TipFlaw, find_tip_flaws
from zonegit.repo.repo import Repo
from zonegit.store.protocols import CheckedStore
from zonegit.store.ref_names import RefName
from zonegit.zone import names, sizing, spelling
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

READ_BATCH: Final = 1_024
"""Objects read together."""
MAX_REPORTED: Final = 1_000
"""Broken objects that are listed; the rest is counted."""

ExpectedObjects = tuple[ObjectKind, ...]
"""The kinds of object that are allowed in a place."""

BLOB: Final[ExpectedObjects] = ("blob",)
TREE: Final[ExpectedObjects] = ("tree",)
COMMIT: Final[ExpectedObjects] = ("commit",)
TAGGED: Final[ExpectedObjects] = ("tag", "commit")
SYMREF: Final[ExpectedObjects] = ("symref",)
DOC: Final[ExpectedObjects] = ("doc",)

_BY_SPACE: Final = {"heads": COMMIT, "tags": TAGGED, "head": SYMREF}

Namer = ObjectId | RefName
"""The object that names another one, or the ref that holds or held it."""
Link = tuple[ObjectId, ExpectedObjects]


class Broken(msgspec.Struct, frozen=True):
    """A broken object.

    Attributes:
        why: the fault.
        owner: the name at which it is in its zone.
        rdtype: its type; None for a tree, which has that name and all below it.
        commit: the commit that has it.
        ref: the ref that leads to it.
        is_past: the ref named it only in the past, according to the log.
    """

    id: ObjectId
    expected: ExpectedObjects
    why: str
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

    broken: list[Broken] = msgspec.field(default_factory=list)
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


async def check(repo: Repo, progress: Callable[[str], None] = lambda progress: None) -> FsckReport:
    """Check all objects that refs and the log lead to.

    Args:
        repo: the stores.
        progress: called with a text about the progress.

    Raises:
        Corrupt: the file of a store cannot be read.
        Unavailable: a store does not answer.
    """
    walk = _Walk(repo)
    walk.report.refs = await check_refs(repo.refs, progress)
    for named in (_iter_current(repo), _iter_logged(repo)):
        try:
            async for ref, object_id in named:
                walk.name(object_id, _BY_SPACE[ref.space], ref)
                if walk.is_long:
                    await walk.go_on(progress)
        except Corrupt:  # the objects that a damaged row names are unknown; check the others
            if not walk.report.has_damaged_refs:
                raise
        await walk.go_on(progress)
        walk.is_past = True
    await _judge_tips(repo, walk.report)
    await _count_dangling(repo, walk, progress)
    return walk.report


async def _iter_current(repo: Repo) -> AsyncIterator[tuple[RefName, ObjectId]]:
    """Yield the targets of branches and tags, and all targets that HEADs ever had, as these are
    few."""
    async for refs in many_zones.iter_zones(repo):
        for branch, tip in refs.heads.items():
            yield RefName("heads", refs.zone, branch), tip.target
        for tag, tip in refs.tags.items():
            yield RefName("tags", refs.zone, tag), tip.target
    async for ref, object_id in _iter_logged(repo):
        if ref.space == "head":
            yield ref, object_id


async def _iter_logged(repo: Repo) -> AsyncIterator[tuple[RefName, ObjectId]]:
    """Yield all targets that refs ever had; undo and ``@{}`` can name them."""
    epoch, sequence = (await repo.refs.since("", 0)).epoch, 0
    while True:
        since = await repo.refs.since(epoch, sequence)
        for entry in since.entries:
            for object_id in (entry.new, entry.old):
                if object_id is not None and entry.ref.space in _BY_SPACE:
                    yield entry.ref, object_id
        if not since.entries or since.entries[-1].sequence >= since.sequence:
            return
        sequence = since.entries[-1].sequence


async def _judge_tips(repo: Repo, report: FsckReport) -> None:
    """Add the flaws of tips to a report, except those of objects that it has already."""
    known = {broken.id.hex() for broken in report.broken}
    async for flawed in find_tip_flaws(repo):
        if flawed.object in known:
            continue
        report.flawed_count += 1
        if len(report.flawed) < MAX_REPORTED:
            report.flawed.append(flawed)


class _Walk:
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
        self._read_so_far = 0
        self.is_past = False
        self.report = FsckReport()

    @property
    def is_long(self) -> bool:
        """Return whether a full batch of objects is waiting."""
        return len(self._waiting) >= READ_BATCH

    def name(self, object_id: ObjectId, expected: ExpectedObjects, namer: Namer) -> None:
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

    async def go_on(self, progress: Callable[[str], None]) -> None:
        """Read all waiting objects, and those that they lead to. The last named are read first, so
        that few are waiting."""
        while self._waiting:
            taken = self._waiting[-READ_BATCH:]
            del self._waiting[-READ_BATCH:]
            found = await self._read(taken)
            for object_id, expected in taken:
                value = found.get(object_id)
                if value is not None:
                    await self._take(object_id, expected, *value)
            self._read_so_far += len(found)
            progress(f"{self._read_so_far:,} objects read, {self.report.count:,} broken")

    async def _take(
        self, object_id: ObjectId, expected: ExpectedObjects, kind: ObjectKind, value: Object
    ) -> None:
        if kind not in expected:
            await self._tell(object_id, expected, f"it is a {kind}")
            return
        if isinstance(value, Blob):
            await self._notice(object_id, expected, value.rrset)
        for linked, of_kind in _links(value):
            self.name(linked, of_kind, object_id)

    async def _notice(self, object_id: ObjectId, expected: ExpectedObjects, value: RRset) -> None:
        """Add the findings about an intact RRset to the report."""
        for finding in (*spelling.find_twins(value), *sizing.find_too_large(value)):
            self.report.noticed_count += 1
            if len(self.report.noticed) < MAX_REPORTED:
                placed = await self._placed(object_id, expected, finding.message)
                self.report.noticed.append(
                    ObjectFinding(object_id, finding, placed.ref, placed.commit)
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
                    await self._tell(object_id, expected[object_id], "it is missing")
                left -= absent
            except Corrupt as error:
                object_id = _find_blamed(error, left)
                await self._tell(object_id, expected[object_id], "it is corrupt")
                left.discard(object_id)
        return found

    async def _tell(self, object_id: ObjectId, expected: ExpectedObjects, why: str) -> None:
        self.report.past_count += self.is_past
        self.report.count += not self.is_past
        if len(self.report.broken) < MAX_REPORTED:
            self.report.broken.append(await self._placed(object_id, expected, why))

    async def _placed(self, object_id: ObjectId, expected: ExpectedObjects, why: str) -> Broken:
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
                        rdtype = _rdtype(key)
            at, namer = namer, self._namer(namer)
        in_zone = expected in (BLOB, TREE) and commit is not None and namer.zone is not None
        owner = _below(namer.zone, labels) if in_zone and namer.zone is not None else None
        return Broken(object_id, expected, why, namer, commit, owner, rdtype, self.is_past)

    def _namer(self, object_id: ObjectId) -> Namer:
        """Return the first object or ref that named an object."""
        return next(known[object_id] for known in self._named.values() if object_id in known)


def _links(value: Object) -> Iterator[Link]:
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


def _rdtype(key: EntryKey) -> int | None:
    with suppress(Invalid):  # an unknown mnemonic
        return key_rdtype(key)
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


def _below(zone: Name, labels: Sequence[bytes]) -> Name | None:
    """Return the name of labels below a zone, the last label first; None if it is too long."""
    with suppress(Invalid):
        return names.below(zone, tuple(reversed(labels)))
    return None


async def _count_dangling(repo: Repo, walk: _Walk, progress: Callable[[str], None]) -> None:
    after: ObjectId | None = None
    while page := await repo.objects.listed(after):
        for object_id, kind in page:
            if not walk.has(object_id):
                walk.report.dangling[kind] += 1
        walk.report.stored += len(page)
        after = page[-1][0]
        progress(f"{walk.report.stored:,} objects listed, to {short(after)}")
