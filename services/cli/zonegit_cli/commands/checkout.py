"""zonegit checkout: stand on another branch."""

import click

from zonegit.repo import branches, workspace
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import page, waiting
from zonegit_cli.session import Session


@page.page("checkout")
@click.argument("branch")
@click.option("-b", "create", is_flag=True, help="Create the branch where you stand first.")
@click.option("--zone", type=page.ZONE, metavar="ZONE", help="Of this zone.")
@page.waits
async def command(
    session: Session, branch: str, create: bool, zone: Name | None, wait: bool
) -> None:
    """Stand on BRANCH: commands without --branch work there from now on.

    It is your own HEAD that moves; nobody else's does, and nothing is served differently.
    """
    async with session.bus() as bus:
        repo = session.repo(bus)
        position = await workspace.locate(repo, zone)
        heard = waiting.Heard()
        if create:
            wait_for = waiting.waiting(session, bus, position.zone, branch, wanted=wait)
            async with wait_for as waiter:
                moved = await branches.create(repo, position.zone, branch, position.commit())
                heard = await waiter.until(moved)
        await branches.checkout(repo, position.zone, branch)
    text = f"you stand on {branch} of {names.text(position.zone)}"
    data = {"zone": names.text(position.zone), "branch": branch, "created": create}
    session.output.result({**data, **heard.json()}, [text, *heard.lines()])
