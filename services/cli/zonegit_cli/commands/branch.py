"""zonegit branch: list, create, rename and delete branches."""

from collections.abc import Mapping
from typing import NamedTuple

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo import heads, read_zone, refish
from zonegit.repo.change import branches
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Moved
from zonegit.store.refs import ZoneRefs
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, options
from zonegit_cli.output import format_id, to_hex
from zonegit_cli.render import resolvers
from zonegit_cli.session import Session
from zonegit_cli.table import Column, align_columns

COLUMNS = (
    Column(""),
    Column("BRANCH", "middle"),
    Column("COMMIT", "id"),
    Column("SERIAL"),
    Column("SUBJECT", "end"),
)


@options.session_command("branch")
@click.argument("name", type=options.BRANCH, required=False)
@click.argument("start", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("-d", "--delete", is_flag=True, help="Delete the branch.")
@click.option(
    "-m",
    "--rename",
    type=(options.BRANCH, str),
    metavar="OLD NEW",
    help="Rename branch OLD to NEW.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Even if it is checked out or served, or a branch of that name had a later serial.",
)
@options.REASON
@options.zone_options
@options.WAIT
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

    With -m rename one. Your HEAD follows the branch; resolvers that serve the old name do not.

    \b
    zonegit branch                 list
    zonegit branch canary          create a branch at HEAD
    zonegit branch old HEAD~3      create one at an earlier commit
    zonegit branch -m canary trial
    zonegit branch -d canary
    """
    if rename is not None and (name is not None or delete):
        raise click.UsageError("-m takes OLD and NEW, and no other argument")
    if name is None and rename is None:
        if delete:
            raise click.UsageError("-d needs the NAME of a branch")
        await _list(session, zone)
        return
    override = _Override(force, reason)
    # The branch that exists afterwards, or was deleted.
    shown = rename[1] if rename is not None else name
    assert shown is not None
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        current_zone = await heads.find_zone(repo, zone)
        commit_command.warn_of_head(session)
        places = [(current_zone, shown)]
        async with session.watch_branches(bus, places, wanted=wait) as (waiter,):
            if rename is not None:
                moved, text = await _rename(repo, current_zone, *rename, override)
            elif delete:
                moved, text = await _delete(repo, current_zone, shown, override)
            else:
                moved, text = await _create(repo, current_zone, shown, start, branch, override)
            served_by = await waiter.wait(moved)
    target = moved.entries[-1].new if moved.entries else None
    data = {
        "zone": names.text(current_zone),
        "branch": shown,
        "commit": to_hex(target),
        **resolvers.served_by_to_json(served_by),
    }
    session.output.print_result(data, [text, *resolvers.format_served_by(served_by)])


class _Override(NamedTuple):
    """The override of safety checks, and its reason."""

    force: bool
    reason: str | None


async def _delete(repo: Repo, zone: Name, name: str, override: _Override) -> tuple[Moved, str]:
    moved = await branches.delete(repo, zone, name, force=override.force, reason=override.reason)
    was = moved.entries[-1].old
    shown = format_id(was) if was else "gone"
    return moved, f"deleted branch {name} of {names.text(zone)} (was {shown})"


async def _rename(
    repo: Repo, zone: Name, old: str, new: str, override: _Override
) -> tuple[Moved, str]:
    moved = await branches.rename(
        repo, zone, old, new, force=override.force, reason=override.reason
    )
    return moved, f"branch {old} of {names.text(zone)} is now {new}"


async def _create(
    repo: Repo, zone: Name, name: str, start: str, branch: str | None, override: _Override
) -> tuple[Moved, str]:
    at = await refish.resolve(repo, start, zone=zone, branch=branch)
    origin = repo.origin("branch", force=override.force, reason=override.reason)
    moved = await branches.create(repo, zone, name, at.commit, origin)
    return moved, f"branch {name} of {names.text(zone)} at {format_id(at.commit)}"


async def _list(session: Session, zone: Name | None) -> None:
    async with session.connect() as repo:
        here = await heads.find_position(repo, zone)
        refs = await repo.refs.zone(here.zone, repo.actor)
        tips = [tip.target for tip in refs.heads.values()]
        subjects = await read_zone.read_subjects(Reader(repo.objects), tips)
    rows = _format_rows(refs, here.branch, subjects)
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
    text = [f"{names.text(here.zone)} has no branch yet: zonegit import FILE creates main"]
    session.output.print_result(
        data, align_columns(rows, COLUMNS, has_header=False) if rows else text, paged=True
    )


def _format_rows(
    refs: ZoneRefs, current: str, subjects: Mapping[ObjectId, str]
) -> list[tuple[str, ...]]:
    return [
        (
            "*" if branch == current else " ",
            branch,
            format_id(tip.target),
            f"serial {tip.serial}",
            subjects[tip.target],
        )
        for branch, tip in sorted(refs.heads.items())
    ]
