"""The command line of merge, cherry-pick and revert: their options, and what they print.

The use case is :mod:`zonegit.repo.change.sequencer`.
"""

from functools import wraps
from typing import Any, Final, Literal

import click
import msgspec

from zonegit.merge.conflicts import Side
from zonegit.repo import heads
from zonegit.repo.change import sequencer, sequencer_state
from zonegit.repo.change.sequencer_state import CommandName, SequencerState, StoredConflict
from zonegit.repo.commit.conflicts import Choices, Conflicted
from zonegit.repo.commit.outcomes import Outcome
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import format_key
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommandBody, CommitOptions
from zonegit_cli.output import format_count
from zonegit_cli.session import Session

MAINLINE: Final = click.option(
    "-m",
    "--mainline",
    type=click.IntRange(1, 2),
    metavar="N",
    help="Parent number of a merge commit: the change is relative to this parent.",
)


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
    command: CommandName,
    sequencer_options: SequencerOptions,
) -> int:
    """Run the step that the command line asks for, and return the exit status."""
    match sequencer_options:
        case SequencerOptions(step=str(step), words=words, side=side) if words or side:
            raise click.UsageError(f"--{step} takes no REFISH and no side")
        case SequencerOptions(mainline=int(), words=words) if len(words) != 1:
            raise click.UsageError("-m needs a REFISH")
        case SequencerOptions(step="abort"):
            return await _abort(session, commit_options, command)
        case SequencerOptions(step="continue") | SequencerOptions(words=(_,)):
            return await _commit(session, commit_options, command, sequencer_options)
        case SequencerOptions(words=(), side=None):
            raise click.UsageError(f"a REFISH is required: zonegit {command} REFISH")
        case SequencerOptions(words=() | (_, _), side=side) if side is not None:
            return await _choose(session, commit_options, command, side, sequencer_options.words)
        case _:
            one, *_ = sequencer_options.words
            raise click.UsageError(
                f"one REFISH at a time: zonegit {command} {one}, and then the next one"
            )


async def _commit(
    session: Session,
    commit_options: CommitOptions,
    command: CommandName,
    sequencer_options: SequencerOptions,
) -> int:
    """Start the command, or continue it if no refish is given, and print the outcome."""
    intent = commit_command.build_intent(commit_options, command, "")
    respell = commit_options.respell
    (refish,) = sequencer_options.words or (None,)
    async with commit_command.open_target(session, commit_options) as target:
        if refish is None:
            outcome = await sequencer.resume(
                target.repo, target.at, session.state, command, intent, respell=respell
            )
        else:
            outcome = await sequencer.start(
                target.repo, target.at, session.state, command, refish, intent,
                Choices(preferred=sequencer_options.side, respell=respell),
                sequencer_options.mainline,
            )  # fmt: skip
        return await commit_command.report_outcome(
            target,
            outcome,
            unchanged_text=_choose_unchanged_text(command, refish or "it"),
            advice=_list_next_commands(commit_options, command, outcome),
        )


async def _choose(
    session: Session,
    commit_options: CommitOptions,
    command: CommandName,
    side: Side,
    words: tuple[str, ...],
) -> int:
    rdtype = rrtypes.from_text(words[1]) if words else None  # fail before the first request
    async with session.connect() as repo:
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        state = await sequencer.read_state(repo, at, session.state, command)
    rrset = (names.parse(words[0], at.zone), rdtype) if rdtype is not None else None
    decided = state.decide(side, rrset)
    if not commit_options.dry_run:
        sequencer_state.write(session.state, decided)
    session.output.print_result(
        _to_json(decided), _format_lines(decided, _format_branch_options(commit_options))
    )
    return 0


async def _abort(session: Session, commit_options: CommitOptions, command: CommandName) -> int:
    async with session.connect() as repo:
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        key = await sequencer.abort(repo, at, session.state, command)
    data = {"zone": key.zone, "branch": key.branch, "aborted": True}
    session.output.print_result(data, [f"aborted; {key.zone} {key.branch} did not move"])
    return 0


def _format_branch_options(commit_options: CommitOptions) -> str:
    """Return the options that name the same branch again."""
    zone = f" --zone {names.text(commit_options.zone)}" if commit_options.zone is not None else ""
    return f"{zone} --branch {commit_options.branch}" if commit_options.branch is not None else zone


def _choose_unchanged_text(command: CommandName, refish: str) -> str:
    """Return the text if nothing changes, with ``{}`` for the branch."""
    match command:
        case "merge":
            return f"{{}} already contains {refish}"
        case "cherry-pick":
            return f"{{}} already has the change of {refish}"
        case "revert":
            return "nothing to revert: {} no longer has this change"


def _list_next_commands(
    commit_options: CommitOptions, command: CommandName, outcome: Outcome
) -> list[str]:
    """Return the commands to resolve conflicts with, as lines; none if there are no conflicts."""
    if not isinstance(outcome, Conflicted):
        return []
    if commit_options.dry_run:
        return [f"run zonegit {command} without --dry-run to resolve them one by one"]
    first = outcome.clashes[0]
    text = f"zonegit {command}{_format_branch_options(commit_options)}"
    one = f"{text} --ours {format_key(first.owner, first.rdtype)}"
    return [
        f"resolve:   {one}  (or --theirs; without a name: all that are left)",
        f"continue:  {text} --continue",
        f"abort:     {text} --abort",
    ]


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
