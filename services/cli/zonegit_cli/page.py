"""A command is a page: its arguments and help, then parse, call, print. What all pages share is
here: the common options, the session, running an asynchronous body."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import click
import msgspec

from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli.output import Output
from zonegit_cli.session import Session

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
Body = Callable[Concatenate[Session, P], Coroutine[Any, Any, int | None]]

COMMON: Final = ("as_json", "timeout", "data", "debug")


class ZoneNameType(click.ParamType[Name]):
    """A zone's name, absolute whether it ends in a dot or not."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        return value if isinstance(value, bytes) else names.parse(value)  # type: ignore[return-value]


ZONE: Final = ZoneNameType()


def page(name: str | None = None, **settings: Any) -> Callable[[Body[P]], click.Command]:
    """Makes a command of an asynchronous function that takes a session first."""

    make: Callable[[Callable[..., Any]], click.Command] = click.command(name, **settings)

    def wrap(body: Body[P]) -> click.Command:
        def run(**arguments: Any) -> int | None:
            common = {key: arguments.pop(key) for key in COMMON}
            session = Session(Output(common["as_json"]), common["timeout"], common["data"])
            return asyncio.run(body(session, **arguments))  # type: ignore[call-arg]

        run.__doc__ = body.__doc__
        run.__click_params__ = getattr(body, "__click_params__", [])  # type: ignore[attr-defined]
        return make(_common(run))

    return wrap


def _common(function: F) -> F:
    for option in reversed(
        (
            click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
            click.option(
                "--timeout",
                type=click.FloatRange(0, 3600, min_open=True),
                default=10.0,
                show_default=True,
                metavar="SECONDS",
                help="Give up on a service, or on --wait, after this long.",
            ),
            click.option(
                "--data",
                type=click.Path(file_okay=False, path_type=Path),
                help="The stack's folder (ZONEGIT_DATA).",
            ),
            click.option("--debug", is_flag=True, help="Show a traceback when something fails."),
        )
    ):
        function = option(function)
    return function


class How(msgspec.Struct, frozen=True):
    """How a command commits: where, with what message (None: the command's own words), whether
    forced, whether to wait for the resolvers."""

    zone: Name | None
    branch: str | None
    message: str | None
    force: bool
    wait: bool


def in_zone(function: F) -> F:
    """Adds ``--zone`` and ``--branch``, which apply to this one command and move nothing."""
    function = click.option(
        "--branch", metavar="BRANCH", help="Work on this branch; HEAD stays where it is."
    )(function)
    return click.option(
        "--zone", type=ZONE, metavar="ZONE", help="Work in this zone; HEAD stays where it is."
    )(function)


def commits(body: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Any]:
    """Adds what every command that commits takes, handed on as ``how``."""

    @wraps(body)
    async def run(session: Session, **arguments: Any) -> None:
        how = How(**{each.name: arguments.pop(each.name) for each in msgspec.structs.fields(How)})
        await body(session, how=how, **arguments)

    options = (
        waits,
        click.option("--force", is_flag=True, help="Do it even where it would harm somebody."),
        click.option("-m", "--message", metavar="TEXT", help="The commit's message."),
        in_zone,
    )
    for option in options:
        option(run)
    return run


def waits(function: F) -> F:
    """Adds ``--wait``, for every command that moves a branch."""
    return click.option(
        "--wait", is_flag=True, help="Return once every resolver that follows the branch serves it."
    )(function)
