"""What stands in front of every answer: who asks, proved where it is to be.

A query passes here before any zone is looked for. What will limit rates, check cookies or know a
client by its certificate has its place here too.
"""

from zonegit.nameserver.answer.client import Client
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.nameserver.message.fragment import FORMERR
from zonegit.nameserver.message.query import Query
from zonegit.nameserver.message.tsig import TsigRefused, verify


def authenticate(wire: bytes, query: Query, zones: ZoneTable, peer: str) -> Client | bytes:
    """Who sent ``query``, parsed from ``wire``, from the address ``peer``; or the reply to a query
    whose signature is no good (RFC 8945 section 5.2). What is malformed is nobody's."""
    if query.tsig is None or query.rcode == FORMERR:
        return Client(query, peer, None)
    signer = verify(wire, query, zones.options.keys, zones.clock)
    if isinstance(signer, TsigRefused):
        zones.denied += 1
        return signer.reply
    return Client(query, peer, signer)
