"""zonegit propose: start a proposal."""

import click

from zonegit.repo import refish
from zonegit.repo.change import proposals
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, head_notes, options
from zonegit_cli.output import format_id
from zonegit_cli.render import findings
from zonegit_cli.session import Session


@options.session_command("propose")
@click.argument("name")
@click.option(
    "--from",
    "start",
    type=options.REFISH,
    metavar="REFISH",
    default=DEFAULT_BRANCH,
    show_default=True,
    help="The commit to start from.",
)
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Propose a change of this zone.")
async def command(session: Session, name: str, start: str, zone: Name | None) -> None:
    """Start the proposal NAME, which is a branch, and switch to it.

    It is not served until it is approved.

    \b
    zonegit propose new-mail
    zonegit set mail A 300 192.0.2.26 -m 'the new machine'
    zonegit review new-mail           show its changes, and whether it merges
    zonegit approve new-mail          merge it into main
    """
    async with session.connect() as repo:
        at = await refish.resolve(repo, start, zone=zone)
        commit_command.warn_of_head(session)
        await proposals.propose(repo, at.zone, name, at.commit)
    found = head_notes.find_overrides(session.default, at.zone, name, is_switch=False)
    findings.print_findings(session, found)
    where = {"zone": names.text(at.zone), "branch": name, "commit": at.commit.hex()}
    text = f"proposal {name} of {where['zone']} from {start} {format_id(at.commit)}; switched to it"
    data = {**where, "warnings": make_warnings(found)}
    session.output.print_result(data, [text, f"to review it: zonegit review {name}"])
