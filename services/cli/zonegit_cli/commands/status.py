"""zonegit status: where you stand and what is served."""

import click

from zonegit.repo import browse, workspace
from zonegit.store.reading import Reader
from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import page
from zonegit_cli.output import commit_id
from zonegit_cli.session import Session
from zonegit_cli.waiting import status_of_all


@page.page("status")
@page.in_zone
async def command(session: Session, zone: Name | None, branch: str | None) -> None:
    """Show the zone and branch you stand on, its tip, and who serves it."""
    async with session.bus() as bus:
        repo = session.repo(bus)
        at = await workspace.locate(repo, zone, branch)
        statuses = await status_of_all(bus, at.zone)
        message = None
        if at.tip is not None:
            tip = await browse.read_commit(Reader(repo.objects), at.commit())
            message = tip.message.split("\n")[0]
    data = {
        "operator": repo.actor,
        "zone": names.text(at.zone),
        "branch": at.branch,
        "commit": at.tip.target.hex() if at.tip else None,
        "serial": at.tip.serial if at.tip else None,
        "message": message,
        "served_by": [_json(each, served) for each, served in _serving(statuses, at.zone)],
    }
    lines = [f"{repo.actor} on {click.style(at.branch, fg='green')} of {names.text(at.zone)}"]
    if at.tip is None:
        lines.append("no commit yet, so nothing is served: zonegit import FILE")
    else:
        lines.append(f"{commit_id(at.tip.target)} serial {at.tip.serial}  {message}")
    session.output.result(data, [*lines, *_served_lines(statuses, at)])


def _serving(statuses: list[ResolverStatus], zone: Name) -> list[tuple[str, ServedZone]]:
    return [(each.resolver, s) for each in statuses for s in each.zones if s.zone == zone]


def _json(resolver: str, served: ServedZone) -> dict[str, object]:
    return {
        "resolver": resolver,
        "branch": served.branch,
        "commit": served.commit.hex() if served.commit else None,
        "serial": served.serial,
        "problem": served.problem,
    }


def _served_lines(statuses: list[ResolverStatus], at: workspace.Position) -> list[str]:
    if not statuses:
        return ["no resolver answers"]
    lines = []
    for resolver, served in _serving(statuses, at.zone):
        same = at.tip is not None and served.commit == at.tip.target
        what = "this commit" if same else f"{commit_id(served.commit or b'')} of {served.branch}"
        problem = f"; {served.problem}" if served.problem else ""
        lines.append(f"{resolver} serves {what}{problem}")
    return lines or [f"{len(statuses)} resolver(s) answer; none serves this zone"]
