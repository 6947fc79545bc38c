"""Read RRsets and whole zones of a commit."""

from collections.abc import Collection

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects import zone_tree
from zonegit.objects.ids import CommitId, ObjectId, short
from zonegit.objects.model import Blob, Commit, Tag, subject
from zonegit.objects.walk import Walk
from zonegit.store.reader import Reader
from zonegit.zone import names, spelling
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, RRsets, format_key


async def read_commit(reader: Reader, commit: CommitId) -> Commit:
    """Read a commit.

    Raises:
        Invalid: the object is not a commit.
    """
    found = (await reader.get([commit]))[commit]
    if not isinstance(found, Commit):
        raise Invalid(f"object {short(commit)} is not a commit")
    return found


async def read_tree(reader: Reader, commit: CommitId) -> ObjectId:
    """Return the tree of a commit.

    Raises:
        Invalid: the object is not a commit.
    """
    return (await read_commit(reader, commit)).tree


async def read_subjects(reader: Reader, annotated: Collection[ObjectId]) -> dict[ObjectId, str]:
    """Return the first line of the message of each commit or tag.

    Raises:
        Invalid: one of the objects is neither.
    """
    objects = await reader.get(annotated)
    found = {}
    for object_id in annotated:
        value = objects[object_id]
        if not isinstance(value, Commit | Tag):
            raise Invalid(f"object {short(object_id)} is neither a commit nor a tag")
        found[object_id] = subject(value)
    return found


async def read_rrsets_at(
    reader: Reader, tree: ObjectId | None, owners: Collection[Name], apex: Name
) -> dict[Name, RRsets]:
    """Return the RRsets at each of ``owners``; an empty dict if there are none.

    Args:
        reader: reads the objects.
        tree: the zone; None for one without records.
        owners: the names.
        apex: the zone's name.

    Raises:
        Invalid: an owner is outside the zone.
    """
    paths = {name: names.path(name, apex) for name in owners}
    if tree is None:
        return {name: {} for name in owners}
    found = await reader.answer(zone_tree.find(tree, set(paths.values())))
    blobs = await read_rrsets(reader, {blob for at in found.values() for blob in at.values()})
    return {
        name: {rdtype: blobs[blob] for rdtype, blob in found[path].items()}
        for name, path in paths.items()
    }


async def read_rrset(reader: Reader, tree: ObjectId, owner: Name, rdtype: int, apex: Name) -> RRset:
    """Return one RRset. Of a wide zone only the path to it is read.

    Args:
        reader: reads the objects.
        tree: the zone.
        owner: the owner name.
        rdtype: the type.
        apex: the zone's name.

    Raises:
        NotFound: there is none.
        Invalid: the owner is outside the zone.
    """
    blob = await reader.answer(zone_tree.find_one(tree, names.path(owner, apex), rdtype))
    if blob is None:
        raise NotFound(
            f"there is no {format_key(owner, rdtype)}",
            hint="zonegit export prints the zone; a name without a final dot is relative to it",
        )
    return (await read_rrsets(reader, {blob}))[blob]


async def read_rrsets(reader: Reader, blobs: Collection[ObjectId]) -> dict[ObjectId, RRset]:
    """Read the RRsets in blobs, with one spelling of each record (``zone.spelling``).

    Raises:
        Invalid: one of the objects is not a blob.
    """
    stored = await read_stored_rrsets(reader, blobs)
    return {object_id: spelling.remove_twins(value) for object_id, value in stored.items()}


async def read_stored_rrsets(reader: Reader, blobs: Collection[ObjectId]) -> dict[ObjectId, RRset]:
    """Read the RRsets in blobs without any change, to store them again.

    Raises:
        Invalid: one of the objects is not a blob.
    """
    objects = await reader.get(blobs)
    found = {}
    for object_id in blobs:
        value = objects[object_id]
        if not isinstance(value, Blob):
            raise Invalid(f"object {short(object_id)} is not a blob")
        found[object_id] = value.rrset
    return found


async def read_whole_zone(reader: Reader, tree: ObjectId) -> list[RRset]:
    """Return every RRset of a tree, in no particular order.

    Raises:
        Corrupt: the tree has an RRset twice.
    """
    return list((await read_rrsets(reader, await reader.answer(list_blobs(tree)))).values())


def list_blobs(tree: ObjectId) -> Walk[Collection[ObjectId]]:
    """Return the ids of a tree's RRsets, in no particular order.

    Raises:
        Corrupt: the tree has an RRset twice. In a zone this is impossible, because an RRset names
            its owner. A hostile tree of few objects can have one more often than can be listed.
    """
    blobs: dict[ObjectId, None] = {}

    def take(change: zone_tree.TreeChange) -> None:
        if change.new in blobs:
            raise Corrupt(f"tree {short(tree)} has RRset {short(change.new)} twice")
        if change.new is not None:
            blobs[change.new] = None

    yield from zone_tree.diff(None, tree, take)
    return blobs
