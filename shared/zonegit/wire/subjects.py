"""The subject grammar: who asks, what, of which ref, in which zone.

A zone is its labels reversed, every octet outside ``[a-z0-9_-]`` as ``=XX``, closed by the token
``=``: injective, and because of the closing token one permission line covers a zone and all below
it and nothing else.

    zg.<actor>.objects.<verb>
    zg.<actor>.refs.<verb>
    zg.<actor>.refs.<verb>.<ref>.<zone ...>.=
    zg.events.<kind>.<ref>.<zone ...>.=
    zg.served.<zone ...>.=
    zg.resolvers.<verb>
    zg.presence.<store>
    zg.heartbeat
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.store import refnames
from zonegit.store.refnames import RefName
from zonegit.zone import names
from zonegit.zone.names import Name

ROOT: Final = "zg"
HEARTBEAT: Final = "zg.heartbeat"
EVENTS: Final = "zg.events.>"
SERVED: Final = "zg.served.>"
END: Final = "="

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_TOKEN: Final = re.compile(r"(?:[a-z0-9_-]|=[0-9A-F]{2})+", re.ASCII)


class Request(msgspec.Struct, frozen=True):
    """What a request's subject says: the authenticated actor, service, verb, and the ref when the
    verb is about one."""

    actor: str
    service: str
    verb: str
    ref: RefName | None


def token(octets: bytes) -> str:
    """One token; octets outside ``[a-z0-9_-]``, capitals among them, as ``=XX``."""
    return "".join(chr(octet) if octet in _PLAIN else f"={octet:02X}" for octet in octets)


def untoken(text: str) -> bytes:
    """The inverse of :func:`token`.

    Raises:
        Invalid: not a token in its one form.
    """
    if not _TOKEN.fullmatch(text):
        raise Invalid(f"{text[:80]!r} is not a token of a subject")
    parts = re.split(r"=([0-9A-F]{2})", text)
    octets = b"".join(
        bytes((int(part, 16),)) if index % 2 else part.encode() for index, part in enumerate(parts)
    )
    if token(octets) != text:
        raise Invalid(f"{text[:80]!r} is not a token in its one form")
    return octets


def zone_tokens(zone: Name) -> str:
    """``foo.com.`` is ``com.foo.=``, the root ``=``."""
    return ".".join([*(token(label) for label in reversed(names.labels(zone))), END])


def zone_of(tokens: Sequence[str]) -> Name:
    """The inverse of :func:`zone_tokens`.

    Raises:
        Invalid: not a zone name.
    """
    if not tokens or tokens[-1] != END:
        raise Invalid("the subject's zone does not end in =")
    return names.join(untoken(part) for part in reversed(tokens[:-1]))


def ref_tokens(ref: RefName) -> str:
    """``heads.<branch>``, ``tags.<tag>``, ``head._`` or ``zone._``, then the zone."""
    if ref.zone is None:
        raise Invalid(f"{ref.path()} is about no zone, so it has no subject of its own")
    named = ref.space in ("heads", "tags")
    second = token(ref.short.encode()) if named else "_"
    return f"{ref.space}.{second}.{zone_tokens(ref.zone)}"


def request(actor: str, service: str, verb: str, ref: RefName | None = None) -> str:
    """The subject of a request."""
    head = f"{ROOT}.{token(actor.encode())}.{service}.{verb}"
    return f"{head}.{ref_tokens(ref)}" if ref is not None else head


def endpoint(service: str, verb: str, *, of_a_ref: bool) -> str:
    """What a service subscribes to for one verb."""
    return f"{ROOT}.*.{service}.{verb}.>" if of_a_ref else f"{ROOT}.*.{service}.{verb}"


def parse_request(subject: str) -> Request:
    """Raises:
    Invalid: not the subject of a request, or not in its one form: the broker's permissions
        compare octets, so a second way to write a zone or branch would get past them.
    """
    tokens = subject.split(".")
    if len(tokens) < 4 or tokens[0] != ROOT:
        raise Invalid(f"{subject[:200]!r} is not the subject of a request")
    actor = refnames.checked_actor(untoken(tokens[1]).decode("utf-8", "replace"))
    ref = _parse_ref(tokens[4:]) if len(tokens) > 4 else None
    if request(actor, tokens[2], tokens[3], ref) != subject:
        raise Invalid(f"{subject[:200]!r} is not the subject of a request in its one form")
    return Request(actor, tokens[2], tokens[3], ref)


def _parse_ref(tokens: Sequence[str]) -> RefName:
    space, second = tokens[0], tokens[1] if len(tokens) > 1 else ""
    zone = zone_of(tokens[2:])
    match space:
        case "heads":
            return refnames.branch(zone, untoken(second).decode("utf-8", "replace"))
        case "tags":
            return refnames.tag(zone, untoken(second).decode("utf-8", "replace"))
        case "zone" if second == "_":
            return refnames.marker(zone)
        case _:
            raise Invalid(f"{space[:80]!r} is not a kind of ref")


def event(kind: str, ref: RefName) -> str:
    """Where a log row is published. A HEAD's own move, which is about no zone or about an
    operator's choice in one, goes to ``head._``."""
    if ref.zone is None:
        return f"zg.events.{kind}.head._.{END}"
    return f"zg.events.{kind}.{ref_tokens(ref)}"


def served(zone: Name) -> str:
    """Where resolvers say that they now answer from another state of a zone."""
    return f"zg.served.{zone_tokens(zone)}"


def resolvers(verb: str) -> str:
    """A broadcast that every resolver answers."""
    return f"zg.resolvers.{verb}"


def presence(store: str) -> str:
    """Return the subject of a broadcast that every instance of a store answers."""
    return f"zg.presence.{store}"
