"""Change the serving settings of a zone, which resolvers follow, and read them."""

import secrets

import msgspec

from zonegit.errors import Corrupt, Invalid, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.repo import heads
from zonegit.repo.commit import dry_runs
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.repo import Repo
from zonegit.store import ref_names, serving_settings
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.store.refs import Absent, Exactly, Expected, ZoneRefs
from zonegit.store.serving_settings import CanarySetting, ServingSettings
from zonegit.zone.names import Name

COMMAND = "canary"
SALT_OCTETS = 8
"""The octets of a new salt, which is their hexadecimal form."""


class StoredSettings(msgspec.Struct, frozen=True):
    """The serving settings of a zone in the store.

    Attributes:
        target: the id of their doc; None if the zone has none.
        settings: the settings; empty without a doc.
    """

    target: ObjectId | None = None
    settings: ServingSettings = ServingSettings()


class ServingChange(msgspec.Struct, frozen=True):
    """The result of a change of serving settings.

    Attributes:
        before: the settings before.
        after: the settings after; for a dry run, what they would be.
        moved: the move; None for a dry run, and if the settings were so already.
        judgement: the answer to a dry run.
    """

    before: StoredSettings
    after: StoredSettings
    moved: Moved | None = None
    judgement: Judgement | None = None


async def read_settings(repo: Repo, refs: ZoneRefs) -> StoredSettings:
    """Read the serving settings of a zone.

    Raises:
        Invalid: they do not parse, for example because they are of a later release.
        NotFound, Corrupt, Unavailable: errors of the store.
    """
    if refs.serving is None:
        return StoredSettings()
    target = refs.serving.target
    found = await Reader(repo.objects).get([target])
    return StoredSettings(target, serving_settings.parse(found[target]))


async def set_canary(
    repo: Repo, zone: Name, branch: str, percent: int, *, dry_run: bool = False
) -> ServingChange:
    """Let a branch answer a share of all client subnets.

    The salt is kept while the branch stays the same, so that a client that sees the canary still
    sees it after the share has grown. Another canary gets a new salt, and other clients.

    Args:
        repo: the stores.
        zone: the zone.
        branch: the branch, which must exist.
        percent: the share, 0 to 100.
        dry_run: check the change only.

    Raises:
        NotFound: the zone or the branch does not exist.
        Conflict: the settings were changed concurrently.
        Denied, Unavailable: errors of the stores.
    """
    refs = await repo.refs.zone(zone, repo.actor)
    if branch not in refs.heads:
        raise heads.unknown_branch_error(refs, branch)
    before = await _read_replaceable(repo, refs)
    known = before.settings.canary
    salt = known.salt if known is not None and known.branch == branch else _make_salt()
    settings = ServingSettings(CanarySetting(branch, percent, salt))
    command = f"{COMMAND} {settings.canary}"
    return await _change(repo, zone, before, settings, command, dry_run=dry_run)


async def remove_canary(repo: Repo, zone: Name, *, dry_run: bool = False) -> ServingChange:
    """Remove the canary of a zone from the store; the parameters and errors are those of
    :func:`set_canary`."""
    before = await _read_replaceable(repo, await repo.refs.zone(zone, repo.actor))
    return await _change(repo, zone, before, None, f"{COMMAND} --off", dry_run=dry_run)


async def _read_replaceable(repo: Repo, refs: ZoneRefs) -> StoredSettings:
    """Read settings that are to be replaced; those that are lost, damaged or do not parse count as
    empty."""
    try:
        return await read_settings(repo, refs)
    except (Invalid, NotFound, Corrupt) as error:
        repo.note(f"the earlier serving settings are replaced: {error.message}")
        assert refs.serving is not None  # they were read
        return StoredSettings(refs.serving.target)


async def _change(
    repo: Repo,
    zone: Name,
    before: StoredSettings,
    settings: ServingSettings | None,
    command: str,
    *,
    dry_run: bool,
) -> ServingChange:
    """Move the ref of the settings; None deletes it."""
    raw = encode(serving_settings.make_doc(settings)) if settings is not None else None
    after = StoredSettings(raw.id, settings) if raw and settings else StoredSettings()
    if after.target == before.target:
        return ServingChange(before, after)
    ref, origin = ref_names.serving(zone), repo.origin(command)
    expected: Expected = Exactly(before.target) if before.target is not None else Absent()
    objects = [raw] if raw is not None else []
    if dry_run:
        judgement = await dry_runs.judge(repo, ref, expected, after.target, origin, objects)
        return ServingChange(before, after, judgement=judgement)
    if objects:
        await repo.objects.put(objects)
    moved = await repo.refs.move(ref, expected, after.target, origin, objects)
    return ServingChange(before, after, moved)


def _make_salt() -> str:
    return secrets.token_hex(SALT_OCTETS)
