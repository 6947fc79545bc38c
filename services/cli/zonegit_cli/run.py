"""The one door failures leave through: text, hint and exit status.

0 ok, 1 error, 2 usage, 3 not found, 4 conflict, 5 denied, 6 unavailable, 7 unsafe (needs --force).
"""

import os
import sys
from typing import Final

import click

from zonegit.errors import Invalid, ZonegitError

EXIT_STATUS: Final = {
    "not-found": 3,
    "conflict": 4,
    "denied": 5,
    "unavailable": 6,
    "busy": 6,
    "unsafe": 7,
}
INTERRUPTED: Final = 130


def leave_through_one_door(cli: click.Command, words: list[str]) -> int:
    """Runs the command line and returns its exit status; prints what went wrong on stderr."""
    stdout = sys.stdout
    try:
        status = cli.main(words, prog_name="zonegit", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as wanted:
        wanted.show()
        return wanted.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("zonegit: interrupted", err=True)
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as ended:
        # click exits with 1 when a pipe breaks, and is known by the stream it puts in place.
        if isinstance(ended, SystemExit) and sys.stdout is stdout:
            raise
        # The reader (a pager, head) has seen enough; do not fail again at interpreter exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if "--debug" in words:
            raise
        failure, status = _understood(error)
        tell(failure, as_json="--json" in words)
        return status


def _understood(error: Exception) -> tuple[ZonegitError, int]:
    """What to say of an exception, and the exit status."""
    match error:
        case ZonegitError():
            return error, EXIT_STATUS.get(error.code, 1)
        case click.ClickException():
            return _usage(error), error.exit_code
        case ExceptionGroup() if cause := _first_failure(error):
            return cause, EXIT_STATUS.get(cause.code, 1)
        case OSError() if error.filename is not None:
            return ZonegitError(f"{error.filename}: {error.strerror}"), 1
        case OSError() if error.strerror is not None:
            return ZonegitError(error.strerror), 1  # of standard output, which has no name
        case _:
            text = f"{type(error).__name__}: {error}"
            hint = "this is a bug; the same command with --debug shows where"
            return ZonegitError(text, hint=hint), 1


def _usage(error: click.ClickException) -> ZonegitError:
    """A wrong command line, and how the right one looks."""
    message = error.format_message().removesuffix(".")
    if isinstance(error, click.NoSuchOption):
        hint = "where it is a value and no option, put -- before it (--help lists the options)"
    else:
        context = error.ctx if isinstance(error, click.UsageError) else None
        usage = " ".join(context.get_usage().split()) if context else "Usage: zonegit COMMAND"
        hint = f"{usage.removeprefix('Usage: ')} (--help says more)"
    return Usage(message[:1].lower() + message[1:], hint=hint)


class Usage(Invalid):
    """The command line is not one."""

    code = "usage"


def _first_failure(group: ExceptionGroup[Exception]) -> ZonegitError | None:
    for each in group.exceptions:
        found = _first_failure(each) if isinstance(each, ExceptionGroup) else each
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
    from zonegit_cli.output import colourful, harmless, with_u_labels

    message = harmless(error.message)
    if sys.stderr.isatty():
        message = with_u_labels(message, sys.stderr.encoding)
    lines = [f"{click.style('zonegit:', fg='red', bold=True)} {message}"]
    if error.hint:
        lines.append(f"{click.style('   hint:', fg='yellow')} {harmless(error.hint)}")
    click.echo("\n".join(lines), err=True, color=colourful())
