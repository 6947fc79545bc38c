"""How a server behaves to everybody, whatever the zone. Pure."""

from dataclasses import dataclass, field, fields

from zonegit.nameserver.message.query import DATAGRAM
from zonegit.nameserver.message.tsig import Keys
from zonegit.zone import names


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """``ceiling`` is how many octets a reply in a datagram has at most, whatever its client takes
    (RFC 6891 section 6.2.5), 512 to 4,096. ``minimal``: answers bring along nothing that was
    not asked for and need not be there. ``nsid`` tells servers of one address apart (RFC 5001),
    ``identity`` too, for ``id.server``, and ``version`` is for ``version.server`` (RFC 4892);
    None: not told. ``keys`` are those that sign queries. ``connections`` is how many there may be
    at a time, ``connections_of_subnet`` how many of them from one /24 (IPv4) or /48 (IPv6).
    ``transfers`` is how many zone transfers are sent at a time."""

    ceiling: int = DATAGRAM
    minimal: bool = False
    nsid: bytes | None = None
    version: str | None = None
    identity: str | None = None
    keys: Keys = field(default_factory=dict)
    connections: int = 2_500
    connections_of_subnet: int = 250
    transfers: int = 16

    def differences(self, after: "ServerOptions") -> list[str]:
        """What another one changes, a line each, for people. Of keys, names alone."""
        lines = []
        for each in fields(self):
            old, new = getattr(self, each.name), getattr(after, each.name)
            if old != new:
                lines.append(f"{each.name}: {_format(old)} -> {_format(new)}")
        return lines


def _format(value: object) -> str:
    match value:
        case dict():
            return " ".join(sorted(names.text(name) for name in value)) or "none"
        case None:
            return "none"
        case _:
            return str(value)
