"""What two commits made of one, put together: the changes, or the RRsets somebody has to decide."""

from collections.abc import Iterable, Sequence

import msgspec

from zonegit.merge import zonemerge
from zonegit.merge.conflicts import Clash, Reason
from zonegit.objects.ids import ObjectId
from zonegit.repo import browse
from zonegit.repo.drafts import Planned
from zonegit.repo.edits import Changes
from zonegit.store.reading import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, sort_key


class Clashed(msgspec.Struct, frozen=True):
    """One RRset that both sides changed. ``base``, ``ours`` and ``theirs`` None: not there;
    ``detail`` is the rule that both together would break, None: none."""

    owner: Name
    rdtype: int
    reason: Reason
    base: RRset | None
    ours: RRset | None
    theirs: RRset | None
    detail: str | None = None


class Conflicted(msgspec.Struct, frozen=True):
    """Nothing moved: somebody has to decide about these RRsets first."""

    zone: Name
    branch: str
    clashes: Sequence[Clashed]


class Clashing(Exception):
    """A plan cannot go on; for whoever carries it out (``commits``), never for a user."""

    def __init__(self, clashes: Sequence[Clashed]) -> None:
        super().__init__()
        self.clashes = clashes


async def merged(
    reader: Reader, base: ObjectId | None, ours: ObjectId, theirs: ObjectId, apex: Name
) -> Planned:
    """What to change in tree ``ours`` so that it has what ``theirs`` changed since ``base``.

    Raises:
        Clashing: both changed the same RRsets.
    """
    found = await reader.answer(zonemerge.merge(base, ours, theirs, apex))
    if found.clashes:
        raise Clashing(await _valued(reader, found.clashes, apex))
    blobs = await browse.rrsets(reader, {blob for blob in found.changes.values() if blob})
    changes: Changes = {
        (names.below(apex, path), rdtype): blobs[blob] if blob is not None else None
        for (path, rdtype), blob in found.changes.items()
    }
    if found.soa is not None:
        changes[apex, rrtypes.SOA] = found.soa
    added = {(names.below(apex, path), rdtype) for path, rdtype in found.added}
    return Planned(changes, added)


async def _valued(reader: Reader, clashes: Iterable[Clash], apex: Name) -> list[Clashed]:
    sides = [(clash.base, clash.ours, clash.theirs) for clash in clashes]
    values = await browse.rrsets(reader, {blob for three in sides for blob in three if blob})

    def value(blob: ObjectId | None) -> RRset | None:
        return values[blob] if blob is not None else None

    found = [
        Clashed(
            names.below(apex, clash.path), clash.rdtype, clash.reason,
            value(clash.base), value(clash.ours), value(clash.theirs), clash.detail,
        )
        for clash in clashes
    ]  # fmt: skip
    return sorted(found, key=lambda each: sort_key(each.owner, each.rdtype))
