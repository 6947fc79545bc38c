"""Run the process ``zonegit-refs``: read settings, start the service."""

import sys
from functools import partial
from pathlib import Path

import click

from zonegit import process
from zonegit.store.basis import USUAL, MoveLimits
from zonegit_refs import app
from zonegit_refs.backends import BACKENDS


@click.command()
@click.option(
    "--max-change",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    default=USUAL.percent,
    envvar="ZONEGIT_MAX_CHANGE",
    show_default=True,
    help="Refuse moves that change or delete more of the RRsets of a zone, unless forced.",
)
@click.option(
    "--max-change-from",
    type=click.IntRange(min=1),
    metavar="RRSETS",
    default=USUAL.floor,
    envvar="ZONEGIT_MAX_CHANGE_FROM",
    show_default=True,
    help="Apply --max-change to zones with at least this many RRsets.",
)
@click.option(
    "--allow-ds-changes",
    is_flag=True,
    envvar="ZONEGIT_ALLOW_DS_CHANGES",
    help="Allow moves that change DS RRsets of delegations.",
)
@process.backend_option(BACKENDS, "ZONEGIT_REFS_BACKEND")
@process.metrics_option
@process.common_options
def main(
    max_change: int,
    max_change_from: int,
    allow_ds_changes: bool,
    backend: str,
    metrics: tuple[str, int] | None,
    data: Path | None,
    nats_url: str | None,
    log_level: str,
) -> None:
    """Store branches, tags, zones and HEADs, and publish each move on the bus."""
    limits = MoveLimits(max_change, max_change_from, allow_ds_changes)
    serve = partial(app.run, limits=limits, backend=backend, metrics=metrics)
    sys.exit(process.run(app.NAME, serve, data=data, nats_url=nats_url, log_level=log_level))


if __name__ == "__main__":
    main()
