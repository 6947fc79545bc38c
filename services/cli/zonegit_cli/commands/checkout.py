"""zonegit checkout: stand on another branch."""

import click

from zonegit.repo import heads, refish
from zonegit.repo.change import branches
from zonegit.store.ref_names import DEFAULT_HEAD
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, head_notes, options, propagation
from zonegit_cli.render import findings
from zonegit_cli.session import Session


@options.page("checkout")
@click.argument("branch", type=options.BRANCH)
@click.argument("start", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("-b", "create", is_flag=True, help="Create the branch first, at REFISH (HEAD).")
@click.option("--force", is_flag=True, help="Create it though one of the name had a later serial.")
@options.REASON
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Of this zone.")
@options.waits
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
    """Stand on BRANCH: commands without --branch work there from now on.

    It is your own HEAD that moves; nobody else's does, and nothing is served differently.

    \b
    zonegit checkout canary
    zonegit checkout -b canary              create it, too
    zonegit checkout -b old HEAD~3          from three commits ago
    zonegit checkout main --zone foo.com    on a branch of another zone
    """
    if start != DEFAULT_HEAD and not create:
        raise click.UsageError("a branch is stood on as it is: REFISH goes with -b")
    async with session.bus() as bus:
        repo = session.repo(bus)
        home = await heads.find_zone(repo, zone)
        command = "checkout -b" if create else "checkout"
        origin = repo.origin(command, force=force, reason=reason)
        heard = propagation.Propagated()
        if create:
            commit_command.warn_of_head(session)
            wait_for = propagation.waiting(session, bus, home, branch, wanted=wait)
            async with wait_for as waiter:
                at = await refish.resolve(repo, start, zone=zone)
                moved = await branches.create(repo, home, branch, at.commit, origin)
                heard = await waiter.until(moved)
        await branches.checkout(repo, home, branch, origin)
    found = head_notes.find_overrides(session.default, home, branch, is_switch=False)
    findings.tell(session, found)
    text = f"you stand on {branch} of {names.text(home)}"
    data = {
        "zone": names.text(home), "branch": branch, "created": create,
        "warnings": findings.as_json(found),
    }  # fmt: skip
    session.output.result({**data, **heard.json()}, [text, *heard.lines()])
