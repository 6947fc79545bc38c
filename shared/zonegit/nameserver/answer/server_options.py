"""Options of a server that apply to all zones. Pure."""

from dataclasses import dataclass, field, fields

from zonegit.nameserver.message.query import DATAGRAM
from zonegit.nameserver.message.tsig import Keys
from zonegit.zone import names


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of the server.

    Attributes:
        ceiling: maximum size of a reply in a datagram, 512 to 4,096 octets, whatever size the
            client accepts (RFC 6891 section 6.2.5).
        minimal: leave out optional additional records.
        nsid: name server identifier (RFC 5001). None: not sent.
        version: answer to ``version.server`` (RFC 4892). None: REFUSED.
        identity: answer to ``id.server`` (RFC 4892). None: REFUSED.
        keys: TSIG keys that may sign queries.
        connections: maximum number of TCP connections.
        connections_of_subnet: maximum number of TCP connections from one /24 (IPv4) or /48 (IPv6).
        transfers: maximum number of zone transfers at a time.
    """

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
        """Describe what other options change, one line each. Of keys, names only."""
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
