"""Format RRsets as ``zonegit`` commands, quoted for a shell."""

import shlex
from collections.abc import Sequence
from typing import Final

from zonegit.errors import Invalid
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.zone import names, rrtypes
from zonegit.zone.names import ROOT
from zonegit.zone.rrset import RRset, rdata_to_text
from zonegit.zonefile import typed_records
from zonegit.zonefile.writer import write_generic

_OPTION: Final = "-"


def format_set(rrset: RRset) -> str:
    """Return ``zonegit set NAME TYPE TTL 'RDATA'...`` for an RRset."""
    head = names.text(rrset.owner), rrtypes.to_text(rrset.rdtype), str(rrset.ttl)
    return _format_line("set", *head, *_format_arguments(rrset))


def format_change(delta: RRsetDelta) -> str:
    """Return the command that makes the change of one RRset."""
    if delta.new is not None:
        return format_set(delta.new)
    return _format_line("delete", names.text(delta.owner), rrtypes.to_text(delta.rdtype))


def _format_arguments(rrset: RRset) -> Sequence[str]:
    """Return an argument for each record, in the generic form (RFC 3597) if the arguments of
    several records would be parsed as the fields of one, like two strings of RESINFO."""
    texts = [rdata_to_text(rrset.rdtype, rdata) for rdata in rrset.rdatas]
    try:
        if typed_records.parse_rdatas(rrset.rdtype, texts, ROOT) == list(rrset.rdatas):
            return texts
    except Invalid:
        pass  # the RDATA has no text other than the generic form
    return [write_generic(rdata) for rdata in rrset.rdatas]


def _format_line(verb: str, *words: str) -> str:
    options_end = ["--"] if any(word.startswith(_OPTION) for word in words) else []
    return shlex.join(["zonegit", verb, *options_end, *words])
