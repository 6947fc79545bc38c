"""Records as an operator types them: names, TTLs and RDATA as words of a shell."""

from collections.abc import Sequence

from zonegit.zone import names, rrtypes, typed_records
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rrset, ttl_from_text


def parse_rrset(zone: Name, name: str, rdtype: str, ttl: str, words: Sequence[str]) -> RRset:
    """One RRset from ``NAME TYPE TTL RDATA...``.

    Raises:
        Invalid: a part is malformed; says which.
    """
    number = rrtypes.from_text(rdtype)
    seconds = ttl_from_text(ttl)
    owner = names.parse(name, zone)
    return rrset(owner, number, seconds, parse_rdatas(zone, rdtype, words))


def parse_rdatas(zone: Name, rdtype: str, words: Sequence[str]) -> list[bytes]:
    """The records that ``RDATA...`` stands for, by the rule of ``zonegit.zone.typed_records``.

    Raises:
        Invalid: they are no RDATA of that type; names the argument.
    """
    return typed_records.parse_rdatas(rrtypes.from_text(rdtype), words, zone)
