"""Authenticate the sender of a query, before any zone is looked up.

Rate limits, DNS cookies and client certificates belong here as well.
"""

from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.message.fragment import FORMERR
from zonegit.nameserver.message.query import Query
from zonegit.nameserver.message.tsig import TsigRefused, verify


def authenticate(wire: bytes, query: Query, zones: ZoneTable, peer: str) -> Client | bytes:
    """Return the client that sent a query.

    A malformed query is not authenticated.

    Args:
        wire: the message that ``query`` was parsed from.
        query: the query.
        zones: the zones that are served, with the TSIG keys.
        peer: the IP address of the sender.

    Returns:
        The client, or the reply to a query whose signature is invalid (RFC 8945 section 5.2).
    """
    if query.tsig is None or query.rcode == FORMERR:
        return Client(query, peer, None)
    signer = verify(wire, query, zones.options.keys, zones.clock)
    if isinstance(signer, TsigRefused):
        zones.denied += 1
        return signer.reply
    return Client(query, peer, signer)
