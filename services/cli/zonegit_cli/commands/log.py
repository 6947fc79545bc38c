"""zonegit log: commits, the latest first."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import click

from zonegit.objects.model import Identity
from zonegit.repo import browse, refish
from zonegit.repo.browse import Logged
from zonegit.store.reading import Reader
from zonegit.zone.names import Name
from zonegit_cli import page
from zonegit_cli.output import commit_id
from zonegit_cli.session import Session


@page.page("log")
@click.argument("start", metavar="[REFISH]", default="HEAD")
@click.option("-n", "--max-count", "limit", type=click.IntRange(1), default=50, show_default=True)
@click.option("--oneline", is_flag=True, help="One line a commit.")
@page.in_zone
async def command(
    session: Session,
    start: str,
    limit: int,
    oneline: bool,
    zone: Name | None,
    branch: str | None,
) -> None:
    """Show the commits that led to REFISH (HEAD), the latest first."""
    async with session.connected() as repo:
        resolved = await refish.resolve(repo, start, zone=zone, branch=branch)
        entries: list[Logged] = []
        async for logged in browse.log(Reader(repo.objects), resolved.commit):
            entries.append(logged)
            if len(entries) == limit:
                break
    lines = [line for each in entries for line in (_oneline(each) if oneline else _full(each))]
    session.output.result([_json(each) for each in entries], lines, paged=True)


def _oneline(logged: Logged) -> list[str]:
    return [f"{commit_id(logged.id)} {_subject(logged)}"]


def _full(logged: Logged) -> list[str]:
    commit = logged.commit
    lines = [click.style(f"commit {logged.id.hex()}", fg="yellow")]
    if len(commit.parents) > 1:
        lines.append("Merge:  " + " ".join(commit_id(parent) for parent in commit.parents))
    author = commit.author
    lines += [f"Author: {author.name} <{author.email}>", f"Date:   {moment(author)}", ""]
    lines += [f"    {line}" for line in commit.message.split("\n")]
    return [*lines, ""]


def _subject(logged: Logged) -> str:
    return next(islice(logged.commit.message.splitlines(), 1), "")


def moment(who: Identity) -> str:
    """When, in the author's own zone, as ISO 8601 without the T."""
    sign = -1 if who.zone.startswith("-") else 1
    offset = timedelta(hours=int(who.zone[1:3]), minutes=int(who.zone[3:5]))
    try:
        at = datetime.fromtimestamp(who.time, UTC).astimezone(timezone(sign * offset))
    except (ValueError, OverflowError, OSError):
        return f"{who.time} {who.zone}"
    return f"{at:%Y-%m-%d %H:%M:%S} {who.zone}"


def _json(logged: Logged) -> dict[str, Any]:
    commit = logged.commit
    return {
        "commit": logged.id.hex(),
        "tree": commit.tree.hex(),
        "parents": [parent.hex() for parent in commit.parents],
        "author": identity_json(commit.author),
        "committer": identity_json(commit.committer),
        "message": commit.message,
    }


def identity_json(who: Identity) -> dict[str, Any]:
    """An identity as ``--json`` shows it."""
    return {"name": who.name, "email": who.email, "time": who.time, "zone": who.zone}
