"""Write the zones of the measurements as master files."""

import ipaddress
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

A: Final = 1
_LABEL_PREFIXES: Final = ("ns-", "www-", "mail-", "host-", "server-", "customer-", "static-ip-")
_SOA: Final = "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300"


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a zone by the kind of answer. All have the same length in a message.

    Attributes:
        zone: the name of the zone.
        hosts: names with an address and no text record.
        aliases: names with a CNAME record to a host.
        delegated: names below a zone cut.
        domains: names with an MX record.
    """

    zone: str
    hosts: Sequence[str]
    aliases: Sequence[str]
    delegated: Sequence[str]
    domains: Sequence[str]


def write_mixed_zone(file: Path) -> Names:
    """Write a master file of 1,000 RRsets: hosts, aliases, delegations with glue, mail domains."""
    hosts = [f"host{number:04}" for number in range(760)]
    lines = ["$ORIGIN mixed.test.", _SOA, "@ 3600 IN NS ns1", "@ 3600 IN NS ns2"]
    lines += ["ns1 3600 IN A 192.0.2.1", "ns2 3600 IN A 192.0.2.2"]
    lines += [f"{host} 300 IN A 10.0.{n >> 8}.{n & 255}" for n, host in enumerate(hosts)]
    others, names = _build_other_names("mixed.test.", hosts, aliases=100, cuts=48, domains=40)
    file.write_text("\n".join([*lines, *others]) + "\n")
    return names


def write_million_zone(file: Path) -> Names:
    """Write a master file of a million address records at 500,000 names.

    A few aliases, delegations and mail domains allow the same queries as for the small zone.
    """
    lengths: dict[int, list[str]] = {}
    with file.open("w") as out:
        for entry in _generate_dual_stack_zone("million.test.", 500_000):
            out.write(entry)
            label = entry.split(" ", 1)[0]
            lengths.setdefault(len(label), []).append(label)
        hosts = lengths[_QUERIED_LABEL_LENGTH]
        others, names = _build_other_names(
            "million.test.", hosts, aliases=10_000, cuts=5_000, domains=5_000
        )
        out.write("\n".join(others) + "\n")
    return names


_QUERIED_LABEL_LENGTH: Final = 10
"""Length of the labels that are queried; a quarter of all labels have it, from all parts of the
zone."""


def _build_other_names(
    zone: str, hosts: Sequence[str], *, aliases: int, cuts: int, domains: int
) -> tuple[list[str], Names]:
    """Return the lines of all names that are not hosts, and the names of the zone.

    The labels are as long as those of the hosts.
    """
    digits = len(hosts[0]) - 4
    names = Names(
        zone,
        hosts,
        [f"alia{number:0{digits}}" for number in range(aliases)],
        [f"w.cu{number:0{digits}}" for number in range(cuts)],
        [f"mail{number:0{digits}}" for number in range(domains)],
    )
    lines = [f"{name} 300 IN CNAME {hosts[n]}" for n, name in enumerate(names.aliases)]
    for number, name in enumerate(names.delegated):
        cut = name.removeprefix("w.")
        address = f"10.1.{number >> 8}.{number & 255}"
        lines += [f"{cut} 3600 IN NS ns.{cut}", f"ns.{cut} 3600 IN A {address}"]
    lines += [f"{name} 300 IN MX 10 {hosts[n]}" for n, name in enumerate(names.domains)]
    return lines, names


def format_flat_zone(zone: str, names: int) -> str:
    """Return a master file of ``names`` hosts directly below the apex, with one address each."""
    lines = [f"$ORIGIN {zone}", "$TTL 300", _SOA, "@ NS ns1", "ns1 A 192.0.2.1"]
    lines += [f"h{n} A 10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(names)]
    return "\n".join(lines) + "\n"


def _generate_dual_stack_zone(zone: str, names: int) -> Iterator[str]:
    """Yield a master file of ``names`` hosts directly below the apex, with an A and an AAAA record.

    Labels of 4 to 15 octets and the addresses are random, and the same every time.
    """
    generator = random.Random(3)
    yield f"$ORIGIN {zone}\n$TTL 300\n{_SOA}\n@ IN NS ns1\nns1 IN A 192.0.2.1\n"
    for number in range(names):
        label = f"{generator.choice(_LABEL_PREFIXES)}{number:x}"
        ipv4 = ipaddress.IPv4Address(generator.getrandbits(32))
        ipv6 = ipaddress.IPv6Address(0x20010DB8 << 96 | generator.getrandbits(96))
        yield f"{label} 300 IN A {ipv4}\n{label} 300 IN AAAA {ipv6}\n"
