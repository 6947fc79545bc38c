"""Refuse changes that make a name both a zone cut and a DNAME (RFC 6672 section 2.3)."""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from zonegit.errors import Invalid
from zonegit.objects import zone_tree
from zonegit.objects.ids import ObjectId
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes, rules
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zonefile.builder import NS_AND_DNAME

_BOTH = (rrtypes.NS, rrtypes.DNAME)


async def check_delegations(
    reader: Reader,
    apex: Name,
    tree: ObjectId | None,
    changes: Changes,
    added: AbstractSet[RRsetKey],
    known: Sequence[Finding],
) -> None:
    """Check the names below the apex that become a zone cut or a DNAME.

    Args:
        reader: reads the tree.
        apex: the zone's name.
        tree: the zone before the change; None if there is none.
        changes: the new RRsets.
        added: those of them that are new.
        known: findings about the input, which have the place of an RRset in it.

    Raises:
        Invalid: a name would be both and was not before; names file and line if they are known.
    """
    paths = {owner: names.path(owner, apex) for owner in _find_candidates(apex, changes, added)}
    found: dict[names.Path, dict[int, ObjectId]] = {}
    if tree is not None and paths:
        found = await reader.answer(zone_tree.find(tree, paths.values()))
    for owner, path in paths.items():
        before = found.get(path, {}).keys()
        changed = {each: changes[owner, each] for each in _BOTH if (owner, each) in changes}
        after = before - changed.keys()
        after |= {each for each, value in changed.items() if value is not None}
        try:
            rules.check_delegation(owner, after, apex, before)
        except Invalid as error:
            raise _locate(error, owner, known) from None


def _find_candidates(apex: Name, changes: Changes, added: AbstractSet[RRsetKey]) -> Iterator[Name]:
    for key, value in changes.items():
        owner, rdtype = key
        is_new_cut = rdtype == rrtypes.NS and key in added
        if value is not None and owner != apex and (is_new_cut or rdtype == rrtypes.DNAME):
            yield owner


def _locate(error: Invalid, owner: Name, known: Sequence[Finding]) -> Invalid:
    """Return the error with its place in the input, if that is known."""
    of_owner = (each.message for each in known if each.owner == owner and each.rule == NS_AND_DNAME)
    return Invalid(next(of_owner, error.message), hint=error.hint)
