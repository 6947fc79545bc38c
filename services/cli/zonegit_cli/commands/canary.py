"""zonegit canary: let another branch answer a share of the clients of a zone."""

from typing import TYPE_CHECKING, Any

import click

from zonegit.nameserver.answer.canary import parse_percent
from zonegit.repo import heads
from zonegit.repo.change import serving
from zonegit.repo.change.serving import ServingChange, StoredSettings
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import to_hex
from zonegit_cli.render.resolvers import format_query_share
from zonegit_cli.session import Session
from zonegit_cli.table import align_columns

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus
    from zonegit.bus.resolver_status import ResolverSurvey
    from zonegit.objects.ids import ObjectId
    from zonegit.wire.messages import ResolverStatus

HEADER = ("RESOLVER", "CANARY", "FROM", "QUERIES")
SILENT = "does not answer"
FILE = "file"


@options.session_command("canary")
@click.argument("branch", type=options.BRANCH, required=False)
@click.argument("percent", required=False)
@click.option("--off", is_flag=True, help="Remove the canary.")
@click.option("--wait", is_flag=True, help="Wait until every resolver of the zone serves so.")
@options.DRY_RUN
@click.option(
    "--zone", type=options.ZONE, metavar="ZONE", help="Use this zone; HEAD does not move."
)
async def command(
    session: Session,
    branch: str | None,
    percent: str | None,
    off: bool,
    wait: bool,
    dry_run: bool,
    zone: Name | None,
) -> None:
    """Let BRANCH answer PERCENT of all client subnets, a canary; without BRANCH show the canary.

    Resolvers follow the setting without a restart. It is stored with the zone, is in the log of
    operations, and zonegit undo takes it back. While the branch stays the same, a client that sees
    the canary still sees it after PERCENT has grown. Where options or the configuration file of a
    resolver have a canary, pin the zone or switch the canary off, they win.

    \b
    zonegit canary next 10      next answers 10 % of client subnets
    zonegit canary next 50%     increase the share
    zonegit canary --off        all clients see the branch that is served
    zonegit canary              show state and share of each resolver
    """
    if (branch is None) != (percent is None):
        raise click.UsageError("give BRANCH and PERCENT together: zonegit canary next 10")
    if off and branch is not None:
        raise click.UsageError("--off and BRANCH are mutually exclusive")
    if branch is None and not off and dry_run:
        raise click.UsageError("--dry-run needs BRANCH and PERCENT, or --off")
    share = parse_percent(percent) if percent is not None else None
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        at = await heads.find_zone(repo, zone)
        if off:
            changed = await serving.remove_canary(repo, at, dry_run=dry_run)
        elif branch is not None and share is not None:
            changed = await serving.set_canary(repo, at, branch, share, dry_run=dry_run)
        else:
            stored = await serving.read_settings(repo, await repo.refs.zone(at, repo.actor))
            if wait:
                await _wait(session, bus, at, stored.target)
            _print_state(session, at, stored, await session.survey_resolvers(bus, at))
            return
        served = None
        if wait and not dry_run:
            served = await _wait(session, bus, at, changed.after.target)
    _print_change(session, at, changed, served, dry_run=dry_run)
    if changed.judgement is not None and changed.judgement.refusal is not None:
        raise changed.judgement.refusal


async def _wait(
    session: Session, bus: "Bus", zone: Name, settings: "ObjectId | None"
) -> "list[ResolverStatus]":
    from zonegit.bus.settings_propagation import wait_for_settings

    return await wait_for_settings(
        bus,
        session.settings.actor,
        zone,
        settings,
        expected=session.list_local_resolvers(),
        timeout=session.timeout,
    )


def _print_change(
    session: Session,
    zone: Name,
    changed: ServingChange,
    served: "list[ResolverStatus] | None",
    *,
    dry_run: bool,
) -> None:
    """Print what a command has changed; ``served`` are the resolvers after ``--wait``."""
    before, after = _describe(changed.before), _describe(changed.after)
    is_changed = changed.before.target != changed.after.target
    if not is_changed:
        lines = [f"nothing to change: {names.text(zone)} has {after} already"]
    else:
        would = "would change to: " if dry_run else ""
        lines = [f"{names.text(zone)}: {would}{after} (was: {before})"]
    if changed.moved is not None:
        lines.append("to reverse: zonegit undo")
    data: dict[str, Any] = {
        "zone": names.text(zone),
        "changed": is_changed and not dry_run,
        "dry_run": dry_run,
        "canary": _canary_to_json(changed.after),
        "before": _canary_to_json(changed.before),
        "operation": changed.moved.entries[0].operation
        if changed.moved is not None and changed.moved.entries
        else None,
    }
    if served is not None:
        by_file = [each.resolver for each in served if each.asked and each.asked.source == FILE]
        others = [each.resolver for each in served if each.resolver not in by_file]
        lines.append(f"served so by {', '.join(others) or 'no resolver'}")
        if by_file:
            lines.append(f"options or file decide in {', '.join(by_file)}")
        data |= {"served_by": others, "decided_by_file": by_file}
    session.output.print_result(data, lines)


def _print_state(
    session: Session, zone: Name, stored: StoredSettings, found: "ResolverSurvey"
) -> None:
    rows = [_format_row(status) for status in found.statuses if status.asked is not None]
    rows += [(name, "-", "-", SILENT) for name in found.silent]
    lines = [f"{names.text(zone)}: {_describe(stored)} in the store"]
    lines += align_columns(rows, HEADER) if rows else ["no resolver serves the zone"]
    data = {
        "zone": names.text(zone),
        "canary": _canary_to_json(stored),
        "settings": to_hex(stored.target),
        "resolvers": [
            _status_to_json(status) for status in found.statuses if status.asked is not None
        ],
        "silent": list(found.silent),
    }
    session.output.print_result(data, lines)


def _describe(stored: StoredSettings) -> str:
    canary = stored.settings.canary
    if canary is None:
        return "no canary"
    return f"canary {canary.branch}, {canary.percent} % of client subnets"


def _count_queries(status: "ResolverStatus") -> tuple[int, int]:
    """Return the queries that the canary has answered, and those of the zone."""
    total = sum(each.queries or 0 for each in status.zones)
    return sum(each.queries or 0 for each in status.zones if each.percent is not None), total


def _format_row(status: "ResolverStatus") -> tuple[str, ...]:
    asked = status.asked
    assert asked is not None  # the resolver serves the zone
    if asked.canary is None:
        canary, share = "none", "-"
    else:
        canary = f"{asked.canary.replace(':', ' ')} %"
        share = format_query_share(*_count_queries(status))
    if asked.at is not None:
        canary = f"none, pinned to {asked.at}"
    shown = click.style(asked.problem, fg="red") if asked.problem else share
    return status.resolver, canary, asked.source or "-", shown


def _canary_to_json(stored: StoredSettings) -> dict[str, Any] | None:
    canary = stored.settings.canary
    if canary is None:
        return None
    return {"branch": canary.branch, "percent": canary.percent, "salt": canary.salt}


def _status_to_json(status: "ResolverStatus") -> dict[str, Any]:
    asked = status.asked
    assert asked is not None  # the resolver serves the zone
    canary, total = _count_queries(status)
    return {
        "resolver": status.resolver,
        "canary": asked.canary,
        "salt": asked.salt,
        "source": asked.source,
        "settings": to_hex(asked.settings),
        "canary_queries": canary,
        "queries": total,
        "problem": asked.problem,
    }
