"""Generate zones with many hard cases from a seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import dns.name
from dns.name import Name

APEXES = ("one.test.", "two.test.", "sub.one.test.")
"""The zones of a trial: two apart, and a child of the first that is served beside it."""
ELSEWHERE = ("host.elsewhere.", "ns.example.", "test.")

LABELS = (
    *("a", "b", "c", "www", "ns", "_tcp", "MiXeD", "x" * 63),
    *("*", "*", "*", "*"),
    *(r"\000", r"a\001b", r"dot\.ted", r"\255\001", r"sp\032ace"),
)
TTLS = (0, 60, 300, 3600)
MAX_LABELS = 8
NAMES_PER_ZONE = 16
"""Names of a zone that are made one below another."""
LARGE_RRSET_SIZE = 150


@dataclass(frozen=True, slots=True)
class RandomRecord:
    """One record as in a master file, with absolute names."""

    owner: Name
    ttl: int
    rdtype: str
    rdata: str

    def __str__(self) -> str:
        return f"{self.owner} {self.ttl} {self.rdtype} {self.rdata}"


@dataclass(frozen=True, slots=True)
class RandomZone:
    """A zone as a list of records, the SOA first."""

    apex: str
    records: tuple[RandomRecord, ...]

    def text(self) -> str:
        """Return its master file."""
        return "".join(f"{record}\n" for record in self.records)


def make_zones(seed: int) -> list[RandomZone]:
    """Return all zones of a trial.

    One trial in four also has data below DNAMEs; NSD and Knot refuse such zones, BIND serves them.
    """
    rng = random.Random(seed)
    grown = {apex: _grown(rng, dns.name.from_text(apex)) for apex in APEXES}
    everywhere = [name for names in grown.values() for name in names]
    made = [
        RandomZone(apex, tuple(_Filler(rng, names, everywhere).records()))
        for apex, names in grown.items()
    ]
    return made if seed % 4 == 3 else [_without_occluded(zone) for zone in made]


def _without_occluded(zone: RandomZone) -> RandomZone:
    """Return the zone without data below a DNAME (RFC 6672 section 2.4)."""
    redirected = [record.owner for record in zone.records if record.rdtype == "DNAME"]

    def is_seen(record: RandomRecord) -> bool:
        return not any(
            record.owner != owner and record.owner.is_subdomain(owner) for owner in redirected
        )

    return RandomZone(zone.apex, tuple(filter(is_seen, zone.records)))


def _grown(rng: random.Random, apex: Name) -> list[Name]:
    """Generate names below one another, some of them below cuts, occluded, or covered by a
    wildcard."""
    names = [apex]
    while len(names) < NAMES_PER_ZONE:
        parent = rng.choice(names)
        name = _below(rng, parent)
        if len(name) - len(apex) <= MAX_LABELS and name not in names:
            names.append(name)
    return names


def _below(rng: random.Random, parent: Name) -> Name:
    label = dns.name.from_text(rng.choice(LABELS), None)
    try:
        return label.derelativize(parent)
    except dns.name.NameTooLong:
        return parent


class _Filler:
    """Generate the records at the names of one zone."""

    def __init__(self, rng: random.Random, names: list[Name], everywhere: list[Name]) -> None:
        self.rng = rng
        self.apex = names[0]
        self.names = names
        self.everywhere = everywhere
        self.made: dict[tuple[Name, str], list[str]] = {}
        self.ttls: dict[tuple[Name, str], int] = {}

    def records(self) -> Iterator[RandomRecord]:
        """Return all records; a name with a CNAME has no others."""
        self._add(self.apex, "SOA", f"ns.example. h.example. 7 7200 900 1209600 {self._ttl()}")
        self._servers()
        children = [dns.name.from_text(apex) for apex in APEXES]
        for name in self.names[1:]:
            if name not in children:
                self._fill(name)
        # DS below a wildcard is ambiguous without a delegation, so no such query is made.
        is_wild = any(name.is_wild() for name in self.names)
        for cut in children:
            is_below = cut != self.apex and cut.is_subdomain(self.apex)
            if is_below and (is_wild or self.rng.random() < 0.7):
                self._cut(cut)
        for (owner, rdtype), rdatas in self.made.items():
            for rdata in dict.fromkeys(rdatas):
                yield RandomRecord(owner, self.ttls[owner, rdtype], rdtype, rdata)

    def _servers(self) -> None:
        """Add name servers of the zone itself; BIND requires their addresses."""
        self._add(self.apex, "NS", "ns.example.")
        own = dns.name.from_text("server", self.apex)
        self._add(self.apex, "NS", f"{own}")
        self._a(own)

    def _fill(self, name: Name) -> None:
        is_wild = name.is_wild()
        weighted: list[tuple[int, Callable[[Name], None]]] = [
            (4, self._nothing),
            (8, self._data),
            (4, self._alias),
            (0 if is_wild else 4, self._cut),
            (0 if is_wild else 2, self._redirect),
        ]
        (fill,) = self.rng.choices([each for _, each in weighted], [w for w, _ in weighted])
        fill(name)

    def _nothing(self, name: Name) -> None:
        """Add nothing: the name is an empty non-terminal, or does not exist."""

    def _data(self, name: Name) -> None:
        kinds = [
            *(self._a, self._a, self._aaaa, self._mx, self._srv, self._naptr, self._svcb),
            *(self._https, self._txt, self._unknown, self._caa, self._ptr, self._big),
        ]
        for kind in self.rng.sample(kinds, self.rng.randint(1, 3)):
            kind(name)

    def _alias(self, name: Name) -> None:
        self._add(name, "CNAME", f"{self._target()}")

    def _redirect(self, name: Name) -> None:
        target = self.rng.choice([*self.everywhere, *map(dns.name.from_text, ELSEWHERE)])
        self._add(name, "DNAME", f"{target}")
        if self.rng.random() < 0.5:
            self._data(name)

    def _cut(self, name: Name) -> None:
        for _ in range(self.rng.randint(1, 3)):
            server = self.rng.choice([_below(self.rng, name), name, self._target()])
            self._add(name, "NS", f"{server}")
            if server.is_subdomain(self.apex) and self.rng.random() < 0.8:
                self._a(server)
                self._aaaa(server)
        if self.rng.random() < 0.4:
            self._add(name, "DS", f"{self.rng.randrange(65536)} 13 2 {'ab' * 32}")
        if self.rng.random() < 0.2:
            self._data(name)  # occluded, at the cut itself

    def _a(self, name: Name) -> None:
        self._add(name, "A", f"192.0.2.{self.rng.randrange(256)}")

    def _aaaa(self, name: Name) -> None:
        self._add(name, "AAAA", f"2001:db8::{self.rng.randrange(1, 65536):x}")

    def _mx(self, name: Name) -> None:
        self._add(name, "MX", f"{self.rng.randrange(99)} {self._target()}")

    def _srv(self, name: Name) -> None:
        self._add(name, "SRV", f"0 {self.rng.randrange(99)} 5060 {self._target()}")

    def _naptr(self, name: Name) -> None:
        flag = self.rng.choice("SAUP")
        self._add(name, "NAPTR", f'1 2 "{flag}" "SIP+D2U" "" {self._target()}')

    def _svcb(self, name: Name) -> None:
        self._add(name, "SVCB", f"{self.rng.randrange(3)} {self._target()}")

    def _https(self, name: Name) -> None:
        self._add(name, "HTTPS", f"1 {self.rng.choice(['.', self._target()])} alpn=h2")

    def _txt(self, name: Name) -> None:
        self._add(name, "TXT", rf'"a\000\"b" "{"t" * self.rng.choice([0, 1, 255])}"')

    def _unknown(self, name: Name) -> None:
        self._add(name, "TYPE65400", rf"\# 2 {self.rng.randrange(65536):04x}")

    def _caa(self, name: Name) -> None:
        self._add(name, "CAA", '0 issue "ca.example"')

    def _ptr(self, name: Name) -> None:
        self._add(name, "PTR", f"{self._target()}")

    def _big(self, name: Name) -> None:
        """Add more records than fit a datagram, and more than a hundred."""
        for number in range(LARGE_RRSET_SIZE):
            self._add(name, "AAAA", f"2001:db8:1::{number:x}")

    def _target(self) -> Name:
        """Return a name in this zone, below one, in another zone of the trial, or elsewhere."""
        name = self.rng.choice([*self.names, *self.everywhere])
        chance = self.rng.random()
        if chance < 0.1:
            return dns.name.from_text(self.rng.choice(ELSEWHERE))
        return _below(self.rng, name) if chance < 0.4 else name

    def _add(self, owner: Name, rdtype: str, rdata: str) -> None:
        if not self._fits(owner, rdtype):
            return
        self.made.setdefault((owner, rdtype), []).append(rdata)
        self.ttls.setdefault((owner, rdtype), self._ttl())

    def _fits(self, owner: Name, rdtype: str) -> bool:
        """Return False for a second type next to a CNAME, and for a DNAME at a zone cut."""
        here = {held for name, held in self.made if name == owner}
        if (
            "CNAME" in here
            or (rdtype == "CNAME" and here)
            or (rdtype == "DNAME" and rdtype in here)
        ):
            return False
        return not {"NS", "DNAME"} <= {rdtype, *here}

    def _ttl(self) -> int:
        return self.rng.choice(TTLS)
