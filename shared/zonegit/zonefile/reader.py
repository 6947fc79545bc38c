"""Read master files (RFC 1035 section 5, RFC 2308 section 4, BIND's ``$GENERATE``).

The reader is strict where that of dnspython is lenient. It skips a record only if the caller passes
a callback for skipped records. Every error names the file, the line and the record. Size, nesting
and expansion are bounded. The module does no I/O: the caller passes the function that opens
``$INCLUDE`` files.
"""

import os
import re
import shlex
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.zone import lexer, names, rules, sizing
from zonegit.zone.findings import TTL_FROM_MINIMUM, Finding
from zonegit.zone.lexer import MasterFileEntry, Quoted
from zonegit.zone.line_cache import LineCache, LineRecord
from zonegit.zone.names import Name
from zonegit.zone.rrset import MAX_TTL
from zonegit.zone.rrtypes import SOA
from zonegit.zonefile import fields, generate, includes
from zonegit.zonefile.builder import NS_AND_DNAME, FileLine, ZoneBuilder, ZoneFile
from zonegit.zonefile.conflict_markers import refuse_markers

MAX_OCTETS: Final = 512 << 20
"""Octets of all files and of the RDATA that ``$GENERATE`` expands to."""
MAX_RECORDS: Final = 10_000_000
MAX_INCLUDES: Final = 1_000
MAX_INCLUDE_DEPTH: Final = 16
MAX_GENERATED: Final = 1 << 20
"""Records that all ``$GENERATE`` lines together may expand to."""
PROGRESS_STEP: Final = 1_000
"""Records between two calls of ``progress``."""
_CACHED_NAMES: Final = 1 << 16
_HIDDEN_MESSAGE: Final = "this line of an included file is invalid"
"""The message of an error that would quote an included file."""

Opener = Callable[[str, str], tuple[str, bytes]]
"""Opens an included file: (name of the including file, path as written) to (name to show, octets).
It raises OSError or Invalid."""

UNUSABLE: Final = "unusable-record"
"""The rule about malformed records and records that are not allowed at their owner."""


class Skipped(msgspec.Struct, frozen=True):
    """A record or RRset that was skipped.

    Args:
        source: the name of the file.
        line: the line on which the record begins.
        reason: the reason.
        rule: the rule of the finding about it.
        owner: its owner name, or None if it is not known.
    """

    source: str
    line: int
    reason: str
    rule: str = UNUSABLE
    owner: Name | None = None


Skip = Callable[[Skipped], None]
"""A callback for each skipped record, in the order of the file; then for each DNAME next to NS
records, and for each RRset that is too large for a DNS message."""


class _Place(msgspec.Struct):
    """The position in one file, with the origin and the last owner of that file."""

    source: str
    origin: Name
    owner: Name | None
    depth: int
    line: int = 1


def read(
    octets: bytes,
    zone: Name,
    *,
    source: str = "-",
    include: Opener | None = None,
    whole: bool = True,
    progress: Callable[[int], None] | None = None,
    skip: Skip | None = None,
    cache: LineCache | None = None,
) -> ZoneFile:
    """Read the RRsets of a master file.

    Args:
        octets: the content of the file.
        zone: the first origin; every owner must be within it.
        source: the name of the file, for errors and for ``include``.
        include: opens ``$INCLUDE`` files (:class:`zonegit.zonefile.includes.Includes`); with
            None they are not allowed.
        whole: whether the file is a whole zone, which needs an SOA.
        progress: called with the number of records read, after every ``PROGRESS_STEP`` records.
        skip: called for each record whose RDATA is malformed or that is not allowed at its owner,
            and for each RRset that is too large for a DNS message; these are left out. With None
            they are errors.
        cache: a cache of lines that were read before; the lines of this file are added to it.

    Raises:
        Invalid: the file has any other fault; the message begins with ``FILE:LINE:``.
    """
    return _Reader(zone, include, progress, skip, cache).read(octets, source, whole)


class _Reader:
    """The state that all files of one zone share."""

    def __init__(
        self,
        zone: Name,
        include: Opener | None,
        progress: Callable[[int], None] | None,
        skip: Skip | None,
        cache: LineCache | None,
    ) -> None:
        self._zone = zone
        self._include = include
        self._progress = progress
        self._skip = skip
        self._cache = cache
        self._builder = ZoneBuilder(zone)
        self._default_ttl: int | None = None
        self._last_ttl: int | None = None
        self._octets = 0
        self._records = 0
        self._includes = 0
        self._generated = 0
        self._name = lru_cache(_CACHED_NAMES)(fields.parse_name)

    def read(self, octets: bytes, source: str, whole: bool) -> ZoneFile:
        place = _Place(source, self._zone, None, 0)
        self._read_file(place, octets)
        end, skip = (source, place.line), self._skip
        if skip is None:
            return self._builder.finish(self._records, whole, end, None)

        def leave_out(where: FileLine, owner: Name, reason: str) -> None:
            skip(Skipped(*where, reason, sizing.TOO_LARGE, owner))

        for where, owner in self._builder.leave_out_dnames():
            skip(Skipped(*where, rules.ns_and_dname_error(owner).message, NS_AND_DNAME, owner))
        return self._builder.finish(self._records, whole, end, leave_out)

    def _read_file(self, place: _Place, octets: bytes) -> None:
        self._count_file(place, len(octets))
        refuse_markers(octets, place.source)
        for entry in lexer.split_entries(octets, place.source, self._cache_lookup(place)):
            place.line = entry.line
            try:
                included = self._read_entry(place, entry)
            except Invalid as error:
                raise _locate(place, entry, error) from error
            if included is not None:
                self._read_file(*included)

    def _cache_lookup(self, place: _Place) -> Callable[[bytes], LineRecord | None] | None:
        """Return a function that looks a line up in the cache, under the current origin."""
        cache = self._cache
        return None if cache is None else lambda raw: cache.get(place.origin, raw)

    def _count_file(self, place: _Place, octets: int) -> None:
        try:
            self._count_octets(octets)
        except Invalid as error:
            raise lexer.error_at(place.source, place.line, error.message) from None

    def _count_octets(self, octets: int) -> None:
        self._octets += octets
        _check_size(self._octets)

    def _read_entry(self, place: _Place, entry: MasterFileEntry) -> tuple[_Place, bytes] | None:
        """Process one entry. For an ``$INCLUDE``, return the file to read next."""
        words = entry.words
        if entry.cached is not None:
            self._add_cached(place, entry.line, entry.cached)
        elif entry.indented:
            self._read_record(place, entry, None)
        elif words[0][:1] == "$" and not isinstance(words[0], Quoted):
            return self._read_directive(place, entry, words[0].upper())
        else:
            place.owner = self._name(fields.require_unquoted(words[0]), place.origin)
            self._read_record(place, entry, place.owner)
        return None

    def _read_directive(
        self, place: _Place, entry: MasterFileEntry, directive: str
    ) -> tuple[_Place, bytes] | None:
        arguments = entry.words[1:]
        match directive, arguments:
            case "$ORIGIN", [origin]:
                place.origin = self._name(fields.require_unquoted(origin), place.origin)
            case "$TTL", [ttl]:
                self._default_ttl = fields.parse_ttl(fields.require_unquoted(ttl))
            case "$INCLUDE", [path]:
                return self._open_included(place, path, place.origin)
            case "$INCLUDE", [path, origin]:
                return self._open_included(
                    place, path, self._name(fields.require_unquoted(origin), place.origin)
                )
            case "$GENERATE", [span, left, _, _, *_]:
                self._generate(place, entry.line, span, left, arguments[2:])
            case (("$ORIGIN" | "$TTL" | "$INCLUDE" | "$GENERATE"), _):
                raise Invalid(f"{directive} has the wrong number of arguments")
            case _:
                raise Invalid(
                    f"{lexer.show_words([directive])} is not a directive",
                    hint="use $ORIGIN, $TTL, $INCLUDE or $GENERATE; in a name, write $ as \\$",
                )
        return None

    def _open_included(self, place: _Place, path: str, origin: Name) -> tuple[_Place, bytes]:
        """Open an included file, which has its own place.

        The origin of the including file applies again after the included file (RFC 1035 section
        5.1), as does its last owner (as in BIND). A ``$TTL`` stays in effect.
        """
        self._includes += 1
        if self._include is None:
            raise Invalid(
                "$INCLUDE is not allowed here",
                hint="write the included lines into this file; only import, plan and lint of a FILE"
                " include others",
            )
        if place.depth >= MAX_INCLUDE_DEPTH:
            raise Invalid(f"$INCLUDE is nested more than {MAX_INCLUDE_DEPTH} deep")
        if self._includes > MAX_INCLUDES:
            raise Invalid(f"more than {MAX_INCLUDES} files are included")
        try:
            source, octets = self._include(place.source, _unescape(path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise Invalid(
                f"cannot include {lexer.show_words([path])}: {reason}",
                hint="the path is relative to the folder of the file that names it",
            ) from error
        return _Place(source, origin, place.owner, place.depth + 1), octets

    def _generate(self, place: _Place, line: int, span: str, left: str, rest: list[str]) -> None:
        numbers = generate.parse_range(fields.require_unquoted(span))
        self._generated += len(numbers)
        if self._generated > MAX_GENERATED:
            raise Invalid(f"$GENERATE makes more than {MAX_GENERATED} records")
        rdtype, ttl, at = fields.parse_head(rest, 0)
        right = generate.split_right_side(rest[at:])
        left, ttl = fields.require_unquoted(left), self._choose_ttl(ttl)
        for number in numbers:
            words = [generate.expand(word, number) for word in right]
            self._count_octets(sum(map(len, words)))
            place.owner = self._name(generate.expand(left, number), place.origin)
            self._parse_and_add(place, line, rdtype, ttl, words)

    def _read_record(self, place: _Place, entry: MasterFileEntry, owner: Name | None) -> None:
        """Process a record.

        Args:
            place: the position of the record.
            entry: the words of the record.
            owner: the owner that the record states, or None if its line begins with a blank.
        """
        rdtype, ttl, at = fields.parse_head(entry.words, 0 if owner is None else 1)
        if rdtype == SOA and self._has_no_ttl(ttl):
            soa = fields.parse_rdata(self._zone, SOA, entry.words[at:], place.origin)
            self._use_minimum(place, entry.line, soa)
        rdata = self._parse_and_add(
            place, entry.line, rdtype, self._choose_ttl(ttl), entry.words[at:]
        )
        if rdata is not None and entry.raw and self._cache is not None:
            self._cache.add(place.origin, entry.raw, LineRecord(owner, rdtype, ttl, rdata))

    def _add_cached(self, place: _Place, line: int, cached: LineRecord) -> None:
        """Add the record of a line that the cache has."""
        if cached.owner is not None:
            place.owner = cached.owner
        if cached.rdtype == SOA and self._has_no_ttl(cached.ttl):
            self._use_minimum(place, line, cached.rdata)
        ttl = self._choose_ttl(cached.ttl)
        owner = self._count_record(place)
        self._add_rdata(place, line, owner, cached.rdtype, ttl, cached.rdata)

    def _has_no_ttl(self, stated: int | None) -> bool:
        return stated is None and self._default_ttl is None and self._last_ttl is None

    def _use_minimum(self, place: _Place, line: int, soa: bytes) -> None:
        """Use the minimum of an SOA as the TTL of records that state no TTL, as BIND does."""
        ttl = min(int.from_bytes(soa[-4:], "big"), MAX_TTL)
        self._default_ttl = ttl
        message = (
            f"no TTL is stated, so it is {ttl}, the minimum of the SOA, for this record and later"
            " ones that state no TTL; $TTL at the beginning of the file sets another one"
        )
        finding = Finding(TTL_FROM_MINIMUM, "note", message, self._zone, SOA, "RFC 2308 section 4")
        self._builder.add_finding((place.source, line), finding)

    def _choose_ttl(self, stated: int | None) -> int:
        """Return the TTL of a record (RFC 2308 section 4).

        It is the TTL that the record states, otherwise the default (``$TTL`` or the SOA minimum),
        otherwise the last TTL that a record stated.
        """
        if stated is not None:
            self._last_ttl = stated
            return stated
        ttl = self._last_ttl if self._default_ttl is None else self._default_ttl
        if ttl is None:
            raise Invalid(
                "the record has no TTL, and none is stated before it",
                hint="begin the file with $TTL, such as: $TTL 1h",
            )
        return ttl

    def _parse_and_add(
        self, place: _Place, line: int, rdtype: int, ttl: int, words: list[str]
    ) -> bytes | None:
        """Add a record. Return its RDATA, or None if the RDATA is malformed and was skipped."""
        owner = self._count_record(place)
        try:
            rdata = fields.parse_rdata(owner, rdtype, words, place.origin)
        except Invalid as error:
            self._leave_out(place, line, error)
            return None
        self._add_rdata(place, line, owner, rdtype, ttl, rdata)
        return rdata

    def _count_record(self, place: _Place) -> Name:
        """Count one more record, and return its owner."""
        if place.owner is None:
            raise Invalid("the record begins with a blank, but there is no previous owner")
        self._records += 1
        if self._records > MAX_RECORDS:
            raise Invalid(f"more than {MAX_RECORDS} records")
        if self._progress is not None and self._records % PROGRESS_STEP == 0:
            self._progress(self._records)
        return place.owner

    def _add_rdata(
        self, place: _Place, line: int, owner: Name, rdtype: int, ttl: int, rdata: bytes
    ) -> None:
        try:
            self._builder.add(owner, rdtype, ttl, rdata, (place.source, line))
        except Invalid as error:
            self._leave_out(place, line, error)

    def _leave_out(self, place: _Place, line: int, error: Invalid) -> None:
        if self._skip is None:
            raise error
        self._skip(Skipped(place.source, line, _HIDDEN_MESSAGE if place.depth else error.message))


def _locate(place: _Place, entry: MasterFileEntry, error: Invalid) -> Invalid:
    """Return an error with its file and line.

    The error does not quote lines of an included file: the author of the including file may not
    have the right to read it.
    """
    is_directive = bool(entry.words) and entry.words[0].upper() == "$INCLUDE"
    if place.depth and not is_directive and includes.contains_word(error.message, entry.words):
        hint = (
            f"zonegit lint {shlex.quote(place.source)} --zone {names.text(place.origin)} shows why"
        )
        return lexer.error_at(place.source, entry.line, _HIDDEN_MESSAGE, hint)
    return lexer.error_at(place.source, entry.line, error.message, error.hint)


def _unescape(path: str) -> str:
    """Return the path that a word denotes, without escapes; its octets are UTF-8."""
    octets = re.sub(
        rb"\\(?:(\d{3})|(.))",
        lambda found: found[2] or bytes((int(found[1]) & 0xFF,)),
        path.encode("utf-8", "surrogateescape"),
        flags=re.DOTALL,
    )
    return os.fsdecode(octets)


def _check_size(octets: int) -> None:
    if octets > MAX_OCTETS:
        raise Invalid(f"more than {MAX_OCTETS} octets")
