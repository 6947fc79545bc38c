"""Sign an existing commit: replace the tip of a branch by the same commit with a signature.

The signature is part of a commit's octets, so a signed commit has another id. Only a tip can be
signed, because later commits name it by its id.
"""

from collections.abc import Callable

import msgspec

from zonegit.errors import Invalid, Unsafe
from zonegit.objects.codec import encode
from zonegit.objects.headers import decode_commit, strip_signature
from zonegit.objects.ids import CommitId, short
from zonegit.repo.commit import dry_runs
from zonegit.repo.commit.dry_runs import Judgement
from zonegit.repo.refish import Resolved
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_log import Moved
from zonegit.store.refs import Exactly, ZoneRefs
from zonegit.zone import names


class SignedBranch(msgspec.Struct, frozen=True):
    """A branch whose tip is signed.

    Attributes:
        moved: None if it was signed by the same key already (then ``commit`` is ``old``), and for a
            dry run.
        judgement: the answer to a dry run.
    """

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
    """Sign the tip of a branch.

    Args:
        repo: the stores.
        at: the commit, and the branch if the operator named it.
        sign: returns the base64 signature of a commit's payload.
        force: replace the signature of another key.
        dry_run: store and move nothing.

    Raises:
        Invalid: the commit is not a branch's tip, or it is that of several and none was named.
        Unsafe: it has a signature of another key; without ``force``.
        Conflict: the branch moved meanwhile.
    """
    branch = _find_branch(await repo.refs.zone(at.zone, repo.actor), at)
    raw = (await repo.objects.get([at.commit]))[at.commit]
    payload = strip_signature(raw.payload)
    signature = sign(payload)
    old_signature = decode_commit(raw.payload).signature
    if old_signature == signature:
        return SignedBranch(branch, at.commit, at.commit, None)
    if old_signature is not None and not force:
        raise Unsafe(
            f"{short(at.commit)} is signed by another key",
            hint="zonegit verify shows which; --force replaces that signature",
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


def _find_branch(refs: ZoneRefs, at: Resolved) -> str:
    """Return the branch whose tip is the commit."""
    branches = sorted(name for name, tip in refs.heads.items() if tip.target == at.commit)
    if at.branch in branches:
        return at.branch
    if not branches:
        raise Invalid(
            f"{short(at.commit)} is not the tip of a branch of {names.text(refs.zone)}:"
            " signing it would rewrite every commit made on it",
            hint="sign commits when they are made (--sign), or while they are a branch's tip",
        )
    if len(branches) > 1:
        raise Invalid(
            f"{short(at.commit)} is the tip of {' and '.join(branches)}; name one of them",
            hint=f"for example zonegit sign-commit {branches[0]}",
        )
    return branches[0]
