"""Set up logging: structured events on stderr, as JSON lines, or as text on a terminal.

The name of an event is ``noun.past-tense``; values are fields, with units in their names. DNS
queries are not logged.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer


def configure(service: str, level: str = "info", *, json: bool | None = None) -> None:
    """Set up logging for a process.

    Args:
        service: The name of the service, a field of each event.
        level: The lowest level to log.
        json: Whether to write JSON lines; None to do so unless stderr is a terminal.

    Raises:
        KeyError: ``level`` is not the name of a level.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    # Tracebacks have no local variables: these can hold passwords and records of other tenants.
    errors: Any
    renderer: Any
    if as_json:
        errors = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        renderer = structlog.processors.JSONRenderer()
    else:
        errors = structlog.dev.set_exc_info
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            errors,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
