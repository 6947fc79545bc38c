"""The view of a zone that rules look RRsets up in: of a file, a commit or a change."""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Protocol

from zonegit.zone import names, rrtypes
from zonegit.zone.lint import references
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

WILDCARD = b"\x01*"


class ZoneView(Protocol):
    """A zone, or the result of a change of a zone."""

    @property
    def apex(self) -> Name:
        """Return the name of the zone."""

    def has(self, owner: Name, rdtype: int) -> bool:
        """Return whether the owner has an RRset of that type."""

    def rrset(self, owner: Name, rdtype: int) -> RRset | None:
        """Return an RRset, or None if it does not exist."""

    def exists(self, owner: Name) -> bool:
        """Return whether the name or one below it has an RRset (RFC 4592 section 2.2.2)."""

    def is_server(self, name: Name) -> bool:
        """Return whether the name is known to be the target of an NS record."""


class WholeZone:
    """A zone in memory.

    Args:
        apex: the name of the zone.
        rrsets: its RRsets by owner and type.
    """

    def __init__(self, apex: Name, rrsets: Mapping[tuple[Name, int], RRset]) -> None:
        self.apex = apex
        self._rrsets = rrsets

    def rrsets(self) -> Collection[RRset]:
        """Return all RRsets."""
        return self._rrsets.values()

    def has(self, owner: Name, rdtype: int) -> bool:
        """Return whether the owner has an RRset of that type."""
        return (owner, rdtype) in self._rrsets

    def rrset(self, owner: Name, rdtype: int) -> RRset | None:
        """Return an RRset, or None if it does not exist."""
        return self._rrsets.get((owner, rdtype))

    def exists(self, owner: Name) -> bool:
        """Return whether the name or one below it has an RRset."""
        return owner in self._existing

    def is_server(self, name: Name) -> bool:
        """Return whether the name is the target of an NS record of the zone."""
        return name in self._servers

    @cached_property
    def _existing(self) -> set[Name]:
        found: set[Name] = set()
        for owner, _ in self._rrsets:
            name = owner
            while name not in found:
                found.add(name)
                if name in (self.apex, names.ROOT):
                    break
                name = names.parent(name)
        return found

    @cached_property
    def _servers(self) -> set[Name]:
        return {
            target
            for (_, rdtype), rrset in self._rrsets.items()
            if rdtype == rrtypes.NS
            for target in references.find_names(rrset)
        }


def iterate_ancestors(owner: Name, apex: Name) -> Iterator[Name]:
    """Yield the ancestors of an owner up to and including the apex, the nearest first."""
    while owner != apex:
        owner = names.parent(owner)
        yield owner


def find_hider(view: ZoneView, owner: Name, rdtype: int | None) -> tuple[Name, int] | None:
    """Find the topmost zone cut or DNAME that hides a name from queries.

    Args:
        view: the zone.
        owner: the name, within the zone.
        rdtype: a type at the name, which the NS RRset of the name itself may hide; with None, only
            the ancestors are examined.

    Returns:
        The owner and the type (NS or DNAME), or None if the name is not hidden.
    """
    apex, has = view.apex, view.has
    found = None
    if rdtype is not None and owner != apex and has(owner, rrtypes.NS):
        found = owner, rrtypes.NS
    name = owner
    while name != apex:
        name = names.parent(name)
        if has(name, rrtypes.DNAME):
            found = name, rrtypes.DNAME
        if name != apex and has(name, rrtypes.NS):
            found = name, rrtypes.NS
    return found


def find_source(view: ZoneView, name: Name) -> Name | None:
    """Find the name whose RRsets answer a query: the name itself, or the wildcard that covers it.

    Returns:
        The name, or None if the name does not exist and no wildcard covers it (RFC 4592 section
        3.3.1).
    """
    if view.exists(name):
        return name
    for above in iterate_ancestors(name, view.apex):
        if view.exists(above):
            wildcard = Name(WILDCARD + above)
            return wildcard if view.exists(wildcard) else None
    return None
