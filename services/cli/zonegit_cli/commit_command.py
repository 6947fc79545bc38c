"""Run a command that commits: find the branch, make the change or preview it, wait for the
resolvers, and print the outcome."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from zonegit.errors import Denied, Unavailable, ZonegitError
from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Edit
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.commit.outcomes import Committed, Outcome, Preview, Unchanged
from zonegit.repo.heads import BranchPosition
from zonegit.repo.repo import Repo
from zonegit.store.ref_log import Moved
from zonegit.zone.findings import Finding, refuse
from zonegit_cli.options import CommitOptions
from zonegit_cli.output import Json
from zonegit_cli.render import conflict_lines, findings, outcomes, resolvers
from zonegit_cli.run import EXIT_STATUS
from zonegit_cli.session import Session

if TYPE_CHECKING:  # imported when a command runs, or makes a document: --help needs neither
    from zonegit.bus.propagation import Waiter
    from zonegit.views.outcome import CommitDocument

ExtendDocument = Callable[["CommitDocument"], "CommitDocument"]
"""Adds a command's own fields to its JSON document, after all other fields are set."""


def keep_document(document: "CommitDocument") -> "CommitDocument":
    """Return the document unchanged, for commands that have no fields of their own."""
    return document


class TargetBranch(msgspec.Struct, frozen=True):
    """The branch that a command works on, while the command is connected to the bus.

    Args:
        session: the session of the command.
        options: the options of the command.
        repo: the stores.
        at: the zone, the branch and its tip.
        warnings: the warnings about HEAD that were printed.
        waiter: waits for the resolvers that serve the branch.
    """

    session: Session
    options: CommitOptions
    repo: Repo
    at: BranchPosition
    warnings: tuple[Finding, ...]
    waiter: "Waiter"

    def to_json(self, document: "CommitDocument", extend: ExtendDocument = keep_document) -> Json:
        """Return a document for ``--json``, with the warnings about HEAD first."""
        from zonegit.views.outcome import order_fields
        from zonegit.views.warning import make_warnings

        document.warnings = [*make_warnings(self.warnings), *document.warnings]
        return order_fields(extend(document))


def build_intent(
    commit_options: CommitOptions,
    command: str,
    words: str,
    *,
    imports: bool = False,
    on_conflict: OnConflict = OnConflict.REBASE_IF_DISJOINT,
) -> Intent:
    """Return the intent of a command that commits.

    Args:
        commit_options: the options of the command.
        command: the command's name, for the reflog.
        words: the message if none was given, or a blank one.
        imports: see :class:`Intent`.
        on_conflict: see :class:`Intent`.
    """
    message = (commit_options.message or "").strip() or words
    return Intent(
        message,
        command,
        commit_options.force,
        imports=imports,
        on_conflict=on_conflict,
        dry_run=commit_options.dry_run,
        reason=commit_options.reason,
        strict=commit_options.strict,
        respell=commit_options.respell,
    )


def warn_of_head(
    session: Session, *, strict: bool = False, dry_run: bool = False
) -> tuple[Finding, ...]:
    """Warn if HEAD chose the branch and was moved from elsewhere since this terminal session last
    used it. Print the warning and return it.

    Raises:
        Invalid: HEAD was moved, and ``strict`` makes that an error.
    """
    found = session.head.find_warnings()
    if strict:
        refuse(found)
    findings.print_findings(session, found)
    if not dry_run:
        session.head.accept()
    return found


@asynccontextmanager
async def open_target(
    session: Session, commit_options: CommitOptions
) -> AsyncIterator[TargetBranch]:
    """Connect to the bus and open the branch that the command works on.

    A warning about HEAD is printed. With ``--wait`` the reports of resolvers are collected while
    the context is open.

    Raises:
        Invalid: HEAD was moved, and ``--strict`` makes that an error.
        NotFound: the zone or the branch does not exist.
        Unavailable: the bus or a store cannot be reached.
    """
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        at = await heads.find_position(repo, commit_options.zone, commit_options.branch)
        warnings = warn_of_head(
            session, strict=commit_options.strict, dry_run=commit_options.dry_run
        )
        wanted = commit_options.wait and not commit_options.dry_run
        places = [(at.zone, at.branch)]
        async with session.watch_branches(bus, places, wanted=wanted) as (waiter,):
            yield TargetBranch(session, commit_options, repo, at, warnings, waiter)


async def commit_edits(
    target: TargetBranch,
    edits: Collection[Edit],
    words: Sequence[str],
    found: Sequence[Finding] = (),
) -> int:
    """Commit edits, print the outcome and return the exit status.

    Args:
        target: the branch.
        edits: the edits.
        words: the command and its arguments; the message if none was given.
        found: findings about the arguments.
    """
    plan = change_plan.plan_edits(
        edits, target.at.zone, respell=target.options.respell, found=found
    )
    intent = build_intent(target.options, words[0], " ".join(words))
    outcome = await commit_loop.commit(target.repo, target.at, plan, intent)
    return await report_outcome(target, outcome)


async def wait_for_resolvers(
    target: TargetBranch, outcome: Outcome
) -> tuple[list[str] | None, ZonegitError | None]:
    """Wait with ``--wait`` until the resolvers serve what was committed, or the tip if nothing
    changed.

    Returns:
        The resolvers, and the error if the wait failed, with the commit in its details. The
        resolvers are None without ``--wait`` and after an error.

    Raises:
        Unavailable: nothing was committed, and the ref store does not answer.
    """
    moved: Moved | None
    match outcome:
        case Committed():
            moved, is_news = outcome.moved, True
        case Unchanged() if target.options.wait and not target.options.dry_run:
            moved, is_news = await find_last_move(target.repo, target.at), False
        case _:
            return None, None
    try:
        return await target.waiter.wait(moved, is_news=is_news), None
    except (Unavailable, Denied) as error:
        if outcome.commit is not None:
            error.details["commit"] = outcome.commit.hex()
        return None, error


async def find_last_move(repo: Repo, at: BranchPosition) -> Moved | None:
    """Return the last move of a branch, without its entries; None if the branch does not exist."""
    refs = await repo.refs.zone(at.zone, repo.actor)
    tip = refs.heads.get(at.branch)
    if tip is None:
        return None
    epoch = (await repo.refs.recovery()).epoch
    return Moved(epoch, tip.sequence, [])


async def report_outcome(
    target: TargetBranch,
    outcome: Outcome,
    *,
    unchanged_text: str = outcomes.NOTHING_TO_COMMIT,
    existing_text: str = outcomes.FAST_FORWARD,
    advice: Sequence[str] = conflict_lines.BY_HAND,
    extend: ExtendDocument = keep_document,
) -> int:
    """Wait for the resolvers with ``--wait``, print an outcome and return the exit status.

    Args:
        target: the branch.
        outcome: the outcome.
        unchanged_text: the text if nothing changed, with ``{}`` for the branch.
        existing_text: the text for a move to a commit that existed before.
        advice: what to do about conflicts.
        extend: adds the command's own fields to its JSON document.

    Raises:
        ZonegitError: after a dry run was printed, what its move would raise.
        Unavailable, Denied: after the outcome was printed, see
            :meth:`zonegit.bus.propagation.Waiter.wait`.
    """
    served_by, failure = await wait_for_resolvers(target, outcome)
    if not isinstance(outcome, Conflicted):
        findings.print_findings(target.session, outcome.findings)
    data: Json = {}
    lines: Iterable[str] = ()
    if target.session.output.as_json:
        document = await outcomes.make_document(
            target.repo,
            outcome,
            dry_run=target.options.dry_run,
            served_by=served_by,
            hints=advice if isinstance(outcome, Conflicted) else (),
        )
        data = target.to_json(document, extend)
    else:
        text = await outcomes.format_lines(
            target.repo, outcome, unchanged_text, existing_text, advice
        )
        lines = [*text, *resolvers.format_served_by(served_by)]
        if isinstance(outcome, Committed):
            lines = [*lines, *outcomes.format_reversal(outcome.moved)]
    target.session.output.print_result(data, lines, paged=not isinstance(outcome, Committed))
    if isinstance(outcome, Preview) and outcome.judgement.refusal is not None:
        raise outcome.judgement.refusal
    if failure is not None:
        raise failure
    return EXIT_STATUS["conflict"] if isinstance(outcome, Conflicted) else 0
