"""zonegit branch: list, create, delete."""

import click

from zonegit.repo import branches, refish, workspace
from zonegit.repo.workspace import Repo
from zonegit.store.protocols import Moved, ZoneRefs
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import page, waiting
from zonegit_cli.output import columns, commit_id
from zonegit_cli.session import Session


@page.page("branch")
@click.argument("name", required=False)
@click.argument("start", metavar="[REFISH]", default="HEAD")
@click.option("-d", "--delete", is_flag=True, help="Delete the branch.")
@click.option("--force", is_flag=True, help="Delete it though you or resolvers stand on it.")
@page.in_zone
@page.waits
async def command(
    session: Session,
    name: str | None,
    start: str,
    delete: bool,
    force: bool,
    zone: Name | None,
    branch: str | None,
    wait: bool,
) -> None:
    """List branches; with NAME create one at REFISH (HEAD), with -d delete it.

    \b
    zonegit branch                 list
    zonegit branch canary          a branch from where you stand
    zonegit branch old HEAD~3      from three commits ago
    zonegit branch -d canary
    """
    if name is None:
        if delete:
            raise click.UsageError("-d needs the NAME of a branch")
        await _list(session, zone)
        return
    async with session.bus() as bus:
        repo = session.repo(bus)
        home = zone or (await workspace.locate(repo)).zone
        async with waiting.waiting(session, bus, home, name, wanted=wait) as waiter:
            if delete:
                moved, text = await _delete(repo, home, name, force)
            else:
                moved, text = await _create(repo, home, name, start, branch)
            heard = await waiter.until(moved)
    target = moved.entries[-1].new if moved.entries else None
    data = {
        "zone": names.text(home),
        "branch": name,
        "commit": target.hex() if target else None,
        **heard.json(),
    }
    session.output.result(data, [text, *heard.lines()])


async def _delete(repo: Repo, zone: Name, name: str, force: bool) -> tuple[Moved, str]:
    moved = await branches.delete(repo, zone, name, force=force)
    was = moved.entries[-1].old
    shown = commit_id(was) if was else "gone"
    return moved, f"deleted branch {name} of {names.text(zone)} (was {shown})"


async def _create(
    repo: Repo, zone: Name, name: str, start: str, branch: str | None
) -> tuple[Moved, str]:
    at = await refish.resolve(repo, start, zone=zone, branch=branch)
    moved = await branches.create(repo, zone, name, at.commit)
    return moved, f"branch {name} of {names.text(zone)} at {commit_id(at.commit)}"


async def _list(session: Session, zone: Name | None) -> None:
    async with session.connected() as repo:
        here = await workspace.locate(repo, zone)
        refs = await repo.refs.zone(here.zone, repo.actor)
    rows = _rows(refs, here.branch)
    data = {
        "zone": names.text(here.zone),
        "current": here.branch,
        "branches": {
            branch: {"commit": tip.target.hex(), "serial": tip.serial}
            for branch, tip in sorted(refs.heads.items())
        },
    }
    text = [f"{names.text(here.zone)} has no branch yet: zonegit import FILE makes main"]
    session.output.result(data, columns(rows) if rows else text)


def _rows(refs: ZoneRefs, current: str) -> list[tuple[str, str, str, str]]:
    return [
        ("*" if branch == current else " ", branch, commit_id(tip.target), f"serial {tip.serial}")
        for branch, tip in sorted(refs.heads.items())
    ]
