"""zonegit branch: list, create, rename, delete."""

from collections.abc import Mapping
from typing import NamedTuple

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo import heads, read_zone, refish
from zonegit.repo.change import branches
from zonegit.repo.heads import Repo
from zonegit.store.protocols import Moved, ZoneRefs
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, options, propagation
from zonegit_cli.output import columns, commit_id
from zonegit_cli.session import Session


@options.page("branch")
@click.argument("name", type=options.BRANCH, required=False)
@click.argument("start", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("-d", "--delete", is_flag=True, help="Delete the branch.")
@click.option(
    "-m",
    "--rename",
    type=(options.BRANCH, str),
    metavar="OLD NEW",
    help="Give branch OLD the name NEW.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Though you or resolvers stand on it, or one of the name had a later serial.",
)
@options.REASON
@options.in_zone
@options.waits
async def command(
    session: Session,
    name: str | None,
    start: str,
    delete: bool,
    rename: tuple[str, str] | None,
    force: bool,
    reason: str | None,
    zone: Name | None,
    branch: str | None,
    wait: bool,
) -> None:
    """List branches; with NAME create one at REFISH (HEAD), with -d delete it.

    With -m rename one; your own HEAD follows, and resolvers that serve the old name do not.

    \b
    zonegit branch                 list
    zonegit branch canary          a branch from where you stand
    zonegit branch old HEAD~3      from three commits ago
    zonegit branch -m canary trial
    zonegit branch -d canary
    """
    if rename is not None and (name is not None or delete):
        raise click.UsageError("-m takes OLD and NEW, and nothing else with them")
    if name is None and rename is None:
        if delete:
            raise click.UsageError("-d needs the NAME of a branch")
        await _list(session, zone)
        return
    how = _How(force, reason)
    # What is there afterwards, or is not.
    shown = rename[1] if rename is not None else name
    assert shown is not None
    async with session.bus() as bus:
        repo = session.repo(bus)
        home = await heads.find_zone(repo, zone)
        commit_command.warn_of_head(session)
        async with propagation.waiting(session, bus, home, shown, wanted=wait) as waiter:
            if rename is not None:
                moved, text = await _rename(repo, home, *rename, how)
            elif delete:
                moved, text = await _delete(repo, home, shown, how)
            else:
                moved, text = await _create(repo, home, shown, start, branch, how)
            heard = await waiter.until(moved)
    target = moved.entries[-1].new if moved.entries else None
    data = {
        "zone": names.text(home),
        "branch": shown,
        "commit": target.hex() if target else None,
        **heard.json(),
    }
    session.output.result(data, [text, *heard.lines()])


class _How(NamedTuple):
    """Whether it is forced, and because of what."""

    force: bool
    reason: str | None


async def _delete(repo: Repo, zone: Name, name: str, how: _How) -> tuple[Moved, str]:
    moved = await branches.delete(repo, zone, name, force=how.force, reason=how.reason)
    was = moved.entries[-1].old
    shown = commit_id(was) if was else "gone"
    return moved, f"deleted branch {name} of {names.text(zone)} (was {shown})"


async def _rename(repo: Repo, zone: Name, old: str, new: str, how: _How) -> tuple[Moved, str]:
    moved = await branches.rename(repo, zone, old, new, force=how.force, reason=how.reason)
    return moved, f"branch {old} of {names.text(zone)} is now {new}"


async def _create(
    repo: Repo, zone: Name, name: str, start: str, branch: str | None, how: _How
) -> tuple[Moved, str]:
    at = await refish.resolve(repo, start, zone=zone, branch=branch)
    origin = repo.origin("branch", force=how.force, reason=how.reason)
    moved = await branches.create(repo, zone, name, at.commit, origin)
    return moved, f"branch {name} of {names.text(zone)} at {commit_id(at.commit)}"


async def _list(session: Session, zone: Name | None) -> None:
    async with session.connected() as repo:
        here = await heads.find_position(repo, zone)
        refs = await repo.refs.zone(here.zone, repo.actor)
        tips = [tip.target for tip in refs.heads.values()]
        subjects = await read_zone.read_subjects(Reader(repo.objects), tips)
    rows = _rows(refs, here.branch, subjects)
    data = {
        "zone": names.text(here.zone),
        "current": here.branch,
        "branches": {
            branch: {
                "commit": tip.target.hex(),
                "serial": tip.serial,
                "subject": subjects[tip.target],
            }
            for branch, tip in sorted(refs.heads.items())
        },
    }
    text = [f"{names.text(here.zone)} has no branch yet: zonegit import FILE makes main"]
    session.output.result(data, columns(rows) if rows else text, paged=True)


def _rows(refs: ZoneRefs, current: str, subjects: Mapping[ObjectId, str]) -> list[tuple[str, ...]]:
    return [
        (
            "*" if branch == current else " ",
            branch,
            commit_id(tip.target),
            f"serial {tip.serial}",
            subjects[tip.target],
        )
        for branch, tip in sorted(refs.heads.items())
    ]
