"""Continue an earlier export: move the branch of a git repository to the new export.

The new commits are written to a separate git ref. The branch moves to them only if no commit is
lost: its tip is an ancestor of the new one, or is the commit that joined the zones in the earlier
export, which has no content of its own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zonegit.errors import Conflict, Invalid
from zonegit.repo.inspect.git_export import BRANCH, JOIN_MESSAGE
from zonegit_cli.import_export.git_history import make_command, run_git

STAGING_REF: Final = "refs/zonegit/export"

_HINT: Final = "export to a new folder, and import the other commits: zonegit import --from-git"


def check(folder: Path) -> None:
    """Raise Invalid if a repository cannot be continued, before anything is written."""
    if Path(_ask(folder, "rev-parse", "--show-toplevel")).resolve() != folder.resolve():
        raise Invalid(f"{folder} is not the top folder of a git repository")
    if _succeeds(folder, "config", "--includes", "--local", "--get-regexp", r"^filter\."):
        raise Invalid(
            f"the git settings of {folder} configure filters, which would run programs",
            hint="remove them (git config --local --unset), or export to a new folder",
        )
    if _ask(folder, "rev-parse", "--symbolic-full-name", "HEAD") != BRANCH:
        raise Invalid(
            f"{folder} has another branch than main checked out", hint="git checkout main"
        )
    if _ask(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"):
        raise Invalid(
            f"{folder} has uncommitted changes", hint="commit them, or stash them with git stash"
        )


@contextmanager
def continue_export(folder: Path) -> Iterator[None]:
    """Move the branch of an earlier export to the commits written to ``STAGING_REF`` in the
    context.

    Raises:
        Conflict: a commit would be lost; the branch does not move.
    """
    try:
        yield
        old, new = (_ask(folder, "rev-parse", ref) for ref in (BRANCH, STAGING_REF))
        if not _contains(folder, new, old):
            raise Conflict(f"main of {folder} has commits that are not in this export", hint=_HINT)
        # --keep refuses to overwrite a file that was changed meanwhile, or that is not tracked.
        _ask(folder, "-c", "core.autocrlf=false", "reset", "--quiet", "--keep", new)
    finally:
        _succeeds(folder, "update-ref", "-d", STAGING_REF)


def _contains(folder: Path, new: str, old: str) -> bool:
    if _succeeds(folder, "merge-base", "--is-ancestor", old, new):
        return True
    parents = _ask(folder, "rev-parse", f"{old}^@").split()
    subject = _ask(folder, "log", "-1", "--format=%B", old)
    return (
        subject.strip() == JOIN_MESSAGE
        and len(parents) > 1
        and all(_succeeds(folder, "merge-base", "--is-ancestor", each, new) for each in parents)
    )


def _ask(folder: Path, *words: str) -> str:
    return run_git(make_command("-C", os.fspath(folder), *words))


def _succeeds(folder: Path, *words: str) -> bool:
    try:
        _ask(folder, *words)
    except Invalid:
        return False
    return True
