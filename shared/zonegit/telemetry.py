"""Logging set-up: structured events on stderr, as JSON lines or, on a terminal, for people.

Events are dotted ``noun.past-tense`` with values as fields and units in field names. Nothing is
logged per DNS query.
"""

import logging
import sys
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer


def configure(service: str, level: str = "info", *, json: bool | None = None) -> None:
    """Sets up logging for a process. ``json`` None: unless stderr is a terminal.

    Raises:
        KeyError: ``level`` is not a level's name.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    # No traceback shows local variables: they hold passwords and other people's records.
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
