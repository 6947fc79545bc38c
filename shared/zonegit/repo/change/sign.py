"""Signing what is there already: the tip of a branch gives way to itself with a signature.

A signature is part of a commit's octets, so a signed commit has another id. Only a tip can be
signed afterwards: commits made on it name it by its id.
"""

from collections.abc import Callable

import msgspec

from zonegit.errors import Invalid, Unsafe
from zonegit.objects.codec import encode
from zonegit.objects.headers import decode_commit, strip_signature
from zonegit.objects.ids import CommitId, short
from zonegit.repo.commit import dry_runs
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.heads import Repo
from zonegit.repo.refish import Resolved
from zonegit.store import ref_names
from zonegit.store.expected import Exactly
from zonegit.store.protocols import Moved, ZoneRefs
from zonegit.zone import names


class SignedBranch(msgspec.Struct, frozen=True):
    """A branch whose tip is signed now. ``moved`` None: it was, by the same key, and then
    ``commit`` is ``old``; or it is only said what signing would come to, with a ``judgement``."""

    branch: str
    old: CommitId
    commit: CommitId
    moved: Moved | None
    judgement: Judgement | None = None


async def sign_tip(
    repo: Repo,
    at: Resolved,
    sign: Callable[[bytes], str],
    *,
    force: bool = False,
    dry_run: bool = False,
) -> SignedBranch:
    """Signs the tip of a branch; ``force`` takes the place of another key's signature,
    ``dry_run`` stores and moves nothing.

    Raises:
        Invalid: the commit is no branch's tip, or that of several while none was named.
        Unsafe: it bears the signature of another key, and it is not forced.
        Conflict: the branch moved meanwhile.
    """
    branch = _branch(await repo.refs.zone(at.zone, repo.actor), at)
    raw = (await repo.objects.get([at.commit]))[at.commit]
    payload = strip_signature(raw.payload)
    signature = sign(payload)
    before = decode_commit(raw.payload).signature
    if before == signature:
        return SignedBranch(branch, at.commit, at.commit, None)
    if before is not None and not force:
        raise Unsafe(
            f"{short(at.commit)} is signed by another key",
            hint="zonegit verify tells by which; --force puts this signature in its place",
        )
    signed = encode(msgspec.structs.replace(decode_commit(payload), signature=signature))
    ref = ref_names.branch(at.zone, branch)
    origin = repo.origin("sign-commit", force=force)
    if dry_run:
        judgement = await dry_runs.judge(repo, ref, Exactly(at.commit), signed.id, origin, [signed])
        return SignedBranch(branch, at.commit, CommitId(signed.id), None, judgement)
    await repo.objects.put([signed])
    moved = await repo.refs.move(ref, Exactly(at.commit), signed.id, origin, [signed])
    return SignedBranch(branch, at.commit, CommitId(signed.id), moved)


def _branch(refs: ZoneRefs, at: Resolved) -> str:
    """The branch whose tip a commit is."""
    branches = sorted(name for name, tip in refs.heads.items() if tip.target == at.commit)
    if at.branch in branches:
        return at.branch
    if not branches:
        raise Invalid(
            f"{short(at.commit)} is not the tip of a branch of {names.text(refs.zone)}:"
            " signing it would rewrite every commit made on it",
            hint="commits are signed when they are made (--sign), or while they are a branch's tip",
        )
    if len(branches) > 1:
        raise Invalid(
            f"{short(at.commit)} is the tip of {' and '.join(branches)}; which one is to move?",
            hint=f"name it: zonegit sign-commit {branches[0]}",
        )
    return branches[0]
