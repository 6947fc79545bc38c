"""Collect the methods that answer the verbs of a service.

A class marks each of them with its verb::

    class RefHandlers:
        @answers(RefVerbs.SINCE)
        async def since(self, request: Request, message: AskSince) -> LogPage: ...

A type checker compares the message and the reply with those of the verb, and :func:`endpoints_of`
the methods with the table.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from zonegit.wire import verbs
from zonegit.wire.subjects import Request
from zonegit.wire.verbs import AnyVerb, Verb

H = TypeVar("H")
M = TypeVar("M", bound=msgspec.Struct)
R = TypeVar("R", bound=msgspec.Struct)

_VERB: Final = "answers_verb"
"""The attribute of a method that names its verb."""

Method = Callable[[H, Request, M], Awaitable[R]]
"""A method of a class that is called with a request and its message, and returns the reply."""
RequestHandler = Callable[[Request, Any], Awaitable[msgspec.Struct]]
"""Called with a request and its message, returns the reply; cancelled at the deadline of the
request."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A verb and its handler."""

    verb: AnyVerb
    answer: RequestHandler


Endpoints = Mapping[str, Endpoint]
"""The endpoints of a service by the names of their verbs."""


def answers(
    verb: Verb[M, R],
) -> Callable[[Method[H, M, R]], Method[H, M, R]]:
    """Mark the method of a class that answers a verb, for :func:`endpoints_of`."""

    def mark(method: Method[H, M, R]) -> Method[H, M, R]:
        setattr(method, _VERB, verb)
        return method

    return mark


def endpoints_of(
    service: str, handlers: object, table: Iterable[AnyVerb] = verbs.VERBS
) -> Endpoints:
    """Return the endpoints of a service: all its verbs in the table (:mod:`zonegit.wire.verbs`).

    Args:
        service: The token of the service in subjects.
        handlers: An object with a method for each verb, marked with :func:`answers`.
        table: The verbs of all services.

    Raises:
        KeyError: A verb has no method, or a method has no verb in the table.
    """
    expected = verbs.of_service(service, table)
    methods = {
        verb.name: getattr(handlers, name)
        for kind in reversed(type(handlers).__mro__)
        for name, method in vars(kind).items()
        if (verb := getattr(method, _VERB, None)) is not None
    }
    names = dict.fromkeys([*expected, *methods])
    return {name: Endpoint(expected[name], methods[name]) for name in names}
