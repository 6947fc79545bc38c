"""What every command that commits does: find the branch, commit, wait, tell."""

import heapq
from collections.abc import Callable, Sequence
from typing import Any

import click

from zonegit.objects.ids import CommitId
from zonegit.repo import commits, workspace
from zonegit.repo.commits import Committed, Intent, Plan
from zonegit.repo.edits import Edit
from zonegit.repo.workspace import Position, Repo
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset
from zonegit_cli import waiting
from zonegit_cli.output import commit_id
from zonegit_cli.page import How
from zonegit_cli.session import Session

SHOWN = 10
"""Changed RRsets listed one by one before they are only counted."""


async def commit_edit(
    session: Session, how: How, words: Sequence[str], edit: Callable[[Name], Edit]
) -> None:
    """Commits one edit, made once the zone is known; ``words`` are the command's own, which are
    the message where none was given."""

    def plan_for(_repo: Repo, position: Position) -> Plan:
        return commits.plan_edits([edit(position.zone)], position.zone)

    intent = Intent(how.message or " ".join(words), words[0], how.force)
    await commit(session, how, plan_for, intent)


async def commit(
    session: Session, how: How, plan_for: Callable[[Repo, Position], Plan], intent: Intent
) -> None:
    """Commits a plan on the branch the command works on and tells what came of it."""
    heard = waiting.Heard()
    async with session.bus() as bus:
        repo = session.repo(bus)
        at = await workspace.locate(repo, how.zone, how.branch)
        async with waiting.waiting(session, bus, at.zone, at.branch, wanted=how.wait) as waiter:
            made = await commits.commit(repo, at, plan_for(repo, at), intent)
            if made is not None:
                heard = await waiter.until(made.moved)
    if made is None:
        _tell_nothing(session, at)
    else:
        lines = [*_lines(made), *heard.lines()]
        session.output.result(lambda: {**as_json(made), **heard.json()}, lines)


def _tell_nothing(session: Session, position: Position) -> None:
    tip = CommitId(position.tip.target).hex() if position.tip else None
    where = {"zone": names.text(position.zone), "branch": position.branch, "commit": tip}
    text = f"nothing to commit: {names.text(position.zone)} {position.branch} is so already"
    session.output.result({**where, "committed": False}, [text])


def as_json(made: Committed) -> dict[str, Any]:
    """A commit as ``--json`` shows it."""
    return {
        "zone": names.text(made.zone),
        "branch": made.branch,
        "committed": True,
        "commit": made.commit.hex(),
        "parent": made.parent.hex() if made.parent else None,
        "serial": made.serial,
        "serial_before": made.before,
        "replayed": made.replayed,
        "changes": [
            {"name": names.text(owner), "type": rrtypes.to_text(rdtype), "deleted": rrset is None}
            for (owner, rdtype), rrset in sorted(
                made.changes.items(), key=lambda change: _in_order(change[0])
            )
        ],
    }


def _lines(made: Committed) -> list[str]:
    serial = f"serial {made.serial}" if made.before is None else f"{made.before} -> {made.serial}"
    head = f"{names.text(made.zone)} {made.branch} {commit_id(made.commit)} ({serial})"
    first = heapq.nsmallest(SHOWN, made.changes, key=_in_order)
    lines = [head, *(_change_line(key, made.changes[key]) for key in first)]
    if len(made.changes) > SHOWN:
        lines.append(f"  and {len(made.changes) - SHOWN} more RRsets")
    return lines


def _in_order(key: tuple[Name, int]) -> tuple[Any, int]:
    """As zones are sorted (RFC 4034 section 6.1), the apex first."""
    return names.canonical_key(key[0]), key[1]


def _change_line(key: tuple[Name, int], rrset: RRset | None) -> str:
    text = f"{names.text(key[0])} {rrtypes.to_text(key[1])}"
    if rrset is None:
        return click.style(f"  - {text}", fg="red")
    return click.style(f"  + {text}", fg="green") + f" ({len(rrset.rdatas)}, TTL {rrset.ttl})"
