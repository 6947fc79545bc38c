"""zonegit checkout: switch to another branch."""

import click

from zonegit.repo import heads, refish
from zonegit.repo.change import branches
from zonegit.store.ref_names import DEFAULT_HEAD
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, head_notes, options
from zonegit_cli.render import findings, resolvers
from zonegit_cli.session import Session


@options.session_command("checkout")
@click.argument("branch", type=options.BRANCH)
@click.argument("start", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("-b", "create", is_flag=True, help="Create the branch first, at REFISH (HEAD).")
@click.option(
    "--force", is_flag=True, help="Create it even if a branch of that name had a later serial."
)
@options.REASON
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Switch to a branch of this zone.")
@options.WAIT
async def command(
    session: Session,
    branch: str,
    start: str,
    create: bool,
    force: bool,
    reason: str | None,
    zone: Name | None,
    wait: bool,
) -> None:
    """Switch to BRANCH: commands without --branch use it from now on.

    Only your own HEAD moves. It does not affect other operators, nor what is served.

    \b
    zonegit checkout canary
    zonegit checkout -b canary              create the branch first
    zonegit checkout -b old HEAD~3          create it at an earlier commit
    zonegit checkout main --zone foo.com    a branch of another zone
    """
    if start != DEFAULT_HEAD and not create:
        raise click.UsageError("REFISH needs -b")
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        current_zone = await heads.find_zone(repo, zone)
        command = "checkout -b" if create else "checkout"
        origin = repo.origin(command, force=force, reason=reason)
        served_by = None
        if create:
            commit_command.warn_of_head(session)
            places = [(current_zone, branch)]
            async with session.watch_branches(bus, places, wanted=wait) as (waiter,):
                at = await refish.resolve(repo, start, zone=zone)
                moved = await branches.create(repo, current_zone, branch, at.commit, origin)
                served_by = await waiter.wait(moved)
        await branches.checkout(repo, current_zone, branch, origin)
    found = head_notes.find_overrides(session.default, current_zone, branch, is_switch=False)
    findings.print_findings(session, found)
    text = f"switched to branch {branch} of {names.text(current_zone)}"
    data = {
        "zone": names.text(current_zone), "branch": branch, "created": create,
        "warnings": make_warnings(found),
    }  # fmt: skip
    session.output.print_result(
        {**data, **resolvers.served_by_to_json(served_by)},
        [text, *resolvers.format_served_by(served_by)],
    )
