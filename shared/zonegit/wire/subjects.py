"""Encode and parse subjects: the actor, the service, the verb, the ref and the zone of a request.

A zone is encoded as its labels in reverse order, each octet outside ``[a-z0-9_-]`` as ``=XX``, and
the final token ``=``. The encoding is injective, and because of the final token one permission line
covers a zone and all zones below it, and nothing else.

    zg.<actor>.objects.<verb>
    zg.<actor>.refs.<verb>
    zg.<actor>.refs.<verb>.<ref>.<zone ...>.=
    zg.<actor>.refs.point.default.<branch>.<zone ...>.=
    zg.<actor>.refs.unpoint.own
    zg.events.<kind>.<ref>.<zone ...>.=
    zg.served.<resolver>.<zone ...>.=
    zg.served.<resolver>._
    zg.resolvers.<resolver>.<verb>
    zg.resolvers.<verb>
    zg.presence.<store>
    zg.heartbeat

A reply is sent to an inbox of the requester only:

    _INBOX.<actor>.<connection>.<request>
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from zonegit.errors import Invalid
from zonegit.store import ref_names
from zonegit.store.ref_names import RefName
from zonegit.zone import names
from zonegit.zone.names import Name

ROOT: Final = "zg"
HEARTBEAT: Final = "zg.heartbeat"
EVENTS: Final = "zg.events.>"
SERVED: Final = "zg.served.>"
ANNOUNCEMENTS: Final = "zg.served.*._"
END: Final = "="
SERVICES: Final = frozenset({"objects", "refs"})
"""The tokens of services. No resolver may have such a name: a service subscribes to
``zg.*.refs.>``, which matches ``zg.served.refs.>``."""
NO_ACTORS: Final = frozenset({"events", "heartbeat", "presence", "resolvers", "served"})
"""Tokens that are in the place of an actor in other subjects. No actor may have such a name: a user
who may call resolvers, with ``zg.resolvers.>``, could otherwise move refs as the actor
``resolvers``."""
OWN: Final = "own"
DEFAULT: Final = "default"
INBOX: Final = "_INBOX"
MAX_REPLY: Final = 512
"""The maximum characters of a reply subject."""
SERVICE_ACTORS: Final = frozenset({"resolver", "refs", "objectstore"})
"""The actors of services; the broker does not allow operators to send requests as one of them."""

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_TOKEN: Final = re.compile(r"(?:[a-z0-9_-]|=[0-9A-F]{2})+", re.ASCII)
_INBOX: Final = re.compile(r"_INBOX(?:\.[A-Za-z0-9=_-]+){2,}", re.ASCII)
_EARLIER_INBOX: Final = re.compile(
    r"_INBOX_[^.\s*>]+(?:\.[A-Za-z0-9_-]+)+|_INBOX\.[0-9a-f]{24}\.[0-9a-f]{24}", re.ASCII
)
"""The inboxes of clients of the earlier release, which are accepted for one release."""


class Request(msgspec.Struct, frozen=True):
    """The content of the subject of a request.

    Attributes:
        actor: The authenticated actor.
        service: The service.
        verb: The verb.
        ref: The ref; None if the verb is not about one.
        about: The kind of what follows the verb; empty if nothing does, ``own`` for the HEAD of the
            actor, ``default`` if the default HEAD is to point to the branch ``ref``.
    """

    actor: str
    service: str
    verb: str
    ref: RefName | None
    about: str = ""


def encode_token(octets: bytes) -> str:
    """Encode octets as a token: those outside ``[a-z0-9_-]``, including capitals, as ``=XX``."""
    return "".join(chr(octet) if octet in _PLAIN else f"={octet:02X}" for octet in octets)


def decode_token(text: str) -> bytes:
    """Decode a token of :func:`encode_token`.

    Raises:
        Invalid: It is not a token in its canonical form.
    """
    if not _TOKEN.fullmatch(text):
        raise Invalid(f"{text[:80]!r} is not a token of a subject")
    parts = re.split(r"=([0-9A-F]{2})", text)
    octets = b"".join(
        bytes((int(part, 16),)) if index % 2 else part.encode() for index, part in enumerate(parts)
    )
    if encode_token(octets) != text:
        raise Invalid(f"{text[:80]!r} is not a token in its canonical form")
    return octets


def encode_zone(zone: Name) -> str:
    """Encode a zone: ``foo.com.`` as ``com.foo.=``, the root as ``=``."""
    return ".".join([*(encode_token(label) for label in reversed(names.labels(zone))), END])


def decode_zone(tokens: Sequence[str]) -> Name:
    """Decode the tokens of :func:`encode_zone`.

    Raises:
        Invalid: They are not a zone name.
    """
    if not tokens or tokens[-1] != END:
        raise Invalid("the subject's zone does not end in =")
    return names.join(decode_token(part) for part in reversed(tokens[:-1]))


def encode_ref(ref: RefName) -> str:
    """Encode a ref: ``heads.<branch>``, ``tags.<tag>``, ``head._``, ``zone._`` or ``serving._``,
    then the zone."""
    if ref.zone is None:
        raise Invalid(f"{ref.path()} has no zone, so it has no subject")
    named = ref.space in ("heads", "tags")
    second = encode_token(ref.short.encode()) if named else "_"
    return f"{ref.space}.{second}.{encode_zone(ref.zone)}"


def request(
    actor: str, service: str, verb: str, ref: RefName | None = None, about: str | None = None
) -> str:
    """Return the subject of a request. ``about`` is ``own`` or ``default`` as in :class:`Request`.

    Raises:
        Invalid: No actor can have that name.
    """
    if actor in NO_ACTORS:
        raise Invalid(
            f"invalid actor {actor!r}: subjects begin with that word",
            hint="set ZONEGIT_ACTOR to another name",
        )
    head = f"{ROOT}.{encode_token(actor.encode())}.{service}.{verb}"
    if about == OWN:
        return f"{head}.{OWN}"
    if ref is None:
        return head
    tail = encode_ref(ref)
    return f"{head}.{DEFAULT}.{tail.partition('.')[2]}" if about == DEFAULT else f"{head}.{tail}"


def endpoint(service: str, verb: str, *, of_a_ref: bool) -> str:
    """Return the subject that a service subscribes to for one verb."""
    return f"{ROOT}.*.{service}.{verb}.>" if of_a_ref else f"{ROOT}.*.{service}.{verb}"


def parse_request(subject: str) -> Request:
    """Parse the subject of a request.

    Raises:
        Invalid: It is not the subject of a request, or not in its canonical form. The permissions
            of the broker compare octets, so a second form of a zone or branch would bypass them.
    """
    tokens = subject.split(".")
    if len(tokens) < 4 or tokens[0] != ROOT:
        raise Invalid(f"{subject[:200]!r} is not the subject of a request")
    actor = ref_names.check_actor(decode_token(tokens[1]).decode("utf-8", "replace"))
    about = tokens[4] if len(tokens) > 4 else ""
    ref = _parse_ref(tokens[4:]) if about not in ("", OWN) else None
    if request(actor, tokens[2], tokens[3], ref, about) != subject:
        raise Invalid(f"{subject[:200]!r} is not the canonical subject of a request")
    return Request(actor, tokens[2], tokens[3], ref, about)


def _parse_ref(tokens: Sequence[str]) -> RefName:
    space, second = tokens[0], tokens[1] if len(tokens) > 1 else ""
    zone = decode_zone(tokens[2:])
    match space:
        case "heads" | "default":
            return ref_names.branch(zone, decode_token(second).decode("utf-8", "replace"))
        case "tags":
            return ref_names.tag(zone, decode_token(second).decode("utf-8", "replace"))
        case "zone" if second == "_":
            return ref_names.marker(zone)
        case "serving" if second == "_":
            return ref_names.serving(zone)
        case _:
            raise Invalid(f"{space[:80]!r} is not a kind of ref")


def inbox(actor: str) -> str:
    """Return the prefix of the reply subjects of an actor."""
    return f"{INBOX}.{encode_token(actor.encode())}"


def inbox_for(subject: str, actor: str) -> str:
    """Return the prefix of the reply subjects of a request: that of the actor in its subject, or of
    ``actor`` if the subject names none (a broadcast)."""
    asker = _asker(subject)
    return f"{INBOX}.{asker}" if asker is not None else inbox(actor)


def may_answer(subject: str, reply: str) -> bool:
    """Return whether a reply to a request may be published to its reply subject.

    Only an inbox of the actor in the subject is allowed, because the broker has authenticated that.
    Otherwise a stranger could make a service publish what only the service may publish. If the
    subject names no actor (a broadcast, ``$SRV.PING``), any inbox is allowed.
    """
    if len(reply) > MAX_REPLY:
        return False
    if _EARLIER_INBOX.fullmatch(reply):
        return True
    asker = _asker(subject)
    is_own = asker is None or reply.startswith(f"{INBOX}.{asker}.")
    return is_own and _INBOX.fullmatch(reply) is not None


def _asker(subject: str) -> str | None:
    """Return the token of the actor in the subject of a request; None if it has none."""
    tokens = subject.split(".", 3)
    is_request = len(tokens) == 4 and tokens[0] == ROOT and tokens[1] not in NO_ACTORS
    return tokens[1] if is_request else None


def event(kind: str, ref: RefName) -> str:
    """Return the subject of the event of a log row. The move of a HEAD, which is about no zone or
    about the choice of an operator in one, has ``head._``."""
    if ref.zone is None:
        return f"zg.events.{kind}.head._.{END}"
    return f"zg.events.{kind}.{encode_ref(ref)}"


def served(resolver: str, zone: Name) -> str:
    """Return the subject of the reports of a resolver about the served state of a zone."""
    return f"zg.served.{encode_token(resolver.encode())}.{encode_zone(zone)}"


def served_by_any(zone: Name) -> str:
    """Return the subject of the reports of all resolvers about a zone."""
    return f"zg.served.*.{encode_zone(zone)}"


def served_unbound(zone: Name) -> str:
    """Return the subject of the reports of resolvers of the earlier release, which does not name
    them."""
    return f"zg.served.{encode_zone(zone)}"


def announcement(resolver: str) -> str:
    """Return the subject of the announcements of a resolver."""
    return f"zg.served.{encode_token(resolver.encode())}._"


def resolver(name: str, verb: str) -> str:
    """Return the subject of a request to one resolver."""
    return f"zg.resolvers.{encode_token(name.encode())}.{verb}"


def resolvers(verb: str) -> str:
    """Return the subject of requests to all resolvers."""
    return f"zg.resolvers.{verb}"


def presence(store: str) -> str:
    """Return the subject of a broadcast that every instance of a store answers."""
    return f"zg.presence.{store}"
