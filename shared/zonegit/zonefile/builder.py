"""Group the records of a zone, which arrive in any order, into RRsets.

A record that is not allowed at its owner is refused when it is added, so that the error names its
line. A fault that is found at the end of the zone is reported at the first line of its RRset.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.zone import canonical_rdata, rules, sizing
from zonegit.zone.findings import Finding
from zonegit.zone.lexer import error_at
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, format_key, rrset
from zonegit.zone.rrtypes import CNAME, DNAME, NS, RRSIG

MAX_WARNINGS: Final = 1_000

NS_AND_DNAME: Final = "ns-and-dname"
"""The rule about names that have NS and DNAME records."""

FileLine = tuple[str, int]
"""A file and a line."""
LeaveOut = Callable[[FileLine, Name, str], None]
"""A callback for an RRset that is left out: its first line, its owner, and the reason."""


class ZoneFile(msgspec.Struct, frozen=True):
    """The content of a master file and of the files that it includes.

    Args:
        rrsets: the RRsets by owner and type.
        findings: findings whose messages begin with ``FILE:LINE:``. If there are more than
            ``MAX_WARNINGS``, a last one has the number of the others.
        records: the number of records, repetitions included.
    """

    rrsets: dict[tuple[Name, int], RRset]
    findings: list[Finding]
    records: int


class _Group(msgspec.Struct):
    """The records of an RRset in the order of arrival.

    Args:
        ttl: the smallest TTL of the records.
        rdatas: the RDATA of the records.
        where: the file and line of the first record.
        mixed: whether the records have different TTLs.
    """

    ttl: int
    rdatas: dict[bytes, None]
    where: FileLine
    mixed: bool = False


class ZoneBuilder:
    """Collects the records of one zone."""

    def __init__(self, zone: Name) -> None:
        self._zone = zone
        self._owners: dict[Name, dict[int, _Group]] = {}
        self._findings: list[Finding] = []
        self._omitted = 0

    def add(self, owner: Name, rdtype: int, ttl: int, rdata: bytes, where: FileLine) -> None:
        """Add a record; a repeated record is kept once.

        Raises:
            Invalid: the record is outside the zone, or is not allowed next to the records before
                it; it is not added.
        """
        groups = self._owners.get(owner)
        if groups is None:
            rules.check_within(owner, self._zone)
            groups = {}
        group = groups.get(rdtype)
        if group is None:
            if rdtype in rules.RESTRICTED_TYPES or CNAME in groups:
                rules.check_coexistence(owner, (*groups, rdtype), self._zone)
            groups[rdtype] = _Group(ttl, {rdata: None}, where)
            self._owners[owner] = groups
            return
        if rdtype in rules.SINGLE and _is_new_record(rdtype, rdata, group):
            raise rules.single_record_error(owner, rdtype)
        group.rdatas[rdata] = None
        if ttl != group.ttl:
            self._merge_ttls(owner, rdtype, ttl, group, where)

    def _merge_ttls(
        self, owner: Name, rdtype: int, ttl: int, group: _Group, where: FileLine
    ) -> None:
        """Keep the smaller of two TTLs, and find RRsets with different TTLs (RFC 2181 section 5.2).

        RRSIGs are exempt: those of one owner cover RRsets with different TTLs.
        """
        if rdtype != RRSIG and not group.mixed:
            group.mixed = True
            message = (
                f"{format_key(owner, rdtype)} has records with the TTLs"
                f" {group.ttl} and {ttl}; the smallest is used"
            )
            self.add_finding(
                where,
                Finding("mixed-ttls", "warning", message, owner, rdtype, "RFC 2181 section 5.2"),
            )
        group.ttl = min(ttl, group.ttl)

    def finish(
        self, records: int, whole: bool, end: FileLine, leave_out: LeaveOut | None
    ) -> ZoneFile:
        """Return the RRsets and the findings of the zone.

        Args:
            records: the number of records read.
            whole: whether the records are a whole zone, which needs an SOA.
            end: the end of the file, where a missing SOA is reported.
            leave_out: called for each RRset that is too large for a DNS message, which is then
                left out. With None such an RRset is an error.

        Raises:
            Invalid: a whole zone has no SOA, or an RRset is too large for a DNS message.
        """
        if whole:
            try:
                rules.check_owner(self._zone, self._owners.get(self._zone, {}), self._zone)
            except Invalid as error:
                raise error_at(*end, error.message, error.hint) from error
        self._find_cuts_with_dname()
        rrsets: dict[tuple[Name, int], RRset] = {}
        for owner, groups in self._owners.items():
            for rdtype, group in groups.items():
                try:
                    rrsets[owner, rdtype] = _make_rrset(owner, rdtype, group, groups)
                except Invalid as error:
                    if leave_out is None:
                        raise error_at(*group.where, error.message, error.hint) from error
                    leave_out(group.where, owner, error.message)
        self._find_too_large(rrsets)
        if self._omitted:
            message = f"{end[0]}:{end[1]}: {self._omitted} more warnings"
            self._findings.append(Finding("more-warnings", "warning", message))
        return ZoneFile(rrsets, self._findings, records)

    def leave_out_dnames(self) -> list[tuple[FileLine, Name]]:
        """Remove the DNAME records of names below the apex that also have NS records.

        Returns:
            The first line and the owner of each DNAME.
        """
        return [(groups.pop(DNAME).where, owner) for owner, groups in self._list_cuts_with_dname()]

    def _list_cuts_with_dname(self) -> list[tuple[Name, dict[int, _Group]]]:
        return [
            (owner, groups)
            for owner, groups in self._owners.items()
            if DNAME in groups and NS in groups and owner != self._zone
        ]

    def _find_cuts_with_dname(self) -> None:
        """Find names that have NS and DNAME records; a zone may keep those that it has already."""
        for owner, groups in self._list_cuts_with_dname():
            where = max(groups[DNAME].where, groups[NS].where)
            message, source = rules.ns_and_dname_error(owner).message, "RFC 6672 section 2.3"
            self.add_finding(where, Finding(NS_AND_DNAME, "note", message, owner, DNAME, source))

    def _find_too_large(self, rrsets: dict[tuple[Name, int], RRset]) -> None:
        """Find RRsets that are too large; a zone may keep those that it has already."""
        for (owner, rdtype), value in rrsets.items():
            for finding in sizing.find_too_large(value, "note"):
                self.add_finding(self._owners[owner][rdtype].where, finding)

    def add_finding(self, where: FileLine, finding: Finding) -> None:
        """Record a finding with its file and line. Above ``MAX_WARNINGS``, only count it."""
        if len(self._findings) < MAX_WARNINGS:
            message = f"{where[0]}:{where[1]}: {finding.message}"
            self._findings.append(msgspec.structs.replace(finding, message=message))
        else:
            self._omitted += 1


def _is_new_record(rdtype: int, rdata: bytes, group: _Group) -> bool:
    """Return whether a record differs from the records of the group."""
    key = canonical_rdata.key(rdtype, rdata)
    return all(canonical_rdata.key(rdtype, known) != key for known in group.rdatas)


def _make_rrset(owner: Name, rdtype: int, group: _Group, groups: dict[int, _Group]) -> RRset:
    ttl = _rrsig_ttl(group, groups) if rdtype == RRSIG else group.ttl
    return rrset(owner, rdtype, ttl, group.rdatas)


def _rrsig_ttl(rrsigs: _Group, groups: dict[int, _Group]) -> int:
    """Return the smallest TTL of the covered RRsets (RFC 4034 section 3).

    An export gives RRSIGs the TTLs of the covered RRsets; the import of that export makes the same
    RRset again.
    """
    covered = (groups.get(int.from_bytes(rdata[:2], "big"), rrsigs) for rdata in rrsigs.rdatas)
    return min(group.ttl for group in covered)
