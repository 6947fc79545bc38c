"""The process ``zonegit-refs``: reads settings, runs the service."""

import sys
from functools import partial
from pathlib import Path

import click

from zonegit import process
from zonegit.store.basis import USUAL, MoveLimits
from zonegit_refs import app


@click.command()
@click.option(
    "--max-change",
    type=click.IntRange(1, 100),
    metavar="PERCENT",
    default=USUAL.percent,
    envvar="ZONEGIT_MAX_CHANGE",
    show_default=True,
    help="Refuse a move that changes or deletes more of a zone's RRsets, unless it is forced.",
)
@click.option(
    "--max-change-from",
    type=click.IntRange(min=1),
    metavar="RRSETS",
    default=USUAL.floor,
    envvar="ZONEGIT_MAX_CHANGE_FROM",
    show_default=True,
    help="That holds for zones of so many RRsets or more.",
)
@click.option(
    "--allow-ds-changes",
    is_flag=True,
    envvar="ZONEGIT_ALLOW_DS_CHANGES",
    help="Let DS RRsets of delegations change unforced.",
)
@process.common_options
def main(
    max_change: int,
    max_change_from: int,
    allow_ds_changes: bool,
    data: Path | None,
    nats_url: str | None,
    log_level: str,
) -> None:
    """Keeps branches, tags, zones and HEADs, and tells everybody when one moves."""
    serve = partial(app.run, limits=MoveLimits(max_change, max_change_from, allow_ds_changes))
    sys.exit(process.run(app.NAME, serve, data=data, nats_url=nats_url, log_level=log_level))


if __name__ == "__main__":
    main()
