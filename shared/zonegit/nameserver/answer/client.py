"""Identify the client of a query: its key, its client subnet or its address. Pure."""

from zonegit.nameserver.acl import Access
from zonegit.nameserver.answer.canary import Canary, ClientSubnet, find_client_subnet, peer_subnet
from zonegit.nameserver.message.edns import STALE
from zonegit.nameserver.message.query import Query
from zonegit.nameserver.message.tsig import Signer
from zonegit.zone.names import Name


class Client:
    """The client of a query, identified by the TSIG key, else by the client subnet option, else by
    the peer's address. The option is parsed when the first zone is found for which it matters."""

    __slots__ = (
        "_is_parsed",
        "_is_subnet_used",
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
        """The extended error (RFC 8914) that the reply carries in addition to the answer."""
        self._options = query.edns.options if query.edns is not None else b""
        self._option: ClientSubnet | None = None
        self._is_parsed = False
        self._is_subnet_used = False

    @property
    def key(self) -> Name | None:
        """Return the name of the key that signed the query; None if it is not signed."""
        return self.signer.key.name if self.signer is not None else None

    @property
    def signature_size(self) -> int:
        """Return the number of octets that the signature of the reply takes."""
        return self.signer.key.size if self.signer is not None else 0

    def sign(self, reply: bytes) -> bytes:
        """Return the reply, signed if the query was."""
        return self.signer.sign(reply) if self.signer is not None else reply

    def is_allowed(self, access: Access | None) -> bool:
        """Return whether the client is allowed by ``access``; None allows every client."""
        return access is None or access.allows(self.peer, self.key)

    def parse_subnet(self) -> None:
        """Parse the client subnet option of the query.

        Raises:
            Invalid: its options are malformed; the reply is FORMERR.
        """
        if not self._is_parsed:
            self._is_parsed = True
            self._option = find_client_subnet(self._options) if self._options else None

    def is_in_canary(self, canary: Canary) -> bool:
        """Return whether the canary answers this client."""
        self.parse_subnet()
        self._is_subnet_used = True
        if self._option is not None and self._option.source:
            return canary.includes(self._option.subnet)
        return canary.includes(peer_subnet(self.peer))

    def add_stale_error(self) -> None:
        """Add the extended error "Stale Answer" to the reply (RFC 8914 section 4.4)."""
        self.error = STALE

    def encode_subnet_option(self) -> bytes:
        """Return the client subnet option of the reply; empty if that of the query was not
        parsed."""
        return (
            self._option.encode_reply(is_used=self._is_subnet_used)
            if self._option is not None
            else b""
        )
