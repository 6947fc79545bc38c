"""A command is a page: its arguments and help, then parse, call, print. What all pages share is
here: the common options, the session, running an asynchronous body."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import click
import msgspec

from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.zone.names import Name
from zonegit_cli import params
from zonegit_cli.output import Output
from zonegit_cli.session import Session

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
Body = Callable[Concatenate[Session, P], Coroutine[Any, Any, int | None]]
Commits = Callable[..., Coroutine[Any, Any, int | None]]
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

COMMON: Final = ("as_json", "timeout", "data", "debug")


ZONE: Final = params.ZONE
NEW_ZONE: Final = params.NEW_ZONE
ZONE_AT: Final = params.ZONE_AT
BRANCH: Final = params.BRANCH
REFISH: Final = params.REFISH
TAG: Final = params.TAG
TYPE: Final = params.TYPE


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
                envvar="ZONEGIT_TIMEOUT",
                metavar="SECONDS",
                help="Give up on a service, or on --wait, after this long (ZONEGIT_TIMEOUT).",
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


class WithOwners(click.Command):
    """What follows ``--`` are names in the zone, as it is files in git; handed on as
    ``owners``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.params["owners"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])


class CommitOptions(msgspec.Struct, frozen=True):
    """How a command commits: where, with what message (None: the command's own words), whether
    forced, and because of what (None: nothing was said), whether only to show what it would do,
    whether to wait for the resolvers, whether warnings are errors, whether another spelling of
    records is stored (False where a command has no such option)."""

    zone: Name | None
    branch: str | None
    message: str | None
    force: bool
    reason: str | None
    dry_run: bool
    wait: bool
    strict: bool
    respell: bool = False


MESSAGE: Final = click.option("-m", "--message", metavar="TEXT", help="The commit's message.")
LONG_MESSAGE: Final = click.option("--message", metavar="TEXT", help="The commit's message.")
"""Where -m means something else."""

_ZONE: Final = click.option(
    "--zone", type=ZONE, metavar="ZONE", help="Work in this zone; HEAD stays where it is."
)
_BRANCH: Final = click.option(
    "--branch", type=BRANCH, metavar="BRANCH", help="Work on this branch; HEAD stays where it is."
)
_INTO: Final = click.option(
    "--into",
    "branch",
    type=BRANCH,
    metavar="BRANCH",
    default=DEFAULT_BRANCH,
    show_default=True,
    help="The branch that gets the changes.",
)


def in_zone(function: F) -> F:
    """Adds ``--zone`` and ``--branch``, which apply to this one command and move nothing."""
    return _ZONE(_BRANCH(function))


def into(function: F) -> F:
    """Adds ``--zone`` and ``--into``, the branch that a proposal is meant for."""
    return _ZONE(_INTO(function))


def commits(body: Commits) -> Commits:
    """Adds what every command that commits takes, handed on as ``how``."""
    return committing(in_zone, MESSAGE)(body)


def committing(where: Option, message: Option) -> Callable[[Commits], Commits]:
    """As :func:`commits`, with other options for the place or the message."""

    def wrap(body: Commits) -> Commits:
        @wraps(body)
        async def run(session: Session, **arguments: Any) -> int | None:
            session = signing(session, arguments.pop("sign"), off=arguments.pop("no_sign"))
            fields = msgspec.structs.fields(CommitOptions)
            given = [each.name for each in fields if each.name in arguments]
            how = CommitOptions(**{name: arguments.pop(name) for name in given})
            return await body(session, how=how, **arguments)

        for option in (waits, DRY_RUN, STRICT, REASON, FORCE, NO_SIGN, SIGN, message, where):
            option(run)
        return run

    return wrap


DRY_RUN: Final = click.option(
    "--dry-run", is_flag=True, help="Show what would change, exit as that would; change nothing."
)
STRICT: Final = click.option(
    "--strict", is_flag=True, help="Make warnings errors: then nothing is committed."
)
RESPELL: Final = click.option(
    "--respell", is_flag=True, help="Store the new case of names in records that are there already."
)
FORCE: Final = click.option(
    "--force", is_flag=True, help="Do it even where it would harm somebody."
)
REASON: Final = click.option(
    "--reason",
    "reason",
    type=params.Reason(),
    metavar="TEXT",
    help="Why it has to be: kept in the reflog.",
)
SIGN: Final = click.option(
    "--sign",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign with this private key's file (ZONEGIT_SIGNING_KEY).",
)
NO_SIGN: Final = click.option(
    "--no-sign", is_flag=True, help="Do not sign, whatever is configured."
)


def signing(session: Session, key: Path | None, *, off: bool) -> Session:
    """The session as ``--sign`` and ``--no-sign`` want it."""
    if off and key is not None:
        raise click.UsageError("--sign and --no-sign exclude each other")
    return session if off else session.signing(key)


def latest(what: str, usual: int, *, most: int | None = None) -> Option:
    """Adds ``-n``, handed on as ``limit``: how many of ``what`` there are to be, ``most`` at the
    most, None: any number."""
    return click.option(
        "-n",
        "--max-count",
        "limit",
        type=click.IntRange(1, most),
        metavar="N",
        default=usual,
        show_default=True,
        help=f"The latest N {what}.",
    )


def waits(function: F) -> F:
    """Adds ``--wait``, for every command that moves a branch."""
    return click.option(
        "--wait", is_flag=True, help="Return once every resolver that follows the branch serves it."
    )(function)
