"""zonegit status: show the current branch and what is served."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from zonegit.errors import Invalid
from zonegit.objects.model import subject
from zonegit.repo import heads
from zonegit.repo.change import sequencer, sequencer_state
from zonegit.repo.change.sequencer_state import BranchKey, SequencerState
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import compare
from zonegit.repo.inspect.compare import AheadBehind, BranchStatus
from zonegit.repo.repo import Repo
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options, sequencer_command
from zonegit_cli.output import format_count, format_id, to_hex
from zonegit_cli.render import commits
from zonegit_cli.render.resolvers import format_branch
from zonegit_cli.session import Session
from zonegit_cli.text_width import fit_line, wrap_line

MAX_BRANCHES = 5
"""Branches that are named if the current one does not exist."""
UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@options.session_command("status")
@options.zone_options
async def command(session: Session, zone: Name | None, branch: str | None) -> None:
    """Show the current zone and branch, its tip, the commits ahead of and behind main, and the
    resolvers that serve it.

    \b
    zonegit status
    zonegit status --zone example.com --branch canary
    """
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        at = await heads.find_position(repo, zone, branch)
        session.head.accept()
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(session.survey_resolvers(bus, at.zone))
            finding_key = group.create_task(sequencer.find_key(repo, at))
            status = await compare.read_status(repo, at)
        others = await _list_branches(repo, at.zone) if at.tip is None else []
    found = asking.result()
    in_progress = _read_in_progress(session, finding_key.result())
    signed = commits.describe_signature(session, status.tip) if status.tip else None
    data = {
        "operator": repo.actor,
        **_to_json(at, status),
        "signature": signed,
        "unfinished": sequencer_command.to_json(in_progress) if in_progress else None,
        "served_by": [
            _served_to_json(each, served) for each, served in _find_served(found.statuses, at.zone)
        ],
    }
    lines = [
        *_format_lines(repo.actor, at, status, signed, others),
        *(sequencer_command.format_lines(in_progress) if in_progress else ()),
        *_format_served(found.statuses, at),
        *(f"{name} does not answer" for name in found.silent),
    ]
    fitted = [part for line in lines for part in wrap_line(line)]
    session.output.print_result(data, fitted)


async def _list_branches(repo: Repo, zone: Name) -> list[str]:
    """Return the branches of a zone, main first."""
    refs = await repo.refs.zone(zone, repo.actor)
    return sorted(refs.heads, key=lambda branch: (branch != DEFAULT_BRANCH, branch))


def _read_in_progress(session: Session, key: BranchKey) -> SequencerState | None:
    """Return the merge, cherry-pick or revert in progress; a damaged state is noted only."""
    try:
        return sequencer_state.read(session.state, key)
    except Invalid as error:
        session.output.print_note(f"{error.message}; {error.hint}")
        return None


def _to_json(at: BranchPosition, status: BranchStatus) -> dict[str, Any]:
    tip, apart = status.tip, status.apart
    return {
        "zone": names.text(at.zone),
        "branch": at.branch,
        "commit": at.tip.target.hex() if at.tip else None,
        "serial": at.tip.serial if at.tip else None,
        "message": subject(tip) if tip else None,
        "author": tip.author.mailbox if tip else None,
        "time": tip.committer.time if tip else None,
        "ahead_of_main": apart.ahead if apart else None,
        "behind_main": apart.behind if apart else None,
    }


def _format_lines(
    operator: str,
    at: BranchPosition,
    status: BranchStatus,
    signed: str | None,
    others: Sequence[str],
) -> Iterator[str]:
    """Yield the lines about a branch; ``others`` are those of its zone if it has no commit."""
    tip = status.tip
    yield f"{operator} on {click.style(at.branch, fg='green')} of {names.text(at.zone)}"
    if others:
        shown = ", ".join(others[:MAX_BRANCHES])
        more = f" and {len(others) - MAX_BRANCHES} more" if len(others) > MAX_BRANCHES else ""
        yield f"no branch {at.branch} exists; the zone has {shown}{more}: zonegit checkout BRANCH"
        return
    if at.tip is None or tip is None:
        yield "no commit yet, so the zone is not served: zonegit import FILE"
        return
    yield fit_line(f"{format_id(at.tip.target)} serial {at.tip.serial}  {subject(tip)}")
    when = format_age(time.time() - tip.committer.time)
    yield f"by {tip.author.mailbox}, {when}"
    if signed is not None:
        yield signed
    if status.apart is not None:
        yield _format_ahead_behind(status.apart)


def _format_ahead_behind(apart: AheadBehind) -> str:
    match apart:
        case AheadBehind(0, 0):
            return f"at the same commit as {DEFAULT_BRANCH}"
        case AheadBehind(ahead, 0):
            return f"{format_count(ahead, 'commit')} ahead of {DEFAULT_BRANCH}"
        case AheadBehind(0, behind):
            return f"{format_count(behind, 'commit')} behind {DEFAULT_BRANCH}"
        case AheadBehind(ahead, behind):
            return f"{format_count(ahead, 'commit')} ahead of {DEFAULT_BRANCH}, {behind} behind"


def format_age(seconds: float) -> str:
    """Return an age in its largest unit; it is negative if another machine's clock is ahead."""
    for unit, length in UNITS:
        if whole := int(abs(seconds) // length):
            text = format_count(whole, unit)
            return f"{text} ago" if seconds > 0 else f"{text} ahead of this clock"
    return "just now"


def _find_served(statuses: Sequence[ResolverStatus], zone: Name) -> list[tuple[str, ServedZone]]:
    return [(each.resolver, s) for each in statuses for s in each.zones if s.zone == zone]


def _served_to_json(resolver: str, served: ServedZone) -> dict[str, object]:
    return {
        "resolver": resolver,
        "branch": served.branch,
        "commit": to_hex(served.commit),
        "serial": served.serial,
        "pinned": served.pinned,
        "percent": served.percent,
        "problem": served.problem,
    }


def _format_served(statuses: Sequence[ResolverStatus], at: BranchPosition) -> list[str]:
    if not statuses:
        return ["no resolver answers"]
    lines = []
    for resolver, served in _find_served(statuses, at.zone):
        problem = f"; {served.problem}" if served.problem else ""
        lines.append(f"{resolver} serves {_describe_served(served, at)}{problem}")
    return lines or [f"{len(statuses)} resolver(s) answer; none serves this zone"]


def _describe_served(served: ServedZone, at: heads.BranchPosition) -> str:
    if served.commit is None:
        return f"no commit of {format_branch(served)} yet"
    is_same = at.tip is not None and served.commit == at.tip.target
    commit = "this commit" if is_same else format_id(served.commit)
    if served.pinned:
        return f"{commit}, pinned to {served.branch}"
    if is_same and served.percent is None:
        return commit
    return f"{commit} of {format_branch(served)}"
