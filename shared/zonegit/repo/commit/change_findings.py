"""Find the faults that a change introduces, with the rules of ``zone.lint``.

Theory of operation. Only new faults are reported, not those that the zone had before. Three kinds
of RRsets can get a new fault:

- RRsets that the change sets. The rules about content are applied to them, and the names that they
  refer to are looked up in the new tree.
- RRsets that the change adds. The rules about places are applied to them: a zone cut or a DNAME
  above may hide them. If that cut or DNAME is new too, there is one finding about all RRsets that
  it hides, old and new.
- NS and MX RRsets of the apex, and NS RRsets of zone cuts above, that name a host whose address is
  deleted or which becomes an alias. Other RRsets that name it are not searched for, because that
  would read the whole zone, as ``zonegit lint`` does.

The names to look up follow from the change. The new tree is therefore read along a few paths at
once, mostly through nodes that were read to build it. The old tree is read the same way only if
there are findings about content, and findings that it has as well are left out. The first commit of
a zone is looked up in memory.
"""

from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain

from zonegit.objects import tree_lookup
from zonegit.objects.ids import ObjectId
from zonegit.objects.tree_lookup import RRsetIds
from zonegit.repo import read_zone
from zonegit.repo.commit.edits import Changes, RRsetKey
from zonegit.repo.commit.occlusion import (
    OccludedRRsets,
    find_hiding_rrset,
    gather_hidden,
    gather_hidden_in,
)
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.lint import delegations, references, table
from zonegit.zone.lint.rule import Scope
from zonegit.zone.lint.view import WholeZone, ZoneView, iterate_ancestors
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

_WATCHED = (rrtypes.NS, rrtypes.MX)
"""Types at the apex that are examined if the address of a host is deleted, or if a host becomes an
alias."""


_HIDDEN = {table.HIDDEN_BY_CUT.id, table.HIDDEN_BY_DNAME.id}


class ChangeContext:
    """The RRsets and names around a change, in the tree before or after it.

    Args:
        apex: the zone's name.
        types_at: the types at the names that were looked up.
        values: the RRsets that were read; None for one that does not exist.
    """

    def __init__(
        self, apex: Name, types_at: RRsetIds, values: Mapping[RRsetKey, RRset | None]
    ) -> None:
        self.apex = apex
        self._types_at = {names.below(apex, path): types for path, types in types_at.items()}
        self._values = values
        self._servers = {
            server
            for (_, rdtype), value in values.items()
            if rdtype == rrtypes.NS and value is not None
            for server in references.find_names(value)
        }

    def has(self, owner: Name, rdtype: int) -> bool:
        """Return whether a name that was looked up has an RRset of that type."""
        return rdtype in self._types_at.get(owner, ())

    def rrset(self, owner: Name, rdtype: int) -> RRset | None:
        """Return an RRset that was read, None for others."""
        return self._values.get((owner, rdtype))

    def exists(self, owner: Name) -> bool:
        """Return whether a name that was looked up exists."""
        return owner in self._types_at

    def is_server(self, name: Name) -> bool:
        """Return whether one of the NS RRsets that were read names that host."""
        return name in self._servers


class ChangeFindings:
    """Finds the faults that one change introduces.

    Args:
        reader: reads both trees.
        apex: the zone's name.
        soa: its SOA RRset after the change.
        before: the tree before the change; None if there is none.
        after: the new tree.
        changes: the new RRsets; None deletes one.
        added: those of them that are not in ``before``.
    """

    def __init__(
        self,
        reader: Reader,
        apex: Name,
        soa: RRset,
        before: ObjectId | None,
        after: ObjectId,
        changes: Changes,
        added: AbstractSet[RRsetKey],
    ) -> None:
        self._reader = reader
        self._apex = apex
        self._before = before
        self._after = after
        self._changes = changes
        self._set = {key: value for key, value in changes.items() if value is not None}
        self._added = added & self._set.keys()
        self._soa = soa

    async def run(self) -> tuple[Finding, ...]:
        """Return the findings, in canonical order (RFC 4034 section 6.1)."""
        if self._before is None:
            found = self._examine_all()
        else:
            focus = self._list_focus()
            wanted = {*self._iter_names(focus), *self._find_affected()}
            found = await self._examine_change(focus, wanted) if wanted else []
        return tuple(sorted(found, key=table.sort_key_of))

    def _examine_all(self) -> list[Finding]:
        """Return the findings about a new zone, in which every zone cut and DNAME is new too."""
        view = WholeZone(self._apex, self._set)
        found = list(_examine(view, self._set.values(), "content"))
        found += [each.make_finding() for each in gather_hidden_in(view, self._added)]
        rule = table.MISSING_DOT_OWNER
        for value in map(self._set.__getitem__, self._added):
            found += [rule.finding(value, message) for message in rule.check(view, value)]
        return found

    async def _examine_change(
        self, focus: list[RRsetKey], wanted: AbstractSet[Name]
    ) -> list[Finding]:
        """Return the findings about a change to an existing zone.

        Args:
            focus: the RRsets to examine for their content.
            wanted: the names to look up.
        """
        paths = {names.path(name, self._apex) for name in wanted}
        types_at = await self._reader.answer(tree_lookup.look_up_names(self._after, paths))
        values = await self._read_values(
            types_at, {**self._set, (self._apex, rrtypes.SOA): self._soa}
        )
        view = ChangeContext(self._apex, types_at, values)
        watched = [key for key in values if key not in self._changes and key[1] in _WATCHED]
        keys = [*focus, *(watched if self._find_affected() else ())]
        content = list(_examine(view, (values[key] for key in keys), "content"))
        if content:
            content = await self._drop_known(content, paths, keys)
        hidden = await gather_hidden(self._reader, self._after, view, self._added)
        return [*content, *self._examine_places(view, hidden)]

    def _list_focus(self) -> list[RRsetKey]:
        """Return the RRsets that are examined for their content."""
        keys = [key for key in self._set if table.select_rules(key[1], "content")]
        soa = self._apex, rrtypes.SOA
        if (self._apex, rrtypes.NS) in self._changes and soa not in self._set:
            keys.append(soa)
        return keys

    def _iter_names(self, focus: Collection[RRsetKey]) -> Iterator[Name]:
        """Yield the names to look up for these RRsets and for the added ones."""
        for key in focus:
            yield key[0]
            value = self._set.get(key)
            for name in references.find_names(value) if value is not None else ():
                if names.is_within(name, self._apex):
                    yield name
        yield from (owner for owner, _ in self._added)

    def _find_affected(self) -> set[Name]:
        """Return the hosts whose addresses are deleted, or that become aliases."""
        return {
            owner
            for (owner, rdtype), value in self._changes.items()
            if (value is None and rdtype in delegations.ADDRESSES)
            or ((owner, rdtype) in self._added and rdtype in (rrtypes.CNAME, rrtypes.DNAME))
        }

    async def _read_values(
        self, types_at: RRsetIds, known: Mapping[RRsetKey, RRset]
    ) -> dict[RRsetKey, RRset]:
        """Read the NS RRsets of zone cuts, and those of the apex, that may name hosts which the
        change affects. Return them with the RRsets of ``known``."""
        affected = self._find_affected()
        below = {owner for owner, rdtype in self._added if rdtype in delegations.ADDRESSES}
        above = {
            name
            for owner in (*affected, *below)
            for name in (owner, *iterate_ancestors(owner, self._apex))
        }
        cuts = [name for name in above if rrtypes.NS in _get_types(types_at, name, self._apex)]
        wanted: dict[RRsetKey, ObjectId] = {}
        if affected or any(name != self._apex for name in (*cuts, *self._list_new_cuts())):
            for name, rdtype in chain(
                ((name, rrtypes.NS) for name in cuts), ((self._apex, each) for each in _WATCHED)
            ):
                types = _get_types(types_at, name, self._apex)
                if rdtype in types and (name, rdtype) not in known:
                    wanted[name, rdtype] = types[rdtype]
        blobs = await read_zone.read_rrsets(self._reader, set(wanted.values())) if wanted else {}
        return {**known, **{key: blobs[blob] for key, blob in wanted.items()}}

    def _list_new_cuts(self) -> list[Name]:
        return [owner for owner, rdtype in self._added if rdtype == rrtypes.NS]

    async def _drop_known(
        self, found: list[Finding], paths: Collection[names.Path], keys: Collection[RRsetKey]
    ) -> list[Finding]:
        """Return the findings that the old tree does not have."""
        assert self._before is not None
        types_at = await self._reader.answer(tree_lookup.look_up_names(self._before, paths))
        wanted = {
            (owner, rdtype): types[rdtype]
            for owner, rdtype in keys
            if rdtype in (types := _get_types(types_at, owner, self._apex))
        }
        blobs = await read_zone.read_rrsets(self._reader, set(wanted.values()))
        values = {key: blobs[blob] for key, blob in wanted.items()}
        known = set(
            _examine(ChangeContext(self._apex, types_at, values), values.values(), "content")
        )
        return [finding for finding in found if finding not in known]

    def _examine_places(
        self, view: ZoneView, hidden: Collection[OccludedRRsets]
    ) -> Iterator[Finding]:
        """Yield the findings about the places of added RRsets, and about the RRsets they hide."""
        for each in hidden:
            yield each.make_finding()
        for key in self._added:
            for finding in table.examine(view, self._set[key], "place"):
                if finding.rule not in _HIDDEN or find_hiding_rrset(view, key) not in self._added:
                    yield finding


def _examine(
    view: ZoneView, values: Collection[RRset] | Iterator[RRset], scope: Scope
) -> Iterator[Finding]:
    """Yield the findings about several RRsets."""
    for value in values:
        yield from table.examine(view, value, scope)


def _get_types(types_at: RRsetIds, name: Name, apex: Name) -> Mapping[int, ObjectId]:
    return types_at.get(names.path(name, apex), {})
