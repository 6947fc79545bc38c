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

from pathlib import Path
from typing import Literal

import msgspec

from zonegit.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from zonegit.objects.ids import CommitId
from zonegit.objects.model import subject
from zonegit.repo import read_zone, refish
from zonegit.repo.change import cherry_pick, merge, revert, sequencer_state
from zonegit.repo.change.sequencer_state import (
    BranchKey,
    CommandName,
    RequestedOperation,
    SequencerState,
)
from zonegit.repo.commit.conflicts import Choices, Conflicted
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Outcome
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import names


async def start(
    repo: Repo,
    at: BranchPosition,
    state_folder: Path,
    command: CommandName,
    text: str,
    intent: Intent,
    choices: Choices,
    mainline: Literal[1, 2] | None = None,
) -> Outcome:
    """Run a command; write the state if it stops at conflicts.

    Args:
        repo: the stores.
        at: the branch.
        state_folder: the operator's state folder.
        command: the command's name.
        text: the refish of the commit to merge, pick or revert.
        intent: the purpose of the commit; with an empty message the command's own is used.
        choices: decisions about clashes.
        mainline: the parent that the change of a merge commit is relative to; None if not given.

    Raises:
        Conflict: another operation is in progress on the branch; or see :func:`merge.merge`.
        ZonegitError: errors of the command.
    """
    key = await find_key(repo, at)
    if not intent.dry_run:
        _require_no_operation(state_folder, key)
    commit, message = await _resolve(repo, at, command, text)
    request = RequestedOperation(command, text, commit.hex(), mainline, intent.message or message)
    return await _attempt(repo, at, state_folder, SequencerState(key, request), intent, choices)


async def resume(
    repo: Repo,
    at: BranchPosition,
    state_folder: Path,
    command: CommandName,
    intent: Intent,
    *,
    respell: bool = False,
) -> Outcome:
    """Run the command in progress again, with the sides that were chosen.

    Args:
        repo: the stores.
        at: the branch.
        state_folder: the operator's state folder.
        command: the command's name.
        intent: the purpose of the commit; with an empty message that of the start is used.
        respell: see :class:`Choices`.

    Raises:
        NotFound: no operation is in progress.
        Invalid: it is one of another command.
        ZonegitError: errors of the command.
    """
    state = await read_state(repo, at, state_folder, command)
    choices = Choices(state.make_decisions(), respell=respell)
    return await _attempt(repo, at, state_folder, state, intent, choices)


async def abort(
    repo: Repo, at: BranchPosition, state_folder: Path, command: CommandName
) -> BranchKey:
    """Remove the state of the command in progress, and return its key.

    Raises:
        NotFound: no operation is in progress.
    """
    key = await find_key(repo, at)
    if not sequencer_state.remove(state_folder, key):
        raise _none_in_progress_error(command, key)
    return key


async def read_state(
    repo: Repo, at: BranchPosition, state_folder: Path, command: CommandName
) -> SequencerState:
    """Return the state of the command in progress on a branch.

    Raises:
        NotFound: no operation is in progress.
        Invalid: it is one of another command, or the file cannot be read.
    """
    key = await find_key(repo, at)
    state = sequencer_state.read(state_folder, key)
    if state is None:
        raise _none_in_progress_error(command, key)
    if state.request.command != command:
        raise Invalid(
            f"the operation in progress on {key.zone} {key.branch} is a {state.request.command}",
            hint=f"zonegit {state.request.command} --continue, or --abort",
        )
    return state


async def find_key(repo: Repo, at: BranchPosition) -> BranchKey:
    """Return the key of the state of a branch."""
    try:
        epoch = (await repo.refs.since("", 0)).epoch
    except Denied:  # operators of some zones only may not read the log: installations share the key
        epoch = ""
    return BranchKey(epoch, repo.actor, names.text(at.zone), at.branch)


async def _resolve(
    repo: Repo, at: BranchPosition, command: CommandName, text: str
) -> tuple[CommitId, str]:
    """Return the commit that a refish names, and the message of the commit to be made."""
    if command == "merge":
        theirs = await refish.resolve(repo, text, zone=at.zone)
        return theirs.commit, f"merge {text} into {at.branch}"
    branch = at.branch if command == "revert" else None
    found = await refish.resolve(repo, text, zone=at.zone, branch=branch)
    commit = await read_zone.read_commit(Reader(repo.objects), found.commit)
    message = f'revert "{subject(commit)}"' if command == "revert" else commit.message
    return found.commit, message


async def _attempt(
    repo: Repo,
    at: BranchPosition,
    state_folder: Path,
    state: SequencerState,
    intent: Intent,
    choices: Choices,
) -> Outcome:
    """Run the command. Write the state if it stops at conflicts, otherwise remove it."""
    request = state.request
    intent = msgspec.structs.replace(intent, message=intent.message or request.message)
    commit, mainline = request.commit_id, request.mainline
    match request.command:
        case "merge":
            outcome = await merge.merge(repo, at, commit, intent, choices)
        case "cherry-pick":
            outcome = await cherry_pick.cherry_pick(repo, at, commit, mainline, intent, choices)
        case "revert":
            outcome = await revert.revert(repo, at, commit, mainline, intent, choices)
    if intent.dry_run:
        return outcome
    if isinstance(outcome, Conflicted):
        try:
            sequencer_state.write(state_folder, state.add_conflicts(outcome.clashes))
        except (Invalid, Unavailable) as error:  # report the conflicts anyway
            repo.note(f"{error.message}; {error.hint}")
    else:
        sequencer_state.remove(state_folder, state.key)
    return outcome


def _none_in_progress_error(command: CommandName, key: BranchKey) -> NotFound:
    return NotFound(
        f"no {command} is in progress on {key.zone} {key.branch}",
        hint=f"start one with zonegit {command} REFISH, or name another branch with --branch",
    )


def _require_no_operation(state_folder: Path, key: BranchKey) -> None:
    state = sequencer_state.read(state_folder, key)
    if state is not None:
        what = state.request.command
        raise Conflict(
            f"a {what} of {state.request.refish} is in progress on {key.zone} {key.branch}",
            hint=f"complete it with zonegit {what} --continue, or abort it with --abort",
        )
