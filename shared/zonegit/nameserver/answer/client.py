"""Who asks, and what the zones that are met on the way to an answer make of it. Pure."""

from zonegit.nameserver.acl import Access
from zonegit.nameserver.answer.canary import Canary, ClientSubnet, find_client_subnet, peer_subnet
from zonegit.nameserver.message.edns import STALE
from zonegit.nameserver.message.query import Query
from zonegit.nameserver.message.tsig import Signer
from zonegit.zone.names import Name


class Client:
    """Who asks: by the key that signed the query, by what the query says of its client, else by
    the peer. Nothing of that is looked at before a zone is met that makes a difference of it."""

    __slots__ = (
        "_is_read",
        "_is_used",
        "_option",
        "_options",
        "error",
        "peer",
        "signer",
    )

    def __init__(self, query: Query, peer: str, signer: Signer | None) -> None:
        self.peer = peer
        self.signer = signer
        self.error: int | None = None
        """The extended error (RFC 8914) that is to be told beside the answer."""
        self._options = query.edns.options if query.edns is not None else b""
        self._option: ClientSubnet | None = None
        self._is_read = False
        self._is_used = False

    @property
    def key(self) -> Name | None:
        """The key that signed the query, None when none did."""
        return self.signer.key.name if self.signer is not None else None

    @property
    def signature(self) -> int:
        """Octets that signing the reply takes."""
        return self.signer.key.size if self.signer is not None else 0

    def sign(self, reply: bytes) -> bytes:
        """The reply as it is sent: signed where the query was."""
        return self.signer.sign(reply) if self.signer is not None else reply

    def is_allowed(self, access: Access | None) -> bool:
        """Whether it is let in; None lets in everybody."""
        return access is None or access.allows(self.peer, self.key)

    def parse_subnet(self) -> None:
        """Looks at what the query says of its client.

        Raises:
            Invalid: its options are malformed; the reply is FORMERR.
        """
        if not self._is_read:
            self._is_read = True
            self._option = find_client_subnet(self._options) if self._options else None

    def is_in_canary(self, canary: Canary) -> bool:
        """Whether the canary answers."""
        self.parse_subnet()
        self._is_used = True
        if self._option is not None and self._option.source:
            return canary.includes(self._option.subnet)
        return canary.includes(peer_subnet(self.peer))

    def warn_of_staleness(self) -> None:
        """What it is told may not be current (RFC 8914 section 4.4)."""
        self.error = STALE

    def subnet_option(self) -> bytes:
        """The client subnet as the reply repeats it, if it was looked at."""
        return self._option.encode_reply(is_used=self._is_used) if self._option is not None else b""
