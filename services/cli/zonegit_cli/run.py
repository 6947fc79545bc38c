"""Run the command line, and map exceptions to an error message, a hint and an exit status.

0 ok, 1 error, 2 usage, 3 not found, 4 conflict, 5 denied, 6 unavailable, 7 unsafe (needs --force),
10 differences (--exit-code) or findings (lint).
"""

import os
import sys
from typing import Final

import click

from zonegit.errors import ZonegitError
from zonegit_cli.usage import Usage

EXIT_STATUS: Final = {
    "usage": 2,
    "not-found": 3,
    "conflict": 4,
    "denied": 5,
    "unavailable": 6,
    "busy": 6,
    "unsafe": 7,
}
EXIT_INTERRUPTED: Final = 130
EXIT_DIFFERENT: Final = 10
"""The exit status of ``--exit-code`` if there are differences."""


def run_cli(cli: click.Command, words: list[str]) -> int:
    """Run the command line and return its exit status; print errors on stderr."""
    stdout = sys.stdout
    try:
        status = cli.main(words, prog_name="zonegit", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("zonegit: interrupted", err=True)
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit) as error:
        # On a broken pipe click replaces the stream and exits with 1.
        if isinstance(error, SystemExit) and sys.stdout is stdout:
            raise
        # The reader (a pager, head) has closed the pipe; do not fail again when stdout is flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if "--debug" in words:
            raise
        failure, status = _classify(error)
        print_error(failure, as_json="--json" in words)
        return status


def _classify(error: Exception) -> tuple[ZonegitError, int]:
    """Return the error to print for an exception, and the exit status."""
    match error:
        case ZonegitError():
            return error, EXIT_STATUS.get(error.code, 1)
        case click.ClickException():
            return _usage_error(error), error.exit_code
        case ExceptionGroup() if cause := _find_failure(error):
            return cause, EXIT_STATUS.get(cause.code, 1)
        case OSError() if error.filename is not None:
            return ZonegitError(f"{error.filename}: {error.strerror}"), 1
        case OSError() if error.strerror is not None:
            return ZonegitError(error.strerror), 1  # on standard output, which has no file name
        case _:
            text = f"{type(error).__name__}: {error}"
            hint = "this is a bug; run the command with --debug to see where"
            return ZonegitError(text, hint=hint), 1


def _usage_error(error: click.ClickException) -> ZonegitError:
    """Return the error for a wrong command line, with the usage as its hint."""
    message = error.format_message().removesuffix(".")
    if isinstance(error, click.NoSuchOption):
        hint = "if it is a value and not an option, put -- before it (--help lists the options)"
    else:
        context = error.ctx if isinstance(error, click.UsageError) else None
        usage = " ".join(context.get_usage().split()) if context else "Usage: zonegit COMMAND"
        hint = f"{usage.removeprefix('Usage: ')} (see --help)"
    return Usage(message[:1].lower() + message[1:], hint=hint)


def _find_failure(group: ExceptionGroup[Exception]) -> ZonegitError | None:
    for each in group.exceptions:
        found = _find_failure(each) if isinstance(each, ExceptionGroup) else each
        if isinstance(found, ZonegitError):
            return found
    return None


def print_error(error: ZonegitError, *, as_json: bool) -> None:
    """Print an error on stderr: one line and a hint, or one JSON object."""
    if as_json:
        import json

        import msgspec

        from zonegit.views.problem import make_error

        # ASCII only: standard error may have any encoding.
        click.echo(json.dumps(msgspec.to_builtins(make_error(error))), err=True)
        return
    from zonegit_cli.output import append_u_labels, escape_controls, find_color_setting
    from zonegit_cli.text_width import find_width, wrap

    message = escape_controls(error.message)
    if sys.stderr.isatty():
        message = append_u_labels(message, sys.stderr.encoding)
    lines = [f"{click.style('zonegit:', fg='red', bold=True)} {message}"]
    if error.hint:
        lines.append(f"{click.style('   hint:', fg='yellow')} {escape_controls(error.hint)}")
    if (width := find_width(sys.stderr)) is not None:
        lines = [part for line in lines for part in wrap(line, width, len("zonegit: "))]
    click.echo("\n".join(lines), err=True, color=find_color_setting())
