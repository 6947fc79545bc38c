"""zonegit checkout: stand on another branch."""

import click

from zonegit.repo.finding import heads, refish
from zonegit.repo.pointing import branches
from zonegit.store.refnames import DEFAULT_HEAD
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import page, waiting
from zonegit_cli.session import Session


@page.page("checkout")
@click.argument("branch", type=page.BRANCH)
@click.argument("start", type=page.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("-b", "create", is_flag=True, help="Create the branch first, at REFISH (HEAD).")
@click.option("--force", is_flag=True, help="Create it though one of the name had a later serial.")
@page.BECAUSE
@click.option("--zone", type=page.ZONE, metavar="ZONE", help="Of this zone.")
@page.waits
async def command(
    session: Session,
    branch: str,
    start: str,
    create: bool,
    force: bool,
    because: str | None,
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
        position = await heads.locate(repo, zone)
        reason = "checkout -b" if create else "checkout"
        origin = repo.origin(reason, force=force, because=because)
        heard = waiting.Heard()
        if create:
            wait_for = waiting.waiting(session, bus, position.zone, branch, wanted=wait)
            async with wait_for as waiter:
                at = await refish.resolve(repo, start, zone=position.zone, branch=position.branch)
                moved = await branches.create(repo, position.zone, branch, at.commit, origin)
                heard = await waiter.until(moved)
        await branches.checkout(repo, position.zone, branch, origin)
    text = f"you stand on {branch} of {names.text(position.zone)}"
    data = {"zone": names.text(position.zone), "branch": branch, "created": create}
    session.output.result({**data, **heard.json()}, [text, *heard.lines()])
