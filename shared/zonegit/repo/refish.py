"""Resolve a refish to a commit. An ambiguous word is an error that names all meanings.

main   HEAD   HEAD~3   main^2   v1   0123abcd...   foo.com.:main   foo.com./main   refs/...
@{10.minutes.ago}   main@{3}   foo.com.:main@{2026-11-20T14:00Z}~1  (``repo.refish_time``)
"""

import re
from typing import Final

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.history import commit_graph
from zonegit.objects.ids import HEX_ID, CommitId, ObjectId, from_hex, short
from zonegit.objects.model import Commit, Tag
from zonegit.repo import heads, read_zone, refish_time
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.store.ref_log import When
from zonegit.store.ref_names import RefName
from zonegit.store.refs import ZoneRefs
from zonegit.zone import names
from zonegit.zone.names import Name

MIN_SHORT_ID: Final = 8
TREE_SUFFIX: Final = "^{tree}"

_SHORT_ID: Final = re.compile(rf"[0-9a-f]{{{MIN_SHORT_ID},64}}", re.ASCII)
_WHEN: Final = re.compile(r"@\{([^{}]*)\}(?=[^:]*\Z)")
_STEP: Final = re.compile(r"~(\d{0,6})|\^(\d?)(?!\{)", re.ASCII)


class Step(msgspec.Struct, frozen=True):
    """Go to the ``parent``-th parent (1 or 2; 0 is the commit itself), ``times`` times."""

    parent: int
    times: int = 1


class Refish(msgspec.Struct, frozen=True):
    """A parsed refish.

    Attributes:
        zone: None for the zone that the command works in.
        base: the word to start from; may be empty with ``when``, for the branch that HEAD is on.
        ref: set if ``base`` is the path of a branch or tag.
        when: the time at which the branch is meant; None for now.
    """

    zone: Name | None
    base: str
    steps: tuple[Step, ...] = ()
    tree: bool = False
    ref: RefName | None = None
    when: When | None = None


class Resolved(msgspec.Struct, frozen=True):
    """A commit, and the zone it was looked up in.

    Attributes:
        branch: the branch, if the refish is the name of one.
        tag: the tag object, if the refish is the name of an annotated tag.
    """

    zone: Name
    commit: CommitId
    branch: str | None = None
    tag: ObjectId | None = None


def parse_refish(text: str) -> Refish:
    """Parse a refish. A zone before the last ``:`` applies to this refish only.

    Raises:
        Invalid: it is malformed.
    """
    bare = text.removesuffix(TREE_SUFFIX)
    time_match = _WHEN.search(bare)
    head, colon, rest = (bare[: time_match.start()] if time_match else bare).rpartition(":")
    zone = names.parse(head) if colon else None
    base = rest if time_match else re.split(r"[~^]", rest, maxsplit=1)[0]
    suffix = bare[time_match.end() :] if time_match else rest[len(base) :]
    if ".." in base + suffix:
        raise Invalid(
            f"{text!r} is a range; expected one commit",
            hint="zonegit diff A..B shows what differs, zonegit review BRANCH its commits",
        )
    if not base and not time_match:
        raise Invalid(f"{text!r} is not a refish: it names no commit to start from")
    ref = _parse_ref(base)
    if ref is not None and zone is not None:
        raise Invalid(f"{text!r} is not a refish: it names a zone twice")
    when = refish_time.parse_when(time_match[1]) if time_match else None
    return Refish(zone, base, _parse_steps(text, suffix), bare != text, ref, when)


def _parse_ref(base: str) -> RefName | None:
    """Return the ref whose path ``base`` is, None for one word or an empty text."""
    if "./" not in base:
        if base not in ("", ref_names.DEFAULT_HEAD):
            ref_names.check_name(base, "branch or tag")
        return None
    ref = ref_names.parse(base if base.startswith("refs/") else f"refs/heads/{base}")
    if ref.space not in ("heads", "tags"):
        raise Invalid(f"{ref.path()} is not a branch or tag")
    return ref


def _parse_steps(text: str, suffix: str) -> tuple[Step, ...]:
    steps = []
    at = 0
    while at < len(suffix):
        matched = _STEP.match(suffix, at)
        if matched is None:
            raise Invalid(
                f"{text!r} is not a refish: unexpected {suffix[at:]!r}",
                hint="HEAD~3 is three commits back, main^2 the second parent",
            )
        steps.append(_parse_step(matched))
        at = matched.end()
    return tuple(steps)


def _parse_step(matched: re.Match[str]) -> Step:
    if matched[0].startswith("~"):
        return Step(1, int(matched[1]) if matched[1] else 1)
    parent = int(matched[2]) if matched[2] else 1
    if parent > 2:
        raise Invalid("a commit has at most two parents", hint="use main^1 or main^2")
    return Step(parent)


async def resolve(
    repo: Repo, text: str, *, zone: Name | None = None, branch: str | None = None
) -> Resolved:
    """Return the commit that a refish names.

    Args:
        repo: the stores.
        text: the refish.
        zone: the zone that the command works on; None for that of HEAD.
        branch: the branch that the command works on; None for that of HEAD.

    Raises:
        Invalid: it is malformed, ambiguous, or names a tree.
        NotFound: it names nothing.
    """
    refish = parse_refish(text)
    if refish.tree:
        raise Invalid(f"{text!r} names a tree; expected a commit", hint=f"omit {TREE_SUFFIX}")
    return await _resolve_commit(repo, Reader(repo.objects), refish, zone, branch)


async def resolve_id(
    repo: Repo, text: str, *, zone: Name | None = None, branch: str | None = None
) -> ObjectId:
    """Return the id of the commit that a refish names, or of its tree if it ends in ``^{tree}``.

    Raises:
        Invalid, NotFound: for the reasons of :func:`resolve`.
    """
    refish = parse_refish(text)
    reader = Reader(repo.objects)
    found = await _resolve_commit(repo, reader, refish, zone, branch)
    return await read_zone.read_tree(reader, found.commit) if refish.tree else found.commit


async def _resolve_commit(
    repo: Repo, reader: Reader, refish: Refish, zone: Name | None, branch: str | None
) -> Resolved:
    start = await _resolve_base(repo, reader, refish, zone, branch)
    if not refish.steps:
        return start
    past = CommitReader(repo.objects, reader)
    parents = (step.parent for step in refish.steps if step.parent for _ in range(step.times))
    return Resolved(
        start.zone, await past.answer(commit_graph.follow_parents(start.commit, parents))
    )


async def _resolve_base(
    repo: Repo, reader: Reader, refish: Refish, zone: Name | None, branch: str | None
) -> Resolved:
    base = refish.base
    if refish.when is not None:
        return await _resolve_past(repo, reader, refish, refish.when, zone, branch)
    if base == ref_names.DEFAULT_HEAD:
        position = await heads.find_position(
            repo, refish.zone or zone, None if refish.zone else branch
        )
        return Resolved(position.zone, position.commit(), position.branch)
    if refish.ref is not None:
        return await _resolve_ref(repo, reader, refish.ref)
    home = await heads.find_zone(repo, refish.zone or zone)
    return await _resolve_word(repo, reader, home, base)


async def _resolve_past(
    repo: Repo,
    reader: Reader,
    refish: Refish,
    when: When,
    zone: Name | None,
    branch: str | None,
) -> Resolved:
    """Return the commit that a branch was at. The branch may have been deleted since."""
    home = refish.zone or zone
    ref = refish.ref
    if ref is None and refish.base in ("", ref_names.DEFAULT_HEAD):
        ref = (await heads.find_position(repo, home, None if refish.zone else branch)).ref
    elif ref is None:
        ref = ref_names.branch(await heads.find_zone(repo, home), refish.base)
    if ref.space != "heads":
        raise refish_time.no_branch_error(ref.path())
    assert ref.zone is not None
    try:
        return Resolved(ref.zone, await refish_time.find_commit(repo, reader, ref, when))
    except NotFound as error:
        if error.details.get("moves") != "0" or refish.ref is not None:
            raise
    found = await _resolve_word(repo, reader, ref.zone, ref.short)
    raise refish_time.no_branch_error(f"{ref.short} ({short(found.commit)})")


async def _resolve_ref(repo: Repo, reader: Reader, ref: RefName) -> Resolved:
    """Resolve a ref that is given by its whole path."""
    assert ref.zone is not None  # every branch and tag has one
    refs = await repo.refs.zone(ref.zone, repo.actor)
    tips = refs.heads if ref.space == "heads" else refs.tags
    if ref.short not in tips:
        raise NotFound(f"there is no ref {ref.path()}")
    branch = ref.short if ref.space == "heads" else None
    return await _make_resolved(reader, ref.zone, tips[ref.short].target, branch)


async def _resolve_word(repo: Repo, reader: Reader, zone: Name, word: str) -> Resolved:
    """Resolve a branch, a tag or an id; an ambiguous word is an error."""
    refs = await repo.refs.zone(zone, repo.actor)
    meanings: dict[str, ObjectId] = {}
    if word in refs.heads:
        meanings[f"branch {word}"] = refs.heads[word].target
    if word in refs.tags:
        meanings[f"tag {word}"] = refs.tags[word].target
    for object_id in await _find_ids(repo, word):
        meanings[f"commit {short(object_id)}"] = object_id
    if len(meanings) > 1:
        raise Invalid(
            f"{word!r} could mean {' or '.join(meanings)}",
            hint=f"use refs/heads/{names.text(zone)}/{word}, or more digits of the id",
        )
    if not meanings:
        raise _not_found_error(refs, word)
    ((meaning, target),) = meanings.items()
    branch = word if meaning.startswith("branch") else None
    return await _make_resolved(reader, zone, target, branch)


async def _make_resolved(
    reader: Reader, zone: Name, target: ObjectId, branch: str | None
) -> Resolved:
    commit = await peel(reader, target)
    return Resolved(zone, commit, branch, target if target != commit else None)


async def _find_ids(repo: Repo, word: str) -> list[ObjectId]:
    if HEX_ID.fullmatch(word):
        missing = await repo.objects.missing([from_hex(word)])
        return [] if missing else [from_hex(word)]
    if not _SHORT_ID.fullmatch(word):
        return []
    found = await repo.objects.find(word)
    return [object_id for object_id, kind in found if kind in ("commit", "tag")]


def _not_found_error(refs: ZoneRefs, word: str) -> NotFound:
    known = ", ".join([*sorted(refs.heads), *sorted(refs.tags)]) or "no branch yet"
    return NotFound(
        f"{word!r} is not a branch, tag or commit of {names.text(refs.zone)}",
        hint=f"it has {known}; an id needs at least {MIN_SHORT_ID} digits",
    )


async def peel(reader: Reader, target: ObjectId) -> CommitId:
    """Return the commit that a tag names; a commit is returned as it is.

    Raises:
        Invalid: the object is neither.
    """
    found = (await reader.get([target]))[target]
    match found:
        case Commit():
            return CommitId(target)
        case Tag(commit):
            return commit
        case _:
            raise Invalid(f"object {short(target)} is not a commit")
