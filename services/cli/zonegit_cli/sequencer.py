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
from zonegit.repo.commit.conflicts import Choices, Conflicted
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import format_key
from zonegit_cli import commit_command, options, sequencer_state
from zonegit_cli.commit_command import Presentation
from zonegit_cli.options import CommandBody, CommitOptions
from zonegit_cli.output import format_count
from zonegit_cli.sequencer_state import (
    BranchKey,
    CommandName,
    RequestedOperation,
    SequencerState,
    StoredConflict,
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
        name: its name.
        unchanged_text: printed if nothing changes, with ``{}`` for the branch and ``{refish}``.
        resolve: resolves a refish to a commit, and returns the message for the new commit.
        run: runs the operation.
    """

    name: CommandName
    unchanged_text: str
    resolve: Callable[[Repo, BranchPosition, str], Awaitable[tuple[CommitId, str]]]
    run: Callable[[Repo, BranchPosition, RequestedOperation, Intent, Choices], Awaitable[Outcome]]


class SequencerOptions(msgspec.Struct, frozen=True):
    """The arguments of the sequencer: a refish, or an RRset and a side, or a step."""

    words: tuple[str, ...]
    side: Side | None
    step: Literal["continue", "abort"] | None
    mainline: Literal[1, 2] | None = None


def sequencer_options(body: CommandBody) -> CommandBody:
    """Add the options of a command that may stop at conflicts; passed as ``sequencer_options``."""

    @wraps(body)
    async def run(session: Session, **arguments: Any) -> int | None:
        names_of = [each.name for each in msgspec.structs.fields(SequencerOptions)]
        sequencer_options = SequencerOptions(
            **{name: arguments.pop(name) for name in names_of if name in arguments}
        )
        return await body(session, sequencer_options=sequencer_options, **arguments)

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
    session: Session,
    commit_options: CommitOptions,
    command: SequencedCommand,
    sequencer_options: SequencerOptions,
) -> int:
    """Run the step that the command line asks for, and return the exit status."""
    if sequencer_options.step is not None and (sequencer_options.words or sequencer_options.side):
        raise click.UsageError(f"--{sequencer_options.step} takes no REFISH and no side")
    if sequencer_options.mainline is not None and len(sequencer_options.words) != 1:
        raise click.UsageError("-m needs a REFISH")
    match sequencer_options:
        case SequencerOptions(step="continue"):
            return await _continue(session, commit_options, command)
        case SequencerOptions(step="abort"):
            return await _abort(session, commit_options, command)
        case SequencerOptions(words=(refish,)):
            return await _start(session, commit_options, command, sequencer_options, refish)
        case SequencerOptions(words=(), side=None):
            raise click.UsageError(f"a REFISH is required: zonegit {command.name} REFISH")
        case SequencerOptions(words=() | (_, _), side=side) if side is not None:
            return await _choose(session, commit_options, command, side, sequencer_options.words)
        case _:
            one, *_ = sequencer_options.words
            raise click.UsageError(
                f"one REFISH at a time: zonegit {command.name} {one}, and then the next one"
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
    commit_options: CommitOptions,
    command: SequencedCommand,
    sequencer_options: SequencerOptions,
    refish: str,
) -> int:
    async def operation(repo: Repo, at: BranchPosition) -> Outcome:
        key = await find_key(repo, at)
        if not commit_options.dry_run:
            _require_no_operation(session.state, key)
        commit, message = await command.resolve(repo, at, refish)
        message = commit_command.build_intent(commit_options, command.name, message).message
        request = RequestedOperation(
            command.name, refish, commit.hex(), sequencer_options.mainline, message
        )
        choices = Choices(preferred=sequencer_options.side, respell=commit_options.respell)
        return await _attempt(
            session, commit_options, command, repo, at, SequencerState(key, request), choices
        )

    presentation = _make_presentation(commit_options, command, refish)
    return await commit_command.run_commit(session, commit_options, operation, presentation)


async def _continue(
    session: Session, commit_options: CommitOptions, command: SequencedCommand
) -> int:
    async def operation(repo: Repo, at: BranchPosition) -> Outcome:
        state = _read_state(session.state, await find_key(repo, at), command)
        choices = Choices(state.make_decisions(), respell=commit_options.respell)
        return await _attempt(session, commit_options, command, repo, at, state, choices)

    presentation = _make_presentation(commit_options, command, "it")
    return await commit_command.run_commit(session, commit_options, operation, presentation)


async def _attempt(
    session: Session,
    commit_options: CommitOptions,
    command: SequencedCommand,
    repo: Repo,
    at: BranchPosition,
    state: SequencerState,
    choices: Choices,
) -> Outcome:
    """Run the operation. Write the state if it stops at conflicts, otherwise remove it."""
    intent = commit_command.build_intent(commit_options, command.name, state.request.message)
    outcome = await command.run(repo, at, state.request, intent, choices)
    if commit_options.dry_run:
        return outcome
    if isinstance(outcome, Conflicted):
        try:
            sequencer_state.write(session.state, state.add_conflicts(outcome.clashes))
        except (Invalid, Unavailable) as error:  # report the conflicts anyway
            session.output.print_note(f"{error.message}; {error.hint}")
    else:
        sequencer_state.remove(session.state, state.key)
    return outcome


async def _choose(
    session: Session,
    commit_options: CommitOptions,
    command: SequencedCommand,
    side: Side,
    words: tuple[str, ...],
) -> int:
    rdtype = rrtypes.from_text(words[1]) if words else None  # fail before the first request
    async with session.connect() as repo:
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        state = _read_state(session.state, await find_key(repo, at), command)
    rrset = (names.parse(words[0], at.zone), rdtype) if rdtype is not None else None
    decided = state.decide(side, rrset)
    if not commit_options.dry_run:
        sequencer_state.write(session.state, decided)
    session.output.print_result(
        _to_json(decided), _format_lines(decided, _format_branch_options(commit_options))
    )
    return 0


async def _abort(session: Session, commit_options: CommitOptions, command: SequencedCommand) -> int:
    async with session.connect() as repo:
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        key = await find_key(repo, at)
    if not sequencer_state.remove(session.state, key):
        raise _none_in_progress_error(command, key)
    data = {"zone": key.zone, "branch": key.branch, "aborted": True}
    session.output.print_result(data, [f"aborted; {key.zone} {key.branch} did not move"])
    return 0


def _read_state(state_folder: Path, key: BranchKey, command: SequencedCommand) -> SequencerState:
    state = sequencer_state.read(state_folder, key)
    if state is None:
        raise _none_in_progress_error(command, key)
    if state.request.command != command.name:
        raise Invalid(
            f"the operation in progress on {key.zone} {key.branch} is a {state.request.command}",
            hint=f"zonegit {state.request.command} --continue, or --abort",
        )
    return state


def _none_in_progress_error(command: SequencedCommand, key: BranchKey) -> NotFound:
    return NotFound(
        f"no {command.name} is in progress on {key.zone} {key.branch}",
        hint=f"start one with zonegit {command.name} REFISH, or name another branch with --branch",
    )


def _require_no_operation(state_folder: Path, key: BranchKey) -> None:
    state = sequencer_state.read(state_folder, key)
    if state is not None:
        what = state.request.command
        raise Conflict(
            f"a {what} of {state.request.refish} is in progress on {key.zone} {key.branch}",
            hint=f"complete it with zonegit {what} --continue, or abort it with --abort",
        )


def _format_branch_options(commit_options: CommitOptions) -> str:
    """Return the options that name the same branch again."""
    zone = f" --zone {names.text(commit_options.zone)}" if commit_options.zone is not None else ""
    return f"{zone} --branch {commit_options.branch}" if commit_options.branch is not None else zone


def _make_presentation(
    commit_options: CommitOptions, command: SequencedCommand, refish: str
) -> Presentation:
    return Presentation(
        unchanged_text=command.unchanged_text.replace("{refish}", refish),
        advise=_make_advice(commit_options, command),
    )


def _make_advice(
    commit_options: CommitOptions, command: SequencedCommand
) -> Callable[[Conflicted], list[str]]:
    """Return a function that lists the commands to resolve conflicts with."""

    def advice(conflicted: Conflicted) -> list[str]:
        if commit_options.dry_run:
            return [f"run zonegit {command.name} without --dry-run to resolve them one by one"]
        first = conflicted.clashes[0]
        text = f"zonegit {command.name}{_format_branch_options(commit_options)}"
        one = f"{text} --ours {format_key(first.owner, first.rdtype)}"
        return [
            f"resolve:   {one}  (or --theirs; without a name: all that are left)",
            f"continue:  {text} --continue",
            f"abort:     {text} --abort",
        ]

    return advice


def format_lines(state: SequencerState) -> list[str]:
    """Return a line about the operation in progress."""
    request = state.request
    left = format_count(len(state.undecided), "conflict") if state.undecided else "no conflict"
    what = f"a {request.command} of {request.refish} is in progress"
    return [f"{what}, {left} left to resolve: zonegit {request.command} --continue or --abort"]


def to_json(state: SequencerState) -> dict[str, Any]:
    """Return the operation in progress for ``--json``."""
    request = state.request
    return {
        "what": request.command,
        "refish": request.refish,
        "commit": request.commit,
        "decided": [
            _rrset_to_json(each) | {"side": each.side} for each in state.clashes if each.side
        ],
        "left": [_rrset_to_json(each) for each in state.undecided],
    }


def _to_json(state: SequencerState) -> dict[str, Any]:
    key = state.key
    return {"zone": key.zone, "branch": key.branch, "unfinished": to_json(state)}


def _format_lines(state: SequencerState, branch_options: str) -> list[str]:
    shown = [f"  {each.side or '?':<6}  {each.name} {each.type}" for each in state.clashes]
    command = f"zonegit {state.request.command}{branch_options}"
    if state.undecided:
        return [*shown, f"{format_count(len(state.undecided), 'conflict')} left to resolve"]
    return [*shown, f"all conflicts are resolved: {command} --continue commits"]


def _rrset_to_json(each: StoredConflict) -> dict[str, Any]:
    return {"name": each.name, "type": each.type}
