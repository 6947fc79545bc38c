"""Run the process ``zonegit-objectstore``: read settings, start the service."""

import sys
from pathlib import Path

import click

from zonegit import process
from zonegit_objectstore import app


@click.command()
@process.common_options
def main(data: Path | None, nats_url: str | None, log_level: str) -> None:
    """Store immutable objects by id, and answer requests for them on the bus."""
    sys.exit(process.run(app.NAME, app.run, data=data, nats_url=nats_url, log_level=log_level))


if __name__ == "__main__":
    main()
