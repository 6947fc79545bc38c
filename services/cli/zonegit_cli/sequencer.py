"""What commands share that may stop at clashes: begin, decide, go on, give up.

A command that stops leaves behind what was begun (``unfinished``). Going on does it again on the
tip that the branch has by then, with the decisions made since: so others may commit meanwhile.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal

import click
import msgspec

from zonegit.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from zonegit.merge.conflicts import Side
from zonegit.objects.ids import CommitId
from zonegit.repo import heads
from zonegit.repo.commit.commit_loop import Intent, Outcome
from zonegit.repo.commit.conflicts import Choices, Conflicted
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import title
from zonegit_cli import commit_command, options, sequencer_state
from zonegit_cli.options import CommitOptions, Commits
from zonegit_cli.output import count
from zonegit_cli.sequencer_state import BranchKey, Open, RequestedOperation, SequencerState, What
from zonegit_cli.session import Session

MAINLINE: Final = click.option(
    "-m",
    "--mainline",
    type=click.IntRange(1, 2),
    metavar="N",
    help="Of a merge: its parent N counts as what was before.",
)


class SequencedCommand(msgspec.Struct, frozen=True):
    """A command that may stop. ``begin`` finds the commit that a refish means, and the message for
    it; ``work`` does it, for the parent that ``-m`` named; ``nothing`` is said when there was
    nothing to do, with ``{}`` for the branch and ``{refish}``."""

    what: What
    nothing: str
    begin: Callable[[Repo, BranchPosition, str], Awaitable[tuple[CommitId, str]]]
    work: Callable[[Repo, BranchPosition, RequestedOperation, Intent, Choices], Awaitable[Outcome]]


class SequencerOptions(msgspec.Struct, frozen=True):
    """What the command line says beside how to commit."""

    words: tuple[str, ...]
    side: Side | None
    step: Literal["continue", "abort"] | None
    mainline: Literal[1, 2] | None = None


def stoppable(body: Commits) -> Commits:
    """Adds what every such command takes, handed on as ``asked``."""

    @wraps(body)
    async def run(session: Session, **arguments: Any) -> int | None:
        names_of = [each.name for each in msgspec.structs.fields(SequencerOptions)]
        asked = SequencerOptions(
            **{name: arguments.pop(name) for name in names_of if name in arguments}
        )
        return await body(session, asked=asked, **arguments)

    for option in (
        click.option("--abort", "step", flag_value="abort", help="Give up what stopped."),
        click.option(
            "--continue", "step", flag_value="continue", help="Go on: commit what was decided."
        ),
        click.option(
            "--theirs", "side", flag_value="theirs", help="Where it clashes, take what comes."
        ),
        click.option(
            "--ours", "side", flag_value="ours", help="Where it clashes, keep what is here."
        ),
        click.argument("words", nargs=-1, type=options.REFISH, metavar="[REFISH | NAME TYPE]"),
    ):
        option(run)
    return run


async def run(
    session: Session, how: CommitOptions, kind: SequencedCommand, asked: SequencerOptions
) -> int:
    """Does what was asked for; returns the exit status."""
    if asked.step is not None and (asked.words or asked.side):
        raise click.UsageError(f"--{asked.step} takes no REFISH and no side")
    if asked.mainline is not None and len(asked.words) != 1:
        raise click.UsageError("-m goes with a REFISH")
    match asked:
        case SequencerOptions(step="continue"):
            return await _go_on(session, how, kind)
        case SequencerOptions(step="abort"):
            return await _give_up(session, how, kind)
        case SequencerOptions(words=(refish,)):
            return await _begin(session, how, kind, asked, refish)
        case SequencerOptions(words=(), side=None):
            raise click.UsageError(f"which commit? zonegit {kind.what} REFISH")
        case SequencerOptions(words=() | (_, _), side=side) if side is not None:
            return await _decide(session, how, kind, side, asked.words)
        case _:
            one, *_ = asked.words
            raise click.UsageError(
                f"one REFISH at a time: zonegit {kind.what} {one}, and then the next one"
            )


async def place_of(repo: Repo, at: BranchPosition) -> BranchKey:
    """Where what is unfinished on a branch is kept."""
    try:
        epoch = (await repo.refs.since("", 0)).epoch
    except Denied:  # to whoever may use some zones only: one installation is as another then
        epoch = ""
    return BranchKey(epoch, repo.actor, names.text(at.zone), at.branch)


async def _begin(
    session: Session,
    how: CommitOptions,
    kind: SequencedCommand,
    asked: SequencerOptions,
    refish: str,
) -> int:
    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        place = await place_of(repo, at)
        if not how.dry_run:
            _refuse_second(session.state, place)
        commit, message = await kind.begin(repo, at, refish)
        message = commit_command.intent(how, kind.what, message).message
        begun = RequestedOperation(kind.what, refish, commit.hex(), asked.mainline, message)
        choices = Choices(preferred=asked.side, respell=how.respell)
        return await _work(session, how, kind, repo, at, SequencerState(place, begun), choices)

    nothing = kind.nothing.replace("{refish}", refish)
    return await commit_command.carry_out(
        session, how, work, nothing=nothing, advice=_advice(how, kind)
    )


async def _go_on(session: Session, how: CommitOptions, kind: SequencedCommand) -> int:
    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        state = _known(session.state, await place_of(repo, at), kind)
        choices = Choices(state.decisions(), respell=how.respell)
        return await _work(session, how, kind, repo, at, state, choices)

    nothing = kind.nothing.replace("{refish}", "that")
    return await commit_command.carry_out(
        session, how, work, nothing=nothing, advice=_advice(how, kind)
    )


async def _work(
    session: Session,
    how: CommitOptions,
    kind: SequencedCommand,
    repo: Repo,
    at: BranchPosition,
    state: SequencerState,
    choices: Choices,
) -> Outcome:
    """Does it, and keeps what is left to do, or forgets it where nothing is."""
    intent = commit_command.intent(how, kind.what, state.begun.message)
    outcome = await kind.work(repo, at, state.begun, intent, choices)
    if how.dry_run:
        return outcome
    if isinstance(outcome, Conflicted):
        try:
            sequencer_state.write(session.state, state.stopped(outcome.clashes))
        except (Invalid, Unavailable) as error:  # what clashes is told all the same
            session.output.note(f"{error.message}; {error.hint}")
    else:
        sequencer_state.remove(session.state, state.place)
    return outcome


async def _decide(
    session: Session, how: CommitOptions, kind: SequencedCommand, side: Side, words: tuple[str, ...]
) -> int:
    rdtype = rrtypes.from_text(words[1]) if words else None  # a bad word costs no round trip
    async with session.connected() as repo:
        at = await heads.find_position(repo, how.zone, how.branch)
        state = _known(session.state, await place_of(repo, at), kind)
    key = (names.parse(words[0], at.zone), rdtype) if rdtype is not None else None
    decided = state.decide(side, key)
    if not how.dry_run:
        sequencer_state.write(session.state, decided)
    session.output.result(_json(decided), _lines(decided, _where(how)))
    return 0


async def _give_up(session: Session, how: CommitOptions, kind: SequencedCommand) -> int:
    async with session.connected() as repo:
        at = await heads.find_position(repo, how.zone, how.branch)
        place = await place_of(repo, at)
    if not sequencer_state.remove(session.state, place):
        raise _nothing(kind, place)
    where = {"zone": place.zone, "branch": place.branch, "aborted": True}
    text = f"given up; {place.zone} {place.branch} is as it was"
    session.output.result(where, [text])
    return 0


def _known(home: Path, place: BranchKey, kind: SequencedCommand) -> SequencerState:
    state = sequencer_state.read(home, place)
    if state is None:
        raise _nothing(kind, place)
    if state.begun.what != kind.what:
        raise Invalid(
            f"what is unfinished on {place.zone} {place.branch} is a {state.begun.what}",
            hint=f"zonegit {state.begun.what} --continue, or --abort",
        )
    return state


def _nothing(kind: SequencedCommand, place: BranchKey) -> NotFound:
    return NotFound(
        f"no {kind.what} is unfinished on {place.zone} {place.branch}",
        hint=f"zonegit {kind.what} REFISH begins one; --branch names another branch",
    )


def _refuse_second(home: Path, place: BranchKey) -> None:
    state = sequencer_state.read(home, place)
    if state is not None:
        what = state.begun.what
        raise Conflict(
            f"a {what} of {state.begun.refish} is unfinished on {place.zone} {place.branch}",
            hint=f"zonegit {what} --continue completes it, zonegit {what} --abort gives it up",
        )


def _where(how: CommitOptions) -> str:
    """The options by which the same branch is meant again."""
    zone = f" --zone {names.text(how.zone)}" if how.zone is not None else ""
    return f"{zone} --branch {how.branch}" if how.branch is not None else zone


def _advice(how: CommitOptions, kind: SequencedCommand) -> Callable[[Conflicted], list[str]]:
    """The commands that lead out of a conflict."""

    def advice(conflicted: Conflicted) -> list[str]:
        if how.dry_run:
            return [f"zonegit {kind.what} without --dry-run lets you decide each of them"]
        first, command = conflicted.clashes[0], f"zonegit {kind.what}{_where(how)}"
        one = f"{command} --ours {title(first.owner, first.rdtype)}"
        return [
            f"decide each:  {one}  (or --theirs; all that are left: without a name)",
            f"commit it:    {command} --continue",
            f"give it up:   {command} --abort",
        ]

    return advice


def lines(state: SequencerState) -> list[str]:
    """What is unfinished, in a few words."""
    begun = state.begun
    left = count(len(state.left), "conflict") if state.left else "none"
    way = f"zonegit {begun.what} --continue or --abort"
    return [f"a {begun.what} of {begun.refish} is unfinished, {left} left to decide: {way}"]


def as_json(state: SequencerState) -> dict[str, Any]:
    """The same for programs."""
    begun = state.begun
    return {
        "what": begun.what,
        "refish": begun.refish,
        "commit": begun.commit,
        "decided": [_named(each) | {"side": each.side} for each in state.clashes if each.side],
        "left": [_named(each) for each in state.left],
    }


def _json(state: SequencerState) -> dict[str, Any]:
    place = state.place
    return {"zone": place.zone, "branch": place.branch, "unfinished": as_json(state)}


def _lines(state: SequencerState, where: str) -> list[str]:
    shown = [f"  {each.side or '?':<6}  {each.name} {each.type}" for each in state.clashes]
    command = f"zonegit {state.begun.what}{where}"
    if state.left:
        return [*shown, f"{count(len(state.left), 'conflict')} left to decide"]
    return [*shown, f"all is decided: {command} --continue commits it"]


def _named(each: Open) -> dict[str, Any]:
    return {"name": each.name, "type": each.type}
