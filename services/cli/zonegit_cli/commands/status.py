"""zonegit status: where you stand and what is served."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import Any

import click

from zonegit.errors import Invalid
from zonegit.objects.model import subject
from zonegit.repo import heads
from zonegit.repo.heads import BranchPosition
from zonegit.repo.inspect import ahead_behind
from zonegit.repo.inspect.ahead_behind import AheadBehind, BranchStatus
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.wire.messages import ResolverStatus, ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options, sequencer, sequencer_state
from zonegit_cli.output import commit_id, count
from zonegit_cli.propagation import branch_and_share, survey
from zonegit_cli.render import commits
from zonegit_cli.sequencer_state import BranchKey, SequencerState
from zonegit_cli.session import Session

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@options.page("status")
@options.in_zone
async def command(session: Session, zone: Name | None, branch: str | None) -> None:
    """Show the zone and branch you stand on, its tip, how far from main it is, and who serves it.

    \b
    zonegit status
    zonegit status --zone example.com --branch canary
    """
    async with session.bus() as bus:
        repo = session.repo(bus)
        at = await heads.find_position(repo, zone, branch)
        session.head.accept()
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(survey(session, bus, at.zone))
            placing = group.create_task(sequencer.place_of(repo, at))
            stands = await ahead_behind.read_status(repo, at)
    found = asking.result()
    left = _unfinished(session, placing.result())
    signed = commits.signature(session, stands.tip) if stands.tip else None
    data = {
        "operator": repo.actor,
        **_json(at, stands),
        "signature": signed,
        "unfinished": sequencer.as_json(left) if left else None,
        "served_by": [
            _served_json(each, served) for each, served in _serving(found.statuses, at.zone)
        ],
    }
    lines = [
        *_lines(repo.actor, at, stands, signed),
        *(sequencer.lines(left) if left else ()),
        *_served_lines(found.statuses, at),
        *(f"{name} does not answer" for name in found.silent),
    ]
    session.output.result(data, lines)


def _unfinished(session: Session, place: BranchKey) -> SequencerState | None:
    """What is unfinished there; a file that does not tell is no reason to say nothing else."""
    try:
        return sequencer_state.read(session.state, place)
    except Invalid as error:
        session.output.note(f"{error.message}; {error.hint}")
        return None


def _json(at: BranchPosition, stands: BranchStatus) -> dict[str, Any]:
    tip, apart = stands.tip, stands.apart
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


def _lines(
    operator: str, at: BranchPosition, stands: BranchStatus, signed: str | None
) -> Iterator[str]:
    tip = stands.tip
    yield f"{operator} on {click.style(at.branch, fg='green')} of {names.text(at.zone)}"
    if at.tip is None or tip is None:
        yield "no commit yet, so nothing is served: zonegit import FILE"
        return
    yield f"{commit_id(at.tip.target)} serial {at.tip.serial}  {subject(tip)}"
    when = ago(time.time() - tip.committer.time)
    yield f"by {tip.author.mailbox}, {when}"
    if signed is not None:
        yield signed
    if stands.apart is not None:
        yield _apart_line(stands.apart)


def _apart_line(apart: AheadBehind) -> str:
    match apart:
        case AheadBehind(0, 0):
            return f"at the same commit as {DEFAULT_BRANCH}"
        case AheadBehind(ahead, 0):
            return f"{count(ahead, 'commit')} ahead of {DEFAULT_BRANCH}"
        case AheadBehind(0, behind):
            return f"{count(behind, 'commit')} behind {DEFAULT_BRANCH}"
        case AheadBehind(ahead, behind):
            return f"{count(ahead, 'commit')} ahead of {DEFAULT_BRANCH}, {behind} behind"


def ago(seconds: float) -> str:
    """How long ago something was, in its largest unit; a clock elsewhere may be ahead."""
    for unit, length in UNITS:
        if whole := int(abs(seconds) // length):
            text = count(whole, unit)
            return f"{text} ago" if seconds > 0 else f"{text} ahead of this clock"
    return "just now"


def _serving(statuses: Sequence[ResolverStatus], zone: Name) -> list[tuple[str, ServedZone]]:
    return [(each.resolver, s) for each in statuses for s in each.zones if s.zone == zone]


def _served_json(resolver: str, served: ServedZone) -> dict[str, object]:
    return {
        "resolver": resolver,
        "branch": served.branch,
        "commit": served.commit.hex() if served.commit else None,
        "serial": served.serial,
        "pinned": served.pinned,
        "percent": served.percent,
        "problem": served.problem,
    }


def _served_lines(statuses: Sequence[ResolverStatus], at: BranchPosition) -> list[str]:
    if not statuses:
        return ["no resolver answers"]
    lines = []
    for resolver, served in _serving(statuses, at.zone):
        problem = f"; {served.problem}" if served.problem else ""
        lines.append(f"{resolver} serves {_what(served, at)}{problem}")
    return lines or [f"{len(statuses)} resolver(s) answer; none serves this zone"]


def _what(served: ServedZone, at: heads.BranchPosition) -> str:
    is_same = at.tip is not None and served.commit == at.tip.target
    commit = "this commit" if is_same else commit_id(served.commit or b"")
    if served.pinned:
        return f"{commit}, pinned to {served.branch}"
    if is_same and served.percent is None:
        return commit
    return f"{commit} of {branch_and_share(served)}"
