"""Run the process ``zonegit-objectstore``: read settings, start the service."""

import sys
from functools import partial
from pathlib import Path

import click

from zonegit import process
from zonegit_objectstore import app
from zonegit_objectstore.backends import BACKENDS


@click.command()
@process.backend_option(BACKENDS, "ZONEGIT_OBJECTS_BACKEND")
@process.metrics_option
@process.common_options
def main(
    backend: str,
    metrics: tuple[str, int] | None,
    data: Path | None,
    nats_url: str | None,
    log_level: str,
) -> None:
    """Store immutable objects by id, and answer requests for them on the bus."""
    serve = partial(app.run, backend=backend, metrics=metrics)
    sys.exit(process.run(app.NAME, serve, data=data, nats_url=nats_url, log_level=log_level))


if __name__ == "__main__":
    main()
