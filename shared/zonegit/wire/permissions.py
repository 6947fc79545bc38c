"""Generate the permissions of bus users, by role, from the tables of verbs and services.

The subjects that a role may publish are listed one by one, so a verb that is added later is denied
to all roles without its right. ``docs/nats-server.conf``, the recipes of ``docs/operations.md`` and
the bus of ``zonegit up`` consist of these lines.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from zonegit.wire import subjects, verbs
from zonegit.wire.services import OWN, SERVICES, Role
from zonegit.wire.subjects import END, INBOX, ROOT
from zonegit.wire.verbs import AnyVerb, Form, Right
from zonegit.zone.names import Name

ANYONE: Final = "*"
"""Stands for every actor in place of a token."""

_OPERATOR: Final = frozenset(
    {Right.READ, Right.PUT, Right.MOVE, Right.SERVE, Right.ZONES, Right.POINT, Right.DEFAULT}
)
_ASKED_BY_PEOPLE: Final = (
    "zg.resolvers.*", "zg.resolvers.*.status", "zg.resolvers.*.answered",
    "zg.resolvers.*.secondaries", "zg.presence.*", "$SRV.PING",
)  # fmt: skip
_ASKED_BY_OPERATORS: Final = (*_ASKED_BY_PEOPLE, "zg.resolvers.*.reload")
_HEARD_BY_PEOPLE: Final = (subjects.SERVED, subjects.EVENTS, subjects.HEARTBEAT)

ROLES: Final = MappingProxyType(
    {
        **{each.name: each.role for each in SERVICES},
        "operator": Role(_OPERATOR, publishes=_ASKED_BY_OPERATORS, hears=_HEARD_BY_PEOPLE),
        "reader": Role(
            frozenset({Right.READ}), publishes=_ASKED_BY_PEOPLE, hears=_HEARD_BY_PEOPLE
        ),
        "owner": Role(frozenset(Right), publishes=_ASKED_BY_OPERATORS, hears=_HEARD_BY_PEOPLE),
    }
)  # fmt: skip
"""An ``operator`` works with all zones, a ``reader`` changes nothing, and an ``owner`` may also do
what is done once in the life of a store."""


def publish_lines(
    role: Role, actor: str, name: str | None = None, table: Iterable[AnyVerb] = verbs.VERBS
) -> list[str]:
    """Return the subjects that a user in a role may publish to.

    Args:
        role: The role.
        actor: The token of the actor.
        name: The token of the own name of the user, if that is another.
        table: The verbs.
    """
    asked = [verb for verb in table if role.may_ask(verb)]
    return [
        *(line for right in Right if right in role.rights for line in lines(asked, right, actor)),
        *(line.replace(OWN, name or actor) for line in role.publishes),
        *([f"{INBOX}.>"] if role.answers else []),
    ]


def subscribe_lines(role: Role, actor: str, name: str | None = None) -> list[str]:
    """Return the subjects that a user in a role may subscribe to."""
    return [
        f"{INBOX}.{actor}.>",
        *(line.replace(OWN, name or actor) for line in role.hears),
    ]


def lines(
    table: Iterable[AnyVerb], right: Right, actor: str, below: Name | None = None
) -> list[str]:
    """Return the subjects of the verbs that require a right.

    Args:
        table: The verbs.
        right: The right.
        actor: The token of the actor.
        below: A zone, to include only verbs about it and the zones below it; None for all verbs.
    """
    return [line for verb in table for line in _lines_of(verb, right, actor, below)]


def zone_lines(right: Right, actor: str, below: Name) -> list[str]:
    """Return the subjects of the verbs that require a right, for a zone and those below it."""
    return lines(verbs.VERBS, right, actor, below)


def branch_lines(right: Right, actor: str, branch: str, below: Name) -> list[str]:
    """Return the subjects of the verbs that require a right, for a branch of a zone and of those
    below it."""
    about = f"heads.{subjects.encode_token(branch.encode())}"
    return [
        f"{_head(verb, actor)}.{about}.{_zone(below)}>"
        for verb in verbs.VERBS
        if verb.right is right and Form.BRANCH in verb.forms
    ]


def serving_lines(right: Right, actor: str, below: Name) -> list[str]:
    """Return the subjects of the verbs that require a right, for the serving settings of a zone and
    of those below it."""
    return [
        f"{_head(verb, actor)}.{Form.SERVING.value}.{_zone(below)}>"
        for verb in verbs.VERBS
        if verb.right is right and Form.SERVING in verb.forms
    ]


def _lines_of(verb: AnyVerb, right: Right, actor: str, below: Name | None) -> list[str]:
    head = _head(verb, actor)
    forms = [form for form in verb.forms if verb.right_to(form) is right]
    zoneless = {Form.NOTHING: head, Form.OWN: f"{head}.{Form.OWN.value}"}
    found = [zoneless[form] for form in forms if form in zoneless and below is None]
    refs = [form.value for form in forms if form not in zoneless]
    tail = _zone(below) if below is not None else ""
    # One line for all kinds of refs: the service refuses kinds that a verb does not accept.
    return found + [f"{head}.{each}.{tail}>" for each in (refs if len(refs) < 2 else ["*.*"])]


def _head(verb: AnyVerb, actor: str) -> str:
    return f"{ROOT}.{actor}.{verb.service}.{verb.name}"


def _zone(zone: Name) -> str:
    return subjects.encode_zone(zone).removesuffix(END)
