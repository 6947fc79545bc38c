"""Records that arrive one by one, from anywhere in a zone, put together to RRsets.

A record that cannot stand where it is put is refused as it arrives, so that the error names its
line; what only the end shows is blamed on the line where its RRset began.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.zone import canonical_rdata, rules, sizing
from zonegit.zone.findings import Finding
from zonegit.zone.lexer import failure
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rrset, title
from zonegit.zone.rrtypes import CNAME, DNAME, NS, RRSIG

MAX_WARNINGS: Final = 1_000

NS_AND_DNAME: Final = "ns-and-dname"
"""The rule about names that are a zone cut and a DNAME."""

LineOf = tuple[str, int]
"""A file and a line."""
LeaveOut = Callable[[LineOf, Name, str], None]
"""A callback for an RRset that is left out: where it began, its owner, and why."""


class ZoneFile(msgspec.Struct, frozen=True):
    """The content of master files. ``records`` counts repeated ones too; the messages of
    ``findings`` begin ``FILE:LINE:``, and past a thousand the last one says how many are left out.
    """

    rrsets: dict[tuple[Name, int], RRset]
    findings: list[Finding]
    records: int


class _Group(msgspec.Struct):
    """An RRset so far: its records in the order they came in; ``mixed`` once they stated different
    TTLs."""

    ttl: int
    rdatas: dict[bytes, None]
    where: LineOf
    mixed: bool = False


class ZoneBuilder:
    """The RRsets of one zone so far."""

    def __init__(self, zone: Name) -> None:
        self._zone = zone
        self._owners: dict[Name, dict[int, _Group]] = {}
        self._findings: list[Finding] = []
        self._unsaid = 0

    def add(self, owner: Name, rdtype: int, ttl: int, rdata: bytes, where: LineOf) -> None:
        """Adds a record; one that is there already counts once.

        Raises:
            Invalid: it is outside the zone or cannot stand beside what came before; nothing is
                added then.
        """
        groups = self._owners.get(owner)
        if groups is None:
            rules.check_inside(owner, self._zone)
            groups = {}
        group = groups.get(rdtype)
        if group is None:
            if rdtype in rules.PARTICULAR or CNAME in groups:
                rules.check_together(owner, (*groups, rdtype), self._zone)
            groups[rdtype] = _Group(ttl, {rdata: None}, where)
            self._owners[owner] = groups
            return
        if rdtype in rules.SINGLE and _is_another(rdtype, rdata, group):
            raise rules.not_single(owner, rdtype)
        group.rdatas[rdata] = None
        if ttl != group.ttl:
            self._mix(owner, rdtype, ttl, group, where)

    def _mix(self, owner: Name, rdtype: int, ttl: int, group: _Group, where: LineOf) -> None:
        """RFC 2181 section 5.2; RRSIGs of an owner cover RRsets of different TTLs."""
        if rdtype != RRSIG and not group.mixed:
            group.mixed = True
            message = (
                f"{title(owner, rdtype)} has records with the TTLs"
                f" {group.ttl} and {ttl}; the smallest is used"
            )
            self.find(
                where,
                Finding("mixed-ttls", "warning", message, owner, rdtype, "RFC 2181 section 5.2"),
            )
        group.ttl = min(ttl, group.ttl)

    def finished(
        self, records: int, whole: bool, end: LineOf, leave_out: LeaveOut | None
    ) -> ZoneFile:
        """Return the zone's RRsets, or raise if a ``whole`` zone has no SOA.

        Args:
            end: the end of the file, where a missing SOA is reported.
            leave_out: called for each RRset that is too large for a DNS message, which is then
                left out. None: such an RRset is an error.

        Raises:
            Invalid: it has no SOA, or an RRset is too large for a DNS message.
        """
        if whole:
            try:
                rules.check_owner(self._zone, self._owners.get(self._zone, {}), self._zone)
            except Invalid as error:
                raise failure(*end, error.message, error.hint) from error
        self._find_cuts_with_dname()
        rrsets: dict[tuple[Name, int], RRset] = {}
        for owner, groups in self._owners.items():
            for rdtype, group in groups.items():
                try:
                    rrsets[owner, rdtype] = _made(owner, rdtype, group, groups)
                except Invalid as error:
                    if leave_out is None:
                        raise failure(*group.where, error.message, error.hint) from error
                    leave_out(group.where, owner, error.message)
        self._find_too_large(rrsets)
        if self._unsaid:
            message = f"{end[0]}:{end[1]}: {self._unsaid} more warnings"
            self._findings.append(Finding("more-warnings", "warning", message))
        return ZoneFile(rrsets, self._findings, records)

    def leave_out_dnames(self) -> list[tuple[LineOf, Name]]:
        """Leave out the DNAME of every name below the apex that is a zone cut, too; return the
        place and the owner of each."""
        return [(groups.pop(DNAME).where, owner) for owner, groups in self._cuts_with_dname()]

    def _cuts_with_dname(self) -> list[tuple[Name, dict[int, _Group]]]:
        return [
            (owner, groups)
            for owner, groups in self._owners.items()
            if DNAME in groups and NS in groups and owner != self._zone
        ]

    def _find_cuts_with_dname(self) -> None:
        """Find names that are refused where they are new; what is stored already may stay."""
        for owner, groups in self._cuts_with_dname():
            where = max(groups[DNAME].where, groups[NS].where)
            message, source = rules.beside_dname(owner).message, "RFC 6672 section 2.3"
            self.find(where, Finding(NS_AND_DNAME, "note", message, owner, DNAME, source))

    def _find_too_large(self, rrsets: dict[tuple[Name, int], RRset]) -> None:
        """Find RRsets that are refused where they are new; what is stored already may stay."""
        for (owner, rdtype), value in rrsets.items():
            for finding in sizing.find_too_large(value, "note"):
                self.find(self._owners[owner][rdtype].where, finding)

    def find(self, where: LineOf, finding: Finding) -> None:
        """Keep a finding, its message with the file and line, while there are few."""
        if len(self._findings) < MAX_WARNINGS:
            message = f"{where[0]}:{where[1]}: {finding.message}"
            self._findings.append(msgspec.structs.replace(finding, message=message))
        else:
            self._unsaid += 1


def _is_another(rdtype: int, rdata: bytes, group: _Group) -> bool:
    """Return whether a record is not the one that is there."""
    key = canonical_rdata.key(rdtype, rdata)
    return all(canonical_rdata.key(rdtype, known) != key for known in group.rdatas)


def _made(owner: Name, rdtype: int, group: _Group, groups: dict[int, _Group]) -> RRset:
    ttl = _rrsig_ttl(group, groups) if rdtype == RRSIG else group.ttl
    return rrset(owner, rdtype, ttl, group.rdatas)


def _rrsig_ttl(rrsigs: _Group, groups: dict[int, _Group]) -> int:
    """The smallest TTL of the RRsets they cover (RFC 4034 section 3), so that what is exported
    with those TTLs is the same RRset when it is imported again."""
    covered = (groups.get(int.from_bytes(rdata[:2], "big"), rrsigs) for rdata in rrsigs.rdatas)
    return min(group.ttl for group in covered)
