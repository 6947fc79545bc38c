"""zonegit secondaries: show what each secondary was notified of and transferred."""

from typing import TYPE_CHECKING, Any

import click

from zonegit.wire.messages import SecondaryReport
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_duration
from zonegit_cli.session import Session
from zonegit_cli.table import Column, align_columns
from zonegit_cli.text_width import wrap_line

if TYPE_CHECKING:
    from zonegit.bus.secondaries import SecondarySurvey

COLUMNS = (
    Column("RESOLVER", "middle"),
    Column("SECONDARY"),
    Column("ZONE", "middle"),
    Column("HAS"),
    Column("NOTIFIED"),
    Column("STATE", "wrap"),
)
COLOURS = {"in step": "green", "silent": "red", "refused": "red", "behind": "yellow"}
NONE = "no resolver notifies a secondary; to notify one: notify = ADDRESS:PORT in its configuration"


@options.session_command("secondaries")
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Show this zone only.")
async def command(session: Session, zone: Name | None) -> None:
    """Ask every resolver what its secondaries were notified of, answered and transferred.

    HAS is the serial that the secondary is known to have from a transfer since the resolver
    started, NOTIFIED the serial of the last NOTIFY. A serial that it transferred from one resolver
    counts for those that notified it of the same serial. The state is one of:

    \b
    in step    it has the serial of the last NOTIFY
    waiting    the NOTIFY was sent and not answered yet
    answered   it answered; it has transferred nothing since the resolver started
    behind     it answered, and has another serial
    refused    it answered with an error
    silent     it does not answer

    If several secondaries have the same address and key, transfers cannot be told apart, and their
    state stays answered.

    \b
    zonegit secondaries
    zonegit secondaries --zone example.com --json
    """
    from zonegit.bus import secondaries  # imports NATS, not needed for --help

    async with session.connect_bus() as bus:
        found = await secondaries.survey_secondaries(
            bus,
            session.settings.actor,
            zone,
            expected=session.list_local_resolvers(),
            timeout=session.timeout,
        )
    rows = [_format_row(name, each) for name, reports in found.reports for each in reports]
    lines = align_columns(rows, COLUMNS) if rows else wrap_line(NONE)
    session.output.print_result(_to_json(found), lines, paged=True)
    for name in found.silent:
        session.output.print_remark("warning", f"{name} does not answer")


def _format_row(resolver: str, report: SecondaryReport) -> tuple[str, ...]:
    return (
        resolver,
        report.secondary,
        names.text(report.zone),
        "-" if report.has is None else str(report.has),
        "-" if report.notified is None else str(report.notified),
        click.style(describe_progress(report), fg=COLOURS.get(report.progress)),
    )


def describe_progress(report: SecondaryReport) -> str:
    """Return the state of a secondary with what explains it."""
    if report.progress == "in step" and report.transfer is not None:
        return f"in step ({report.transfer} {format_duration(report.transfer_age or 0)} ago)"
    if report.progress in ("silent", "refused") and report.problem:
        return f"{report.progress} ({report.problem})"
    if report.progress in ("silent", "waiting"):
        return f"{report.progress} ({format_duration(report.age)})"
    return report.progress


def _to_json(found: "SecondarySurvey") -> list[dict[str, Any]]:
    return [
        {
            "resolver": resolver,
            "secondary": each.secondary,
            "zone": names.text(each.zone),
            "state": each.progress,
            "notified": each.notified,
            "notified_age_s": each.age,
            "attempts": each.attempts,
            "problem": each.problem,
            "has": each.has,
            "transfer": each.transfer,
            "transfer_age_s": each.transfer_age,
        }
        for resolver, reports in found.reports
        for each in reports
    ]
