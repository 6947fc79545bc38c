"""An earlier export: a repository of git whose branch moves on to a new one.

The new commits are written to a reference of their own. The branch moves to them only if that
loses nothing: its tip is among them, or is the commit that joined the zones last time, which has no
content of its own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zonegit.errors import Conflict, Invalid
from zonegit.repo.inspect.git_export import BRANCH, JOINED
from zonegit_cli.import_export.git_history import command, said

STAGING_REF: Final = "refs/zonegit/export"

_HINT: Final = "export to a new folder, and take the other commits in: zonegit import --from-git"


def check(folder: Path) -> None:
    """Raise Invalid if a repository cannot be continued, before anything is written."""
    if Path(_ask(folder, "rev-parse", "--show-toplevel")).resolve() != folder.resolve():
        raise Invalid(f"{folder} is not the top of a repository of git")
    if _succeeds(folder, "config", "--includes", "--local", "--get-regexp", r"^filter\."):
        raise Invalid(
            f"the settings of {folder} name filters, which would run programs",
            hint="remove them (git config --local --unset), or export to a new folder",
        )
    if _ask(folder, "rev-parse", "--symbolic-full-name", "HEAD") != BRANCH:
        raise Invalid(
            f"{folder} has another branch than main checked out", hint="git checkout main"
        )
    if _ask(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"):
        raise Invalid(
            f"{folder} has changes that are not committed", hint="git stash sets them aside"
        )


@contextmanager
def continue_export(folder: Path) -> Iterator[None]:
    """Move the branch of an earlier export to what is written to ``STAGING_REF`` meanwhile.

    Raises:
        Conflict: that would lose a commit; the branch stays.
    """
    try:
        yield
        old, new = (_ask(folder, "rev-parse", ref) for ref in (BRANCH, STAGING_REF))
        if not _contains(folder, new, old):
            raise Conflict(
                f"main of {folder} has commits that this export does not have", hint=_HINT
            )
        # Refuses to overwrite a file that was changed meanwhile, or that git does not know.
        _ask(folder, "-c", "core.autocrlf=false", "reset", "--quiet", "--keep", new)
    finally:
        _succeeds(folder, "update-ref", "-d", STAGING_REF)


def _contains(folder: Path, new: str, old: str) -> bool:
    if _succeeds(folder, "merge-base", "--is-ancestor", old, new):
        return True
    parents = _ask(folder, "rev-parse", f"{old}^@").split()
    subject = _ask(folder, "log", "-1", "--format=%B", old)
    return (
        subject.strip() == JOINED
        and len(parents) > 1
        and all(_succeeds(folder, "merge-base", "--is-ancestor", each, new) for each in parents)
    )


def _ask(folder: Path, *words: str) -> str:
    return said(command("-C", os.fspath(folder), *words))


def _succeeds(folder: Path, *words: str) -> bool:
    try:
        _ask(folder, *words)
    except Invalid:
        return False
    return True
