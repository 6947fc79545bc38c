"""Check the names of new branches and tags before anything is stored."""

from zonegit.errors import Invalid
from zonegit.repo.repo import Repo
from zonegit.store import ref_names
from zonegit.store.ref_names import RefName


async def require_usable(repo: Repo, ref: RefName) -> None:
    """Check that a name has no character that a shell interprets, unless the log has the branch or
    tag.

    The ref store applies the same rule. It is asked only about names with such characters.

    Raises:
        Invalid: it is the name of a new branch or tag, and has such a character.
    """
    try:
        ref_names.require_new(ref.short, ref_names.kind(ref))
    except Invalid:
        if not await repo.refs.reflog(ref, 1):
            raise
