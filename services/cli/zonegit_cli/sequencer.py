"""The conflict sequencer of merge, cherry-pick and revert: start, choose sides, continue, abort.

Theory of operation

git leaves a conflict in the index and in the working tree. zonegit has neither, so a command that
meets conflicts writes its state to a file and exits with status 4; the branch does not move. Each
of the steps below is a separate run of the command:

    zonegit merge canary               start: merge, or write the state and list the conflicts
    zonegit merge --theirs www A       choose: record a side for one RRset in the state
    zonegit merge --ours               choose: record a side for all RRsets without one
    zonegit merge --continue           merge again, with the recorded choices
    zonegit merge --abort              remove the state

The state (``sequencer_state``) holds the request and the conflicts: the command, the refish and the
commit that it named at the start, the parent that ``-m`` chose, the message, and for each RRset
that clashed the fingerprints of both sides and the side that was chosen, if any. It is a file in
the operator's state folder, named after the installation (the epoch of the ref store's log), the
actor, the zone and the branch. So there is at most one operation in progress for each branch and
operator; the stores do not know of it, and other operators are not blocked.

Nothing of the first attempt is kept but the state. ``--continue`` runs the whole merge again on the
tip that the branch has by then, with the choices as input, and commits through the commit loop like
any other command. Other operators may therefore commit between two steps. A choice is bound to the
fingerprints of the content that the operator saw: if either side of an RRset changed since, the
choice does not apply, the RRset is a conflict again, and its side has to be chosen again. If
conflicts remain, the state is written again and the exit status is 4; otherwise the state is
removed after the branch moved, so a failure before that loses no choice.

``--ours`` or ``--theirs`` together with a REFISH choose a side for all conflicts and need no state.
With ``--dry-run`` the state is neither written nor removed, except by ``--abort``. If the state
cannot be written, the conflicts are printed anyway, with a note.
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
from zonegit_cli.options import CommandBody, CommitOptions
from zonegit_cli.output import count
from zonegit_cli.sequencer_state import (
    BranchKey,
    RequestedOperation,
    SequencerState,
    StoredConflict,
    What,
)
from zonegit_cli.session import Session

MAINLINE: Final = click.option(
    "-m",
    "--mainline",
    type=click.IntRange(1, 2),
    metavar="N",
    help="Parent number of a merge commit: the change is relative to this parent.",
)


class SequencedCommand(msgspec.Struct, frozen=True):
    """A command that may stop at conflicts.

    Args:
        what: its name.
        nothing: printed if nothing changes, with ``{}`` for the branch and ``{refish}``.
        begin: resolves a refish to a commit, and returns the message for the new commit.
        work: runs the operation.
    """

    what: What
    nothing: str
    begin: Callable[[Repo, BranchPosition, str], Awaitable[tuple[CommitId, str]]]
    work: Callable[[Repo, BranchPosition, RequestedOperation, Intent, Choices], Awaitable[Outcome]]


class SequencerOptions(msgspec.Struct, frozen=True):
    """The arguments of the sequencer: a refish, or an RRset and a side, or a step."""

    words: tuple[str, ...]
    side: Side | None
    step: Literal["continue", "abort"] | None
    mainline: Literal[1, 2] | None = None


def sequencer_options(body: CommandBody) -> CommandBody:
    """Add the options of a command that may stop at conflicts; passed as ``asked``."""

    @wraps(body)
    async def run(session: Session, **arguments: Any) -> int | None:
        names_of = [each.name for each in msgspec.structs.fields(SequencerOptions)]
        asked = SequencerOptions(
            **{name: arguments.pop(name) for name in names_of if name in arguments}
        )
        return await body(session, asked=asked, **arguments)

    for option in (
        click.option("--abort", "step", flag_value="abort", help="Abort the stopped command."),
        click.option(
            "--continue", "step", flag_value="continue", help="Commit with the sides chosen."
        ),
        click.option(
            "--theirs", "side", flag_value="theirs", help="Resolve conflicts with their side."
        ),
        click.option(
            "--ours", "side", flag_value="ours", help="Resolve conflicts with this branch's side."
        ),
        click.argument("words", nargs=-1, type=options.REFISH, metavar="[REFISH | NAME TYPE]"),
    ):
        option(run)
    return run


async def run(
    session: Session, how: CommitOptions, kind: SequencedCommand, asked: SequencerOptions
) -> int:
    """Run the step that the command line asks for, and return the exit status."""
    if asked.step is not None and (asked.words or asked.side):
        raise click.UsageError(f"--{asked.step} takes no REFISH and no side")
    if asked.mainline is not None and len(asked.words) != 1:
        raise click.UsageError("-m needs a REFISH")
    match asked:
        case SequencerOptions(step="continue"):
            return await _continue(session, how, kind)
        case SequencerOptions(step="abort"):
            return await _abort(session, how, kind)
        case SequencerOptions(words=(refish,)):
            return await _start(session, how, kind, asked, refish)
        case SequencerOptions(words=(), side=None):
            raise click.UsageError(f"a REFISH is required: zonegit {kind.what} REFISH")
        case SequencerOptions(words=() | (_, _), side=side) if side is not None:
            return await _choose(session, how, kind, side, asked.words)
        case _:
            one, *_ = asked.words
            raise click.UsageError(
                f"one REFISH at a time: zonegit {kind.what} {one}, and then the next one"
            )


async def find_key(repo: Repo, at: BranchPosition) -> BranchKey:
    """Return the key of the state of a branch."""
    try:
        epoch = (await repo.refs.since("", 0)).epoch
    except Denied:  # operators of some zones only may not read the log: installations share the key
        epoch = ""
    return BranchKey(epoch, repo.actor, names.text(at.zone), at.branch)


async def _start(
    session: Session,
    how: CommitOptions,
    kind: SequencedCommand,
    asked: SequencerOptions,
    refish: str,
) -> int:
    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        key = await find_key(repo, at)
        if not how.dry_run:
            _require_none_in_progress(session.state, key)
        commit, message = await kind.begin(repo, at, refish)
        message = commit_command.build_intent(how, kind.what, message).message
        begun = RequestedOperation(kind.what, refish, commit.hex(), asked.mainline, message)
        choices = Choices(preferred=asked.side, respell=how.respell)
        return await _attempt(session, how, kind, repo, at, SequencerState(key, begun), choices)

    nothing = kind.nothing.replace("{refish}", refish)
    return await commit_command.run_commit(
        session, how, work, nothing=nothing, advice=_advice(how, kind)
    )


async def _continue(session: Session, how: CommitOptions, kind: SequencedCommand) -> int:
    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        state = _read_state(session.state, await find_key(repo, at), kind)
        choices = Choices(state.decisions(), respell=how.respell)
        return await _attempt(session, how, kind, repo, at, state, choices)

    nothing = kind.nothing.replace("{refish}", "it")
    return await commit_command.run_commit(
        session, how, work, nothing=nothing, advice=_advice(how, kind)
    )


async def _attempt(
    session: Session,
    how: CommitOptions,
    kind: SequencedCommand,
    repo: Repo,
    at: BranchPosition,
    state: SequencerState,
    choices: Choices,
) -> Outcome:
    """Run the operation. Write the state if it stops at conflicts, otherwise remove it."""
    intent = commit_command.build_intent(how, kind.what, state.begun.message)
    outcome = await kind.work(repo, at, state.begun, intent, choices)
    if how.dry_run:
        return outcome
    if isinstance(outcome, Conflicted):
        try:
            sequencer_state.write(session.state, state.stopped(outcome.clashes))
        except (Invalid, Unavailable) as error:  # report the conflicts anyway
            session.output.note(f"{error.message}; {error.hint}")
    else:
        sequencer_state.remove(session.state, state.place)
    return outcome


async def _choose(
    session: Session, how: CommitOptions, kind: SequencedCommand, side: Side, words: tuple[str, ...]
) -> int:
    rdtype = rrtypes.from_text(words[1]) if words else None  # fail before the first request
    async with session.connected() as repo:
        at = await heads.find_position(repo, how.zone, how.branch)
        state = _read_state(session.state, await find_key(repo, at), kind)
    rrset = (names.parse(words[0], at.zone), rdtype) if rdtype is not None else None
    decided = state.decide(side, rrset)
    if not how.dry_run:
        sequencer_state.write(session.state, decided)
    session.output.result(_json(decided), _lines(decided, _branch_options(how)))
    return 0


async def _abort(session: Session, how: CommitOptions, kind: SequencedCommand) -> int:
    async with session.connected() as repo:
        at = await heads.find_position(repo, how.zone, how.branch)
        key = await find_key(repo, at)
    if not sequencer_state.remove(session.state, key):
        raise _none_in_progress(kind, key)
    data = {"zone": key.zone, "branch": key.branch, "aborted": True}
    session.output.result(data, [f"aborted; {key.zone} {key.branch} did not move"])
    return 0


def _read_state(home: Path, key: BranchKey, kind: SequencedCommand) -> SequencerState:
    state = sequencer_state.read(home, key)
    if state is None:
        raise _none_in_progress(kind, key)
    if state.begun.what != kind.what:
        raise Invalid(
            f"the operation in progress on {key.zone} {key.branch} is a {state.begun.what}",
            hint=f"zonegit {state.begun.what} --continue, or --abort",
        )
    return state


def _none_in_progress(kind: SequencedCommand, key: BranchKey) -> NotFound:
    return NotFound(
        f"no {kind.what} is in progress on {key.zone} {key.branch}",
        hint=f"start one with zonegit {kind.what} REFISH, or name another branch with --branch",
    )


def _require_none_in_progress(home: Path, key: BranchKey) -> None:
    state = sequencer_state.read(home, key)
    if state is not None:
        what = state.begun.what
        raise Conflict(
            f"a {what} of {state.begun.refish} is in progress on {key.zone} {key.branch}",
            hint=f"complete it with zonegit {what} --continue, or abort it with --abort",
        )


def _branch_options(how: CommitOptions) -> str:
    """Return the options that name the same branch again."""
    zone = f" --zone {names.text(how.zone)}" if how.zone is not None else ""
    return f"{zone} --branch {how.branch}" if how.branch is not None else zone


def _advice(how: CommitOptions, kind: SequencedCommand) -> Callable[[Conflicted], list[str]]:
    """Return a function that lists the commands to resolve conflicts with."""

    def advice(conflicted: Conflicted) -> list[str]:
        if how.dry_run:
            return [f"run zonegit {kind.what} without --dry-run to resolve them one by one"]
        first, command = conflicted.clashes[0], f"zonegit {kind.what}{_branch_options(how)}"
        one = f"{command} --ours {title(first.owner, first.rdtype)}"
        return [
            f"resolve:   {one}  (or --theirs; without a name: all that are left)",
            f"continue:  {command} --continue",
            f"abort:     {command} --abort",
        ]

    return advice


def lines(state: SequencerState) -> list[str]:
    """Return a line about the operation in progress."""
    begun = state.begun
    left = count(len(state.left), "conflict") if state.left else "no conflict"
    commands = f"zonegit {begun.what} --continue or --abort"
    return [f"a {begun.what} of {begun.refish} is in progress, {left} left to resolve: {commands}"]


def as_json(state: SequencerState) -> dict[str, Any]:
    """Return the operation in progress for ``--json``."""
    begun = state.begun
    return {
        "what": begun.what,
        "refish": begun.refish,
        "commit": begun.commit,
        "decided": [_named(each) | {"side": each.side} for each in state.clashes if each.side],
        "left": [_named(each) for each in state.left],
    }


def _json(state: SequencerState) -> dict[str, Any]:
    key = state.place
    return {"zone": key.zone, "branch": key.branch, "unfinished": as_json(state)}


def _lines(state: SequencerState, branch_options: str) -> list[str]:
    shown = [f"  {each.side or '?':<6}  {each.name} {each.type}" for each in state.clashes]
    command = f"zonegit {state.begun.what}{branch_options}"
    if state.left:
        return [*shown, f"{count(len(state.left), 'conflict')} left to resolve"]
    return [*shown, f"all conflicts are resolved: {command} --continue commits"]


def _named(each: StoredConflict) -> dict[str, Any]:
    return {"name": each.name, "type": each.type}
