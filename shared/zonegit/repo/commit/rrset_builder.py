"""Build an RRset from many edits, in linear time."""

from collections.abc import Iterable

from zonegit.errors import NotFound
from zonegit.zone.canonical_rdata import key
from zonegit.zone.rrset import RRset, format_key, rdata_to_text, rrset

MAX_SHOWN = 4
"""Records that an error lists."""


class RRsetBuilder:
    """Builds an RRset. Records are identified by their keys; the first of two spellings is kept.

    Args:
        value: the RRset to begin with.
    """

    def __init__(self, value: RRset) -> None:
        self._owner = value.owner
        self._rdtype = value.rdtype
        self.ttl = value.ttl
        self._records: dict[bytes, bytes] = {}
        self.add(value.rdatas)

    def __bool__(self) -> bool:
        """Return whether there is a record."""
        return bool(self._records)

    def add(self, rdatas: Iterable[bytes], *, respell: bool = False) -> None:
        """Add records.

        Args:
            rdatas: the records.
            respell: replace the spelling of existing records.
        """
        for rdata in rdatas:
            known = key(self._rdtype, rdata)
            if respell or known not in self._records:
                self._records[known] = rdata

    def remove(self, rdatas: Iterable[bytes], ttl: int | None) -> None:
        """Remove records.

        Args:
            rdatas: the records, in any spelling.
            ttl: the TTL that the RRset must have; None for any.

        Raises:
            NotFound: the RRset has another TTL, or not all of the records.
        """
        named = format_key(self._owner, self._rdtype)
        if ttl not in (None, self.ttl):
            raise NotFound(
                f"{named} has no record with TTL {ttl}", hint=f"its records have TTL {self.ttl}"
            )
        removed = {key(self._rdtype, rdata): rdata for rdata in rdatas}
        for known, rdata in removed.items():
            if known not in self._records:
                first = sorted(self._records.values())[:MAX_SHOWN]
                shown = ", ".join(rdata_to_text(self._rdtype, each) for each in first)
                raise NotFound(
                    f"{named} has no record {rdata_to_text(self._rdtype, rdata)}",
                    hint=f"it has {shown}",
                )
        for known in removed:
            del self._records[known]

    def build(self) -> RRset:
        """Return the RRset.

        Raises:
            Invalid: it is too large for a DNS message.
        """
        return rrset(self._owner, self._rdtype, self.ttl, self._records.values())
