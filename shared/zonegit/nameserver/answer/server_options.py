"""The options of a server that apply to all zones. Pure."""

from dataclasses import dataclass, field, fields

from zonegit.nameserver.message.query import DATAGRAM
from zonegit.nameserver.message.tsig import Keys
from zonegit.zone import names


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """The options of a server. Each has the name of its setting.

    Attributes:
        max_udp_size: the maximum size of a reply in a datagram, 512 to 4,096 octets, whatever size
            the client accepts (RFC 6891 section 6.2.5).
        minimal_responses: whether optional additional records are left out.
        nsid: the name server identifier (RFC 5001); None to send none.
        server_version: the answer to ``version.server`` (RFC 4892); None for REFUSED.
        identity: the answer to ``id.server`` (RFC 4892); None for REFUSED.
        keys: the TSIG keys that may sign queries.
        max_tcp: the maximum number of TCP connections.
        max_tcp_per_subnet: the maximum number of TCP connections from one /24 (IPv4) or /48 (IPv6).
        max_transfers: the maximum number of concurrent zone transfers.
    """

    max_udp_size: int = DATAGRAM
    minimal_responses: bool = False
    nsid: bytes | None = None
    server_version: str | None = None
    identity: str | None = None
    keys: Keys = field(default_factory=dict)
    max_tcp: int = 2_500
    max_tcp_per_subnet: int = 250
    max_transfers: int = 16

    def describe_changes(self, after: "ServerOptions") -> list[str]:
        """Describe what other options change, a line for each. Only the names of keys are shown."""
        lines = []
        for each in fields(self):
            old, new = getattr(self, each.name), getattr(after, each.name)
            if old != new:
                setting = each.name.replace("_", "-")
                lines.append(f"{setting}: {_format(old)} -> {_format(new)}")
        return lines


def _format(value: object) -> str:
    match value:
        case dict():
            return " ".join(sorted(names.text(name) for name in value)) or "none"
        case None:
            return "none"
        case _:
            return str(value)
