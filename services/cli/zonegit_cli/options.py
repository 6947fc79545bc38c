"""Make click commands of asynchronous functions, and define the options that commands share.

A command's module holds its arguments and its help, parses the input, calls a use case and prints
the result. The session and the event loop are set up here.
"""

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
CommandBody = Callable[..., Coroutine[Any, Any, int | None]]
Option = Callable[[Callable[..., Any]], Callable[..., Any]]

COMMON_OPTIONS: Final = ("as_json", "timeout", "data", "debug")


ZONE: Final = params.ZONE
NEW_ZONE: Final = params.NEW_ZONE
ZONE_AT: Final = params.ZONE_AT
BRANCH: Final = params.BRANCH
REFISH: Final = params.REFISH
TAG: Final = params.TAG
TYPE: Final = params.TYPE
TIME: Final = params.TIME


def session_command(name: str | None = None, **settings: Any) -> Callable[[Body[P]], click.Command]:
    """Return a decorator that makes a command of an asynchronous function.

    The function takes a :class:`Session` as its first argument, and returns an exit status or None.
    """

    make: Callable[[Callable[..., Any]], click.Command] = click.command(name, **settings)

    def wrap(body: Body[P]) -> click.Command:
        def run(**arguments: Any) -> int | None:
            common = {key: arguments.pop(key) for key in COMMON_OPTIONS}
            session = Session(Output(common["as_json"]), common["timeout"], common["data"])
            return asyncio.run(body(session, **arguments))  # type: ignore[call-arg]

        run.__doc__ = body.__doc__
        run.__click_params__ = getattr(body, "__click_params__", [])  # type: ignore[attr-defined]
        return make(_add_common_options(run))

    return wrap


def _add_common_options(function: F) -> F:
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
                help="Timeout of each request, and of --wait (ZONEGIT_TIMEOUT).",
            ),
            click.option(
                "--data",
                type=click.Path(file_okay=False, path_type=Path),
                help="Data folder of the stack (ZONEGIT_DATA).",
            ),
            click.option("--debug", is_flag=True, help="Show a traceback on errors."),
        )
    ):
        function = option(function)
    return function


class OwnersCommand(click.Command):
    """A command that takes owner names after ``--``, where git takes paths; passed as
    ``owners``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.params["owners"] = tuple(args[at + 1 :])
        return super().parse_args(ctx, args[:at])


class CommitOptions(msgspec.Struct, frozen=True):
    """The options of a command that commits.

    Args:
        zone: the zone; None for that of HEAD.
        branch: the branch; None for that of HEAD.
        message: the commit's message; None for the command's arguments.
        force: override safety checks.
        reason: the reason for the override; None if none was given.
        dry_run: show what would change, and change nothing.
        wait: wait until the resolvers serve the commit.
        strict: treat warnings as errors.
        respell: store records whose names differ in case only; False in commands without
            ``--respell``.
    """

    zone: Name | None
    branch: str | None
    message: str | None
    force: bool
    reason: str | None
    dry_run: bool
    wait: bool
    strict: bool
    respell: bool = False


MESSAGE: Final = click.option("-m", "--message", metavar="TEXT", help="Commit message.")
LONG_MESSAGE: Final = click.option("--message", metavar="TEXT", help="Commit message.")
"""For commands in which ``-m`` is another option."""

_ZONE: Final = click.option(
    "--zone", type=ZONE, metavar="ZONE", help="Use this zone; HEAD does not move."
)
_BRANCH: Final = click.option(
    "--branch", type=BRANCH, metavar="BRANCH", help="Use this branch; HEAD does not move."
)
_INTO: Final = click.option(
    "--into",
    "branch",
    type=BRANCH,
    metavar="BRANCH",
    default=DEFAULT_BRANCH,
    show_default=True,
    help="The branch to merge into.",
)


def zone_options(function: F) -> F:
    """Add ``--zone`` and ``--branch``, which apply to this one command and do not move HEAD."""
    return _ZONE(_BRANCH(function))


def proposal_options(function: F) -> F:
    """Add ``--zone`` and ``--into``, the branch that a proposal is to be merged into."""
    return _ZONE(_INTO(function))


def commit_options(body: CommandBody) -> CommandBody:
    """Add the options of a command that commits; passed as ``commit_options``
    (:class:`CommitOptions`)."""
    return commit_options_with(zone_options, MESSAGE)(body)


def commit_options_with(where: Option, message: Option) -> Callable[[CommandBody], CommandBody]:
    """Return :func:`commit_options` with other options for the branch (``where``) or the
    message."""

    def wrap(body: CommandBody) -> CommandBody:
        @wraps(body)
        async def run(session: Session, **arguments: Any) -> int | None:
            session = apply_signing(session, arguments.pop("sign"), off=arguments.pop("no_sign"))
            fields = msgspec.structs.fields(CommitOptions)
            given = [each.name for each in fields if each.name in arguments]
            commit_options = CommitOptions(**{name: arguments.pop(name) for name in given})
            return await body(session, commit_options=commit_options, **arguments)

        for option in (WAIT, DRY_RUN, STRICT, REASON, FORCE, NO_SIGN, SIGN, message, where):
            option(run)
        return run

    return wrap


DRY_RUN: Final = click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would change, with the same exit status; change nothing.",
)
STRICT: Final = click.option(
    "--strict", is_flag=True, help="Treat warnings as errors: commit nothing."
)
RESPELL: Final = click.option(
    "--respell", is_flag=True, help="Store records that differ from stored ones in case only."
)
FORCE: Final = click.option("--force", is_flag=True, help="Override safety checks.")
REASON: Final = click.option(
    "--reason",
    "reason",
    type=params.Reason(),
    metavar="TEXT",
    help="Reason for the override; recorded in the reflog.",
)
WAIT: Final = click.option(
    "--wait", is_flag=True, help="Wait until every resolver that follows the branch serves it."
)
"""For every command that moves a branch."""
SIGN: Final = click.option(
    "--sign",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign with the private key in this file (ZONEGIT_SIGNING_KEY).",
)
NO_SIGN: Final = click.option(
    "--no-sign", is_flag=True, help="Do not sign, even if a key is configured."
)


def apply_signing(session: Session, key: Path | None, *, off: bool) -> Session:
    """Return the session with the key that ``--sign`` and ``--no-sign`` choose.

    Args:
        session: the session of the command.
        key: the value of ``--sign``; None for the configured key.
        off: whether ``--no-sign`` was given.
    """
    if off and key is not None:
        raise click.UsageError("--sign and --no-sign exclude each other")
    return session if off else session.with_signing_key(key)


def max_count_option(noun: str, default: int, *, maximum: int | None = None) -> Option:
    """Return the option ``-n``, passed as ``limit``.

    Args:
        noun: what is counted, in the plural.
        default: the default.
        maximum: the maximum; None for no maximum.
    """
    return click.option(
        "-n",
        "--max-count",
        "limit",
        type=click.IntRange(1, maximum),
        metavar="N",
        default=default,
        show_default=True,
        help=f"Show the latest N {noun}.",
    )


def time_option(name: str, text: str) -> Option:
    """Return an option that takes a time as in a refish, passed in seconds since 1970."""
    return click.option(name, type=TIME, metavar="TIME", help=text)
