"""Find the RRsets that a new zone cut or DNAME hides (occludes)."""

from collections.abc import Collection
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from zonegit.objects import tree_lookup, zone_tree
from zonegit.objects.ids import ObjectId
from zonegit.objects.walk import Walk, gather
from zonegit.repo.commit.edits import RRsetKey
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.lint import delegations, table
from zonegit.zone.lint.view import ZoneView, find_hider
from zonegit.zone.names import Name
from zonegit.zone.rrset import format_key, sort_key

MAX_NAMED: Final = 3
"""Hidden RRsets that a finding names; the rest is counted."""


class OccludedRRsets(msgspec.Struct, frozen=True):
    """The RRsets that a zone cut or DNAME hides; the first ones if there are very many."""

    hider: RRsetKey
    keys: Collection[RRsetKey]

    def make_finding(self) -> Finding:
        """Return the finding about them."""
        owner, rdtype = self.hider
        rule = table.HIDDEN_BY_CUT if rdtype == rrtypes.NS else table.HIDDEN_BY_DNAME
        first = sorted(self.keys, key=lambda key: sort_key(*key))
        shown = ", ".join(format_key(*key) for key in first[:MAX_NAMED])
        more = len(first) - MAX_NAMED
        if more > 0:
            known = "at least " if len(first) >= tree_lookup.MAX_LISTED else ""
            shown += f" and {known}{more} more"
        message = f"{format_key(owner, rdtype)} hides {shown}"
        return Finding(rule.id, rule.severity, message, owner, rdtype, rule.source)


def find_hiding_rrset(view: ZoneView, key: RRsetKey) -> RRsetKey | None:
    """Return the NS or DNAME RRset that hides an RRset, None if queries reach it."""
    cut = delegations.find_hiding_cut(view, *key)
    if cut is not None:
        return cut, rrtypes.NS
    dname = delegations.find_hiding_dname(view, *key)
    return (dname, rrtypes.DNAME) if dname is not None else None


async def gather_hidden(
    reader: Reader, tree: ObjectId, view: ZoneView, added: AbstractSet[RRsetKey]
) -> list[OccludedRRsets]:
    """Return the RRsets that the zone cuts and DNAMEs in ``added`` hide in a tree.

    Args:
        reader: reads the tree.
        tree: the zone with the change.
        view: the zone around the added RRsets.
        added: the RRsets that are new.
    """
    hiders = [key for key in added if _can_hide(view, key)]
    paths = [names.path(owner, view.apex) for owner, _ in hiders]
    found_below = await reader.answer(gather([_list_at(tree, path) for path in paths]))
    found = []
    for hider, keys_below in zip(hiders, found_below, strict=True):
        keys_at = ((names.below(view.apex, path), rdtype) for path, rdtype in keys_below)
        keys = [key for key in keys_at if _hides(view, hider, key)]
        if keys:
            found.append(OccludedRRsets(hider, keys))
    return found


def gather_hidden_in(view: ZoneView, keys: Collection[RRsetKey]) -> list[OccludedRRsets]:
    """Return the RRsets that the zone cuts and DNAMEs of a zone hide in it.

    Args:
        view: the zone.
        keys: all of its RRsets.
    """
    hiders = {
        owner
        for owner, rdtype in keys
        if rdtype == rrtypes.DNAME or (rdtype == rrtypes.NS and owner != view.apex)
    }
    found: dict[RRsetKey, list[RRsetKey]] = {}
    for key in keys if hiders else ():
        if (
            _is_at_or_below(key, hiders, view.apex)
            and (hider := find_hiding_rrset(view, key)) is not None
        ):
            found.setdefault(hider, []).append(key)
    return [OccludedRRsets(hider, hidden) for hider, hidden in found.items()]


def _is_at_or_below(key: RRsetKey, hiders: AbstractSet[Name], apex: Name) -> bool:
    """Return whether one of the names may hide an RRset. This is a fast test, because most RRsets
    are not hidden."""
    name, rdtype = key
    if name in hiders and rdtype not in delegations.OF_THE_CUT:
        return True
    while name != apex:
        name = names.parent(name)
        if name in hiders:
            return True
    return False


def _can_hide(view: ZoneView, key: RRsetKey) -> bool:
    owner, rdtype = key
    is_cut = rdtype == rrtypes.NS and owner != view.apex
    return (is_cut or rdtype == rrtypes.DNAME) and find_hider(view, owner, None) is None


def _hides(view: ZoneView, hider: RRsetKey, key: RRsetKey) -> bool:
    """Return whether a zone cut or DNAME hides an RRset that is at its owner or below."""
    (cut, kind), (owner, rdtype) = hider, key
    if rdtype in delegations.PROOFS:
        return False
    if kind == rrtypes.DNAME:
        return owner != cut
    is_glue = rdtype in delegations.ADDRESSES and view.is_server(owner)
    return not is_glue and (owner != cut or rdtype not in delegations.OF_THE_CUT)


def _list_at(tree: ObjectId, path: names.Path) -> Walk[list[tuple[names.Path, int]]]:
    at = yield from zone_tree.find_subtree(tree, path)
    return (yield from tree_lookup.list_below(at, path)) if at is not None else []
