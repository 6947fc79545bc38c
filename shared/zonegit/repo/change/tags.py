"""Create, list and delete annotated tags. A tag is an object with a message, and a ref to it."""

import msgspec

from zonegit.errors import Conflict, NotFound
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Tag
from zonegit.repo import read_zone, refish
from zonegit.repo.change import new_names
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.refs import Absent, Anything, Exactly
from zonegit.zone import names
from zonegit.zone.names import Name


class ListedTag(msgspec.Struct, frozen=True):
    """A tag and its commit. ``tag`` is None if the ref names the commit itself. ``subject`` is
    the first line of the annotation, else of the commit's message."""

    name: str
    commit: CommitId
    tag: Tag | None
    subject: str


async def list_tags(repo: Repo, zone: Name) -> list[ListedTag]:
    """Return the tags of a zone, by name.

    Raises:
        NotFound: the zone is not registered.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    reader = Reader(repo.objects)
    targets = {name: tip.target for name, tip in sorted(refs.tags.items())}
    subjects = await read_zone.read_subjects(reader, targets.values())
    objects = await reader.get(targets.values())
    found = []
    for name, target in targets.items():
        value = objects[target]
        tag = value if isinstance(value, Tag) else None
        commit = tag.target if tag is not None else CommitId(target)
        found.append(ListedTag(name, commit, tag, subjects[target]))
    return found


async def create(
    repo: Repo, zone: Name, name: str, commit: CommitId, message: str, *, force: bool = False
) -> ObjectId:
    """Create a tag and return its id. It is signed if the operator signs.

    Args:
        repo: the stores.
        zone: the zone.
        name: the name of the tag.
        commit: the commit to tag.
        message: the annotation.
        force: replace an existing tag.

    Raises:
        Conflict: a tag of that name exists; without ``force``.
        Invalid: the name is not valid for a new tag, or the commit belongs to another zone.
    """
    ref = ref_names.tag(zone, name)
    await new_names.require_usable(repo, ref)
    made = repo.seal(Tag(commit, name, repo.now(), message))
    await repo.objects.put([made])
    expected = Anything() if force else Absent()
    try:
        await repo.refs.move(ref, expected, made.id, repo.origin("tag", force=force))
    except Conflict as error:
        raise Conflict(
            f"{names.text(zone)} has a tag {name!r} already",
            hint="tags should not move; use --force to replace it",
            **error.details,
        ) from error
    return made.id


async def delete(repo: Repo, zone: Name, name: str) -> CommitId:
    """Delete a tag and return its commit.

    Raises:
        NotFound: there is no such tag.
        Conflict: it moved meanwhile.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    if name not in refs.tags:
        raise NotFound(
            f"{names.text(zone)} has no tag {name!r}",
            hint=f"it has {', '.join(sorted(refs.tags)) or 'none'}",
        )
    target = refs.tags[name].target
    commit = await refish.peel(Reader(repo.objects), target)
    await repo.refs.move(ref_names.tag(zone, name), Exactly(target), None, repo.origin("tag"))
    return commit
