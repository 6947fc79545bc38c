"""The process ``zonegit-refs``: reads settings, runs the service."""

import sys
from pathlib import Path

import click

from zonegit import process
from zonegit_refs import app


@click.command()
@process.common_options
def main(data: Path | None, nats_url: str | None, log_level: str) -> None:
    """Keeps branches, tags, zones and HEADs, and tells everybody when one moves."""
    sys.exit(process.run(app.NAME, app.run, data=data, nats_url=nats_url, log_level=log_level))


if __name__ == "__main__":
    main()
