"""Write RRsets as a master file, and RDATA as text, so that the reader gets the same RRsets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from zonegit.errors import Invalid
from zonegit.zone import names, rdata, rrtypes
from zonegit.zone.lexer import show_words
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text
from zonegit.zone.rrtypes import RRSIG, SOA


def write(rrsets: Iterable[RRset], zone: Name) -> Iterator[str]:
    """Yield the lines of a master file, with their line ends.

    Owners are in canonical order (RFC 4034 section 6.1) and relative to ``$ORIGIN``. The SOA comes
    first, then the types by number. Each record states its TTL; an RRSIG has the TTL of the RRset
    that it covers (RFC 4034 section 3). Names in RDATA are absolute. RDATA whose text would not
    read back exactly is generic, ``\\#`` (RFC 3597).
    """
    owners: dict[Name, dict[int, RRset]] = {}
    for rrset in rrsets:
        owners.setdefault(rrset.owner, {})[rrset.rdtype] = rrset
    yield write_origin(zone)
    for owner in sorted(owners, key=names.canonical_key):
        yield from write_owner(owner, owners[owner], zone)


def write_origin(zone: Name) -> str:
    """Return the first line of a master file, the ``$ORIGIN`` to which its owners are relative."""
    return f"$ORIGIN {names.text(zone)}\n"


def write_owner(owner: Name, types: Mapping[int, RRset], zone: Name) -> Iterator[str]:
    """Yield the lines of the RRsets of one owner, in the form of :func:`write`."""
    shown = names.relative_text(owner, zone)
    for rdtype in sorted(types, key=lambda rdtype: (rdtype != SOA, rdtype)):
        yield from _records(shown, types[rdtype], types)


def write_record_head(rrset: RRset) -> str:
    """Return the fields of a record before its RDATA: ``owner ttl IN TYPE``."""
    kind = rrtypes.to_text(rrset.rdtype)
    return f"{names.text(rrset.owner)} {rrset.ttl} IN {kind}"


def write_generic(octets: bytes) -> str:
    """Return RDATA of any type in the generic form (RFC 3597 section 5)."""
    return rdata.write_generic(octets)


def rdata_from_words(rdtype: int, words: Sequence[str], origin: Name) -> bytes:
    """Parse the output of :func:`rrset.rdata_to_text`.

    A diff or a plan may remove a stored record that is malformed, so here ``\\#`` accepts any
    octets.

    Args:
        rdtype: the type of the record.
        words: the words of the RDATA, as ``lexer.split`` returns them.
        origin: completes relative names.

    Raises:
        Invalid: the words are not RDATA of that type.
    """
    try:
        return rdata.read_stored(rdtype, words, origin)
    except ValueError as error:
        raise Invalid(
            f"{show_words(words)!r} is not RDATA of type {rrtypes.to_text(rdtype)}: {error}"
        ) from None


def _records(owner: str, rrset: RRset, types: Mapping[int, RRset]) -> Iterator[str]:
    kind = rrtypes.to_text(rrset.rdtype)
    for octets in rrset.rdatas:
        ttl = rrset.ttl
        if rrset.rdtype == RRSIG:
            ttl = types.get(int.from_bytes(octets[:2], "big"), rrset).ttl
        yield f"{owner:<23} {ttl:>6} IN {kind:<7} {rdata_to_text(rrset.rdtype, octets)}\n"
