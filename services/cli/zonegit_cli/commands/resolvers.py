"""zonegit resolvers: show what each resolver serves, and how far it lags."""

from typing import Any

import click

from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_id, to_hex
from zonegit_cli.render.resolvers import (
    describe_serial_behind,
    format_branch,
    format_canaries,
)
from zonegit_cli.session import Session
from zonegit_cli.table import align_columns

HEADER = ("RESOLVER", "ZONE", "BRANCH", "COMMIT", "SERIAL", "AGE", "STATE")
SILENT = "does not answer"


@options.session_command("resolvers")
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Show this zone only.")
async def command(session: Session, zone: Name | None) -> None:
    """Ask every resolver which commit of each zone it serves.

    A zone has one line for its default state, and one for its canary. A bar shows the share of
    queries that the canary has answered since it was set, of all resolvers.
    """
    async with session.connect_bus() as bus:
        found = await session.survey_resolvers(bus, zone)
    rows = [row for status in found.statuses for row in _format_rows(status)]
    rows += [(name, *["-"] * (len(HEADER) - 2), SILENT) for name in found.silent]
    lines = align_columns(rows, HEADER) if rows else ["no resolver answers"]
    served = [each for status in found.statuses for each in status.zones]
    lines += format_canaries(served)
    session.output.print_result([_to_json(status) for status in found.statuses], lines, paged=True)
    for name in found.silent if session.output.as_json else ():
        session.output.print_remark("warning", f"{name} {SILENT}")


def _format_rows(status: ResolverStatus) -> list[tuple[str, ...]]:
    state = "current" if status.lag == 0 else f"{status.lag} behind"
    if not status.zones:
        return [(status.resolver, "-", ", ".join(status.branches), "-", "-", "-", state)]
    return [_format_row(status, served, state) for served in status.zones]


def _format_row(status: ResolverStatus, served: ServedZone, state: str) -> tuple[str, ...]:
    age = "-" if served.age is None else f"{served.age:.0f} s"
    if served.pinned:
        state = f"pinned to {served.branch}"
    if problem := served.problem or describe_serial_behind(served):
        state = click.style(problem, fg="red")
    return (
        status.resolver,
        names.text(served.zone),
        format_branch(served),
        format_id(served.commit) if served.commit else "-",
        "-" if served.serial is None else str(served.serial),
        age,
        state,
    )


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
                "problem": served.problem,
            }
            for served in status.zones
        ],
    }
