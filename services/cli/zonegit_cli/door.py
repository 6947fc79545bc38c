"""The one door failures leave through: text, hint and exit status.

0 ok, 1 error, 2 usage, 3 not found, 4 conflict, 5 denied, 6 unavailable, 7 unsafe (needs --force).
"""

import os
import sys
from typing import Final

import click

from zonegit.errors import ZonegitError

EXIT_STATUS: Final = {
    "not-found": 3,
    "conflict": 4,
    "denied": 5,
    "unavailable": 6,
    "unsafe": 7,
}
INTERRUPTED: Final = 130


def leave_through_one_door(cli: click.Command, words: list[str]) -> int:
    """Runs the command line and returns its exit status; prints what went wrong on stderr."""
    try:
        status = cli.main(words, prog_name="zonegit", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("zonegit: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (a pager, head) has seen enough; do not fail again at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ZonegitError as error:
        if "--debug" in words:
            raise
        tell(error, as_json="--json" in words)
        return EXIT_STATUS.get(error.code, 1)
    except BaseExceptionGroup as group:
        # A task group wraps what went wrong inside it; what people need is the first cause.
        cause = _first_failure(group)
        if cause is None or "--debug" in words:
            raise
        tell(cause, as_json="--json" in words)
        return EXIT_STATUS.get(cause.code, 1)


def _first_failure(group: BaseExceptionGroup[BaseException]) -> ZonegitError | None:
    for each in group.exceptions:
        found = _first_failure(each) if isinstance(each, BaseExceptionGroup) else each
        if isinstance(found, ZonegitError):
            return found
    return None


def tell(error: ZonegitError, *, as_json: bool) -> None:
    """Prints a failure on stderr: one line and a hint, or one JSON object."""
    if as_json:
        import json

        fields = {"code": error.code, "message": error.message, "hint": error.hint}
        click.echo(json.dumps({"error": {**fields, "details": error.details}}), err=True)
        return
    click.echo(f"{click.style('zonegit:', fg='red', bold=True)} {error.message}", err=True)
    if error.hint:
        click.echo(f"{click.style('   hint:', fg='yellow')} {error.hint}", err=True)
