"""Answer class CH: the server's version and identity (RFC 4892 and BIND's older names). Pure.

Names that are not configured are refused, as NSD and Knot do, and so are all other names and types.
"""

import struct
from typing import Final

from zonegit.nameserver.answer.response import Response
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.nameserver.message.fragment import AA, HEADER
from zonegit.nameserver.message.query import Query
from zonegit.zone import names, rrtypes

CH: Final = 3
_VERSION: Final = {names.parse(text) for text in ("version.server.", "version.bind.")}
_IDENTITY: Final = {names.parse(text) for text in ("id.server.", "hostname.bind.")}
_OWNER: Final = 0xC000 | HEADER
"""A pointer to the question."""
_FIXED: Final = struct.Struct("!HHHIH")


def answer(query: Query, options: ServerOptions) -> Response | None:
    """Return the answer to a question of class CH; None if it is refused."""
    if query.qtype not in (rrtypes.TXT, rrtypes.ANY):
        return None
    if query.name in _VERSION:
        return _make_txt(options.server_version)
    return _make_txt(options.identity) if query.name in _IDENTITY else None


def _make_txt(content: str | None) -> Response | None:
    if content is None:
        return None
    octets = content.encode()
    fixed = _FIXED.pack(_OWNER, rrtypes.TXT, CH, 0, len(octets) + 1)
    return Response(fixed + bytes((len(octets),)) + octets, AA, 1, 0, 0, ())
