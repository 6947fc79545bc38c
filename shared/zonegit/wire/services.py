"""List the services: their processes, their users on the bus, and the requests that test them.

``zonegit up`` starts these processes, gives each its user on the bus and waits until it answers;
``zonegit doctor`` asks for them; :mod:`zonegit.wire.permissions` has their roles; tests compare
``compose.yaml``, ``pyproject.toml`` and ``importlinter.toml`` with this table
(docs/adr/0054-table-of-services.md).
"""

from enum import Enum
from typing import Final

import msgspec

from zonegit.objects.ids import compute_id
from zonegit.wire import subjects
from zonegit.wire.messages import AskWhere, MissingObjects
from zonegit.wire.verbs import AnyVerb, ObjectVerbs, RefVerbs, Right, list_verbs

OWN: Final = "<own>"
"""Stands for the token of the own name of a user."""


class Role(msgspec.Struct, frozen=True):
    """A role of bus users.

    Attributes:
        rights: The rights to verbs of the services in ``asks``.
        asks: The services that the role sends requests to, by their tokens; None for all.
        publishes: Further subjects that it may publish to.
        hears: Further subjects that it may subscribe to.
        answers: Whether it answers requests, so it may publish to every inbox.
    """

    rights: frozenset[Right] = frozenset()
    asks: frozenset[str] | None = None
    publishes: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    answers: bool = False

    def may_ask(self, verb: AnyVerb) -> bool:
        """Return whether the role sends requests to the service of a verb."""
        return self.asks is None or verb.service in self.asks


class Sharing(Enum):
    """A way in which instances on one bus share the work; the value describes it."""

    LEASE = "one instance serves; another exits (zonegit.bus.presence)"
    GROUP = "each request goes to one of the instances (queue group of NATS)"
    NAMES = "each instance has a name of its own, and answers for itself"


class Probe(msgspec.Struct, frozen=True):
    """A request whose reply shows that a service works; it is about no ref."""

    verb: AnyVerb
    message: msgspec.Struct


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service.

    Attributes:
        name: The name of the program, of its user and actor on the bus, and of its log.
        module: The module that ``python -m`` runs.
        role: The role of its user on the bus.
        sharing: How its instances share the work.
        instances: The number of instances that ``zonegit up`` starts unless told otherwise; 0 for
            none.
        verbs: The verbs that it answers.
        probe: The request that shows that it works; None if each instance reports its status
            (``zg.resolvers.<name>.status``).
        has_store: Whether it has a store in the data folder, which may be damaged.
    """

    name: str
    module: str
    role: Role
    sharing: Sharing
    instances: int = 1
    verbs: tuple[AnyVerb, ...] = ()
    probe: Probe | None = None
    has_store: bool = False


OBJECTSTORE: Final = Service(
    name="objectstore",
    module="zonegit_objectstore",
    role=Role(
        publishes=(subjects.presence("objectstore"),),
        hears=(
            "zg.*.objects.>", subjects.presence("objectstore"), subjects.HEARTBEAT, "$SRV.>",
        ),
        answers=True,
    ),
    sharing=Sharing.LEASE,
    verbs=list_verbs(ObjectVerbs),
    probe=Probe(ObjectVerbs.MISSING, MissingObjects(ids=[compute_id("blob", b"")])),
    has_store=True,
)  # fmt: skip
REFS: Final = Service(
    name="refs",
    module="zonegit_refs",
    role=Role(
        rights=frozenset({Right.READ, Right.PUT}),
        asks=frozenset({"objects"}),
        publishes=(
            subjects.EVENTS, subjects.HEARTBEAT, subjects.resolvers("announce"),
            "zg.resolvers.*.status", subjects.presence("refs"),
        ),
        hears=(
            "zg.*.refs.>", subjects.SERVED, subjects.presence("refs"), subjects.HEARTBEAT,
            "$SRV.>",
        ),
        answers=True,
    ),
    sharing=Sharing.LEASE,
    verbs=list_verbs(RefVerbs),
    probe=Probe(RefVerbs.WHERE, AskWhere()),
    has_store=True,
)  # fmt: skip
RESOLVER: Final = Service(
    name="resolver",
    module="zonegit_resolver",
    role=Role(
        rights=frozenset({Right.READ}),
        asks=frozenset({"objects", "refs"}),
        publishes=(f"zg.served.{OWN}.>", f"zg.resolvers.{OWN}.status"),
        hears=(
            subjects.EVENTS, subjects.HEARTBEAT, "zg.resolvers.*", f"zg.resolvers.{OWN}.*",
            f"zg.served.{OWN}._",
        ),
        answers=True,
    ),
    sharing=Sharing.NAMES,
)  # fmt: skip

SERVICES: Final = (OBJECTSTORE, REFS, RESOLVER)
"""All services, each after those that it sends requests to, except those of one another."""

STORES: Final = tuple(each.name for each in SERVICES if each.has_store)
"""The services that have a store."""
