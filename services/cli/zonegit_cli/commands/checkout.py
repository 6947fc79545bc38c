"""zonegit checkout: stand on another branch."""

import click

from zonegit.repo import branches, workspace
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import page
from zonegit_cli.session import Session


@page.page("checkout")
@click.argument("branch")
@click.option("-b", "create", is_flag=True, help="Create the branch where you stand first.")
@click.option("--zone", type=page.ZONE, metavar="ZONE", help="Of this zone.")
async def command(session: Session, branch: str, create: bool, zone: Name | None) -> None:
    """Stand on BRANCH: commands without --branch work there from now on.

    It is your own HEAD that moves; nobody else's does, and nothing is served differently.
    """
    async with session.connected() as repo:
        position = await workspace.locate(repo, zone)
        if create:
            await branches.create(repo, position.zone, branch, position.commit())
        await branches.checkout(repo, position.zone, branch)
    data = {"zone": names.text(position.zone), "branch": branch, "created": create}
    session.output.result(data, [f"you stand on {branch} of {names.text(position.zone)}"])
