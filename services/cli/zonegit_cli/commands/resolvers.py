"""zonegit resolvers: show what each resolver serves, and how far it lags."""

from typing import Any

import click

from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_duration, format_id, to_hex
from zonegit_cli.render.resolvers import (
    describe_serial_behind,
    format_branch,
    format_canaries,
)
from zonegit_cli.session import Session
from zonegit_cli.table import Alternative, Cell, Column, align_columns
from zonegit_cli.text_width import wrap_line

COLUMNS = (
    Column("RESOLVER", "middle"),
    Column("ADDRESS", "wrap"),
    Column("ZONE", "middle"),
    Column("BRANCH", "middle"),
    Column("COMMIT", "id"),
    Column("SERIAL"),
    Column("AGE"),
    Column("STATE", "wrap"),
)
SILENT = "does not answer"


@options.session_command("resolvers")
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Show this zone only.")
async def command(session: Session, zone: Name | None) -> None:
    """Ask every resolver which commit of each zone it serves, and where it listens.

    A zone has one line for its default state, and one for its canary. A bar shows the share of
    queries that the canary has answered since it was set, of all resolvers, and says whether
    the configuration file or the store (zonegit canary) has set it.
    """
    async with session.connect_bus() as bus:
        found = await session.survey_resolvers(bus, zone)
    rows = [row for status in found.statuses for row in _format_rows(status)]
    rows += [(name, *["-"] * (len(COLUMNS) - 2), SILENT) for name in found.silent]
    lines = align_columns(rows, COLUMNS) if rows else ["no resolver answers"]
    served = [each for status in found.statuses for each in status.zones]
    lines += [part for line in format_canaries(served) for part in wrap_line(line)]
    session.output.print_result([_to_json(status) for status in found.statuses], lines, paged=True)
    for name in found.silent if session.output.as_json else ():
        session.output.print_remark("warning", f"{name} {SILENT}")


def _format_rows(status: ResolverStatus) -> list[tuple[Cell, ...]]:
    state = "current" if status.lag == 0 else f"{status.lag} behind"
    if not status.zones:
        return [
            (
                status.resolver,
                _format_addresses(status),
                "-",
                ", ".join(status.branches),
                "-",
                "-",
                "-",
                state,
            )
        ]
    return [_format_row(status, served, state) for served in status.zones]


def _format_row(status: ResolverStatus, served: ServedZone, state: str) -> tuple[Cell, ...]:
    age: Cell = "-"
    if served.age is not None:
        age = Alternative(f"{served.age:.0f} s", format_duration(served.age))
    if served.pinned:
        state = f"pinned to {served.branch}"
    if problem := served.problem or describe_serial_behind(served):
        state = click.style(problem, fg="red")
    return (
        status.resolver,
        _format_addresses(status),
        names.text(served.zone),
        format_branch(served),
        format_id(served.commit) if served.commit else "-",
        "-" if served.serial is None else str(served.serial),
        age,
        state,
    )


def _format_addresses(status: ResolverStatus) -> str:
    return " ".join(status.listen) or "-"


def _to_json(status: ResolverStatus) -> dict[str, Any]:
    return {
        "resolver": status.resolver,
        "version": status.version,
        "listen": status.listen,
        "metrics": status.metrics,
        "branches": status.branches,
        "only": [names.text(zone) for zone in status.only],
        "at": status.at,
        "epoch": status.epoch,
        "sequence": status.sequence,
        "lag": status.lag,
        "held": status.held,
        "zones": [
            {
                "zone": names.text(served.zone),
                "branch": served.branch,
                "commit": to_hex(served.commit),
                "serial": served.serial,
                "highest": served.highest,
                "sequence": served.sequence,
                "age_s": served.age,
                "pinned": served.pinned,
                "percent": served.percent,
                "queries": served.queries,
                "source": served.source,
                "problem": served.problem,
            }
            for served in status.zones
        ],
    }
