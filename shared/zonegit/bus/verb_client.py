"""Send the requests of one actor, as the table of verbs describes them (:mod:`zonegit.wire.verbs`).

A verb has no method here of its own: ``await client.ask(RefVerbs.SINCE, AskSince(...))`` has the
type of its reply. The clients of the stores add methods for what the interfaces of
:mod:`zonegit.store` need in addition, such as batches.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import msgspec

from zonegit.bus.connection import REQUEST_TIMEOUT, Bus
from zonegit.store.ref_names import RefName
from zonegit.wire.verbs import AnyVerb, Verb

M = TypeVar("M", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)
P = ParamSpec("P")

WRITE_TIMEOUT: Final = 15.0
"""Seconds for a request that changes a store or checks a change: it ends with an fsync, which can
take long on a busy disk, or refs reads from the object store first."""


class VerbClient:
    """Sends requests as one actor."""

    def __init__(self, bus: Bus, actor: str, *, timeout: float | None = None) -> None:
        """Create the client.

        Args:
            bus: The connection.
            actor: The actor of the requests.
            timeout: The timeout of each request in seconds; None for the default of its kind.
        """
        self._bus = bus
        self._actor = actor
        self._timeout = timeout

    async def ask(
        self, verb: Verb[M, R], message: M, ref: RefName | None = None, about: str | None = None
    ) -> R:
        """Send a request, and return its reply.

        Args:
            verb: The verb.
            message: The request.
            ref: The ref in the subject; None if the verb is about none.
            about: ``own`` or ``default``, as in :class:`zonegit.wire.subjects.Request`.

        Raises:
            ZonegitError: The service answered with this error.
            Denied, Busy, Unavailable: As in :meth:`zonegit.bus.connection.Bus.request`.
        """
        return await self._bus.request(
            verb.make_subject(self._actor, ref, about),
            message,
            verb.reply,
            timeout=self._timeout or _usual_timeout(verb),
            is_long=verb.is_long,
        )


def asks(
    verb: Verb[M, R], make_message: Callable[P, M]
) -> Callable[Concatenate[VerbClient, P], Coroutine[Any, Any, R]]:
    """Return a method of a client whose arguments are those of a message.

    Args:
        verb: The verb; it is about no ref.
        make_message: The type of its message.
    """

    async def ask(self: VerbClient, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.ask(verb, make_message(*args, **kwargs))

    return ask


def _usual_timeout(verb: AnyVerb) -> float:
    return WRITE_TIMEOUT if verb.right.mutates or verb.is_slow else REQUEST_TIMEOUT
