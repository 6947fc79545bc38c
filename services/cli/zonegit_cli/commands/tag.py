"""zonegit tag: list, create and delete tags."""

from pathlib import Path
from typing import Any

import click

from zonegit.repo import heads, refish
from zonegit.repo.change import tags
from zonegit.repo.change.tags import ListedTag
from zonegit.repo.repo import Repo
from zonegit.views.commit import make_tags
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, options
from zonegit_cli.output import format_id
from zonegit_cli.render import identities
from zonegit_cli.session import Session
from zonegit_cli.table import Cell, Column, align_columns, format_time_cell

COLUMNS = (
    Column("TAG", "middle"),
    Column("COMMIT", "id"),
    Column("TAGGER", "end"),
    Column("TIME"),
    Column("SUBJECT", "end"),
)


@options.session_command("tag")
@click.argument("name", type=options.TAG, required=False)
@click.argument("start", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("-m", "--message", metavar="TEXT", help="The tag's message; required.")
@click.option("-d", "--delete", is_flag=True, help="Delete the tag.")
@click.option("--force", is_flag=True, help="Replace a tag of that name.")
@options.SIGN
@options.NO_SIGN
@options.zone_options
async def command(
    session: Session,
    name: str | None,
    start: str,
    message: str | None,
    delete: bool,
    force: bool,
    sign: Path | None,
    no_sign: bool,
    zone: Name | None,
    branch: str | None,
) -> None:
    """List tags; with NAME and a message create a tag at REFISH (HEAD), with -d delete the tag.

    A tag is a name for a commit, with a message, a time and a tagger. It does not move.

    \b
    zonegit tag                                     list
    zonegit tag v1 -m "as agreed with the registry"
    zonegit tag before-move HEAD~3 -m "the old data centre"
    zonegit tag -d v1
    """
    if name is None and (delete or message is not None):
        raise click.UsageError("-m and -d need the NAME of a tag")
    if name is not None and not delete and not (message or "").strip():
        raise click.UsageError("a tag needs a message: -m TEXT")
    if name is not None and not delete:
        session = options.apply_signing(session, sign, off=no_sign)
    async with session.connect() as repo:
        current_zone = await heads.find_zone(repo, zone)
        if name is None:
            _print(session, current_zone, await tags.list_tags(repo, current_zone))
        elif delete:
            commit_command.warn_of_head(session)
            await _delete(session, repo, current_zone, name)
        else:
            commit_command.warn_of_head(session)
            at = await refish.resolve(repo, start, zone=zone, branch=branch)
            made = await tags.create(
                repo, current_zone, name, at.commit, (message or "").strip(), force=force
            )
            data = _make_data(current_zone, name, at.commit) | {"id": made.hex()}
            text = f"tag {name} of {names.text(current_zone)} at {format_id(at.commit)}"
            session.output.print_result(data, [text])


async def _delete(session: Session, repo: Repo, zone: Name, name: str) -> None:
    was = await tags.delete(repo, zone, name)
    text = f"deleted tag {name} of {names.text(zone)} (was {format_id(was)})"
    session.output.print_result({**_make_data(zone, name, was), "deleted": True}, [text])


def _make_data(zone: Name, name: str, commit: bytes) -> dict[str, Any]:
    return {"zone": names.text(zone), "tag": name, "commit": commit.hex()}


def _print(session: Session, zone: Name, found: list[ListedTag]) -> None:
    text = [f"{names.text(zone)} has no tag yet: zonegit tag NAME -m TEXT creates one"]
    data = make_tags(zone, found)
    rows = [_format_row(each) for each in found]
    lines = align_columns(rows, COLUMNS, has_header=False) if rows else text
    session.output.print_result(data, lines, paged=True)


def _format_row(each: ListedTag) -> tuple[Cell, ...]:
    tagger = each.tag.tagger if each.tag is not None else None
    if tagger is None:
        return each.name, format_id(each.commit), "", "", each.subject
    when = format_time_cell(tagger.time, identities.format_time(tagger))
    return each.name, format_id(each.commit), tagger.name, when, each.subject
