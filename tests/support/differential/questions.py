"""Generate questions about zones: every name, related names, many types, all transports."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import dns.message
import dns.name
from dns.name import Name
from tests.support.differential.random_zones import RandomZone

from zonegit.nameserver.message.query import DATAGRAM, PLAIN

TYPES = (
    *("A", "AAAA", "NS", "SOA", "CNAME", "DNAME", "DS", "MX", "TXT", "SRV", "NAPTR", "PTR"),
    *("SVCB", "HTTPS", "CAA", "TYPE65400", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "ANY"),
)
OFTEN = ("A", "NS", "DS", "CNAME")
OTHERS = 3
"""Further types that each name is queried for."""
PAYLOADS = (512, 1232, 4096)
UNKNOWN = ("nobody", "zzz", r"\000", "*")


@dataclass(frozen=True, slots=True)
class Question:
    """A query; ``payload`` is the EDNS payload size, None without EDNS."""

    name: Name
    rdtype: str
    payload: int | None = None
    do: bool = False
    tcp: bool = False

    def __str__(self) -> str:
        how = ["over TCP" if self.tcp else "over UDP"]
        how += [f"with EDNS {self.payload}"] if self.payload is not None else []
        how += ["and DO"] if self.do else []
        return f"{self.name} {self.rdtype} {' '.join(how)}"

    @property
    def room(self) -> int:
        """Return the maximum size of a UDP reply."""
        return min(max(self.payload or 0, PLAIN), DATAGRAM)

    def query(self, number: int = 0) -> bytes:
        """Return the query with this id; the case of the name is kept."""
        message = dns.message.make_query(
            self.name,
            self.rdtype,
            use_edns=-1 if self.payload is None else 0,
            payload=self.payload or 0,
            want_dnssec=self.do,
            id=number,
            flags=0,
        )
        return message.to_wire()


def make_questions(zones: list[RandomZone], seed: int, *, signed: bool = False) -> list[Question]:
    """Return all questions about zones; in signed zones, two thirds of them set DO."""
    rng = random.Random(seed)
    held: dict[Name, set[str]] = {}
    for zone in zones:
        for record in zone.records:
            held.setdefault(record.owner, set()).add(record.rdtype)
            _note_targets(held, record.rdata)
    names = dict.fromkeys(found for name in held for found in _relatives(rng, name))
    every = sorted({rdtype for types in held.values() for rdtype in types} & set(TYPES))
    asked = []
    for name in names:
        types = {*held.get(name, ()), *OFTEN, *rng.sample(TYPES, OTHERS), rng.choice(every)}
        asked += [_asked(rng, name, rdtype, signed=signed) for rdtype in sorted(types)]
    return asked


def _note_targets(held: dict[Name, set[str]], rdata: str) -> None:
    target = rdata.rpartition(" ")[2]
    if target.endswith("."):
        held.setdefault(dns.name.from_text(target), set())


def _relatives(rng: random.Random, name: Name) -> Iterator[Name]:
    """Return the name, its spelling in another case, all its ancestors, a child and a sibling."""
    yield name
    yield Name([label.swapcase() for label in name.labels])
    for depth in range(2, len(name)):
        yield Name(name.labels[-depth:])
    for parent in (name, name.parent() if len(name) > 1 else name):
        label = dns.name.from_text(rng.choice(UNKNOWN), None)
        try:
            yield label.derelativize(parent)
        except dns.name.NameTooLong:
            continue


def _asked(rng: random.Random, name: Name, rdtype: str, *, signed: bool) -> Question:
    do = rng.random() < (0.67 if signed else 0.2)
    payload = rng.choice(PAYLOADS) if do or rng.random() < 0.5 else None
    return Question(name, rdtype, payload, do, rng.random() < 0.15)
