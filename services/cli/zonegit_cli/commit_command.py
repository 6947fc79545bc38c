"""What every command that commits does: find the branch, carry the change out (or only say what it
would be), wait, tell."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from zonegit.repo import heads
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.commit_loop import Committed, Intent, OnConflict, Outcome, Preview
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import RRsetEdit
from zonegit.repo.heads import BranchPosition, Repo
from zonegit.zone.findings import Finding, refuse
from zonegit.zone.names import Name
from zonegit_cli import propagation
from zonegit_cli.options import CommitOptions
from zonegit_cli.render import conflict_lines, documents, findings, outcomes
from zonegit_cli.render.documents import CommitDocument
from zonegit_cli.run import EXIT_STATUS
from zonegit_cli.session import Session

Extend = Callable[[CommitDocument], CommitDocument]
"""Adds a command's own fields to its JSON document, once all else in it is known."""


def as_it_is(document: CommitDocument) -> CommitDocument:
    """Return the document of a command that has no fields of its own."""
    return document


async def commit_edit(
    session: Session,
    how: CommitOptions,
    words: Sequence[str],
    edit: Callable[[Name], RRsetEdit],
    found: Sequence[Finding] = (),
) -> None:
    """Commit one edit, made once the zone is known; ``words`` are the command's own, which are
    the message where none was given, ``found`` the findings about them."""

    def plan_for(_repo: Repo, position: BranchPosition) -> ChangePlanner:
        plan = change_plan.plan_edits([edit(position.zone)], position.zone, respell=how.respell)
        return change_plan.add_findings(plan, found)

    await commit(session, how, plan_for, intent(how, words[0], " ".join(words)))


def intent(
    how: CommitOptions,
    command: str,
    words: str,
    *,
    imports: bool = False,
    on_conflict: OnConflict = OnConflict.REBASE_IF_DISJOINT,
) -> Intent:
    """What the command ``reason`` commits for; ``words`` are the message where none was given, or
    a blank one, the rest as :class:`Intent` has it."""
    message = (how.message or "").strip() or words
    return Intent(
        message,
        command,
        how.force,
        imports=imports,
        on_conflict=on_conflict,
        dry_run=how.dry_run,
        reason=how.reason,
        strict=how.strict,
        respell=how.respell,
    )


async def commit(
    session: Session,
    how: CommitOptions,
    plan_for: Callable[[Repo, BranchPosition], ChangePlanner],
    meant: Intent,
    extend: Extend = as_it_is,
) -> None:
    """Commits a plan on the branch the command works on and tells what came of it."""

    async def work(repo: Repo, at: BranchPosition) -> Outcome:
        return await commit_loop.commit(repo, at, plan_for(repo, at), meant)

    await carry_out(session, how, work, extend=extend)


def warn_of_head(
    session: Session, *, strict: bool = False, dry_run: bool = False
) -> tuple[Finding, ...]:
    """Warn where HEAD decided what is about to change, and was moved from elsewhere since this
    terminal session used it last. Returns the warning, which is printed.

    Raises:
        Invalid: it was, and ``strict`` makes that an error.
    """
    found = session.head.find()
    if strict:
        refuse(found)
    findings.tell(session, found)
    if not dry_run:
        session.head.accept()
    return found


async def carry_out(
    session: Session,
    how: CommitOptions,
    work: Callable[[Repo, BranchPosition], Awaitable[Outcome]],
    *,
    nothing: str = "nothing to commit: {} is so already",
    jumped: str = "fast-forward",
    extend: Extend = as_it_is,
    advice: conflict_lines.Advice = conflict_lines.by_hand,
) -> int:
    """Do ``work`` on the branch that the command works on and print the outcome: ``nothing`` is
    printed when there was nothing to do, of the branch; ``jumped`` when it moved to a commit that
    was there before; ``advice`` where there are conflicts; ``extend`` adds to what ``--json``
    shows. Returns the exit status.

    Raises:
        ZonegitError: what ``work`` raises; after a dry run was printed, what its move would raise.
    """
    async with session.bus() as bus:
        repo = session.repo(bus)
        at = await heads.find_position(repo, how.zone, how.branch)
        of_head = warn_of_head(session, strict=how.strict, dry_run=how.dry_run)
        wait = how.wait and not how.dry_run
        async with propagation.waiting(session, bus, at.zone, at.branch, wanted=wait) as waiter:
            outcome = await work(repo, at)
            heard = propagation.Propagated()
            if isinstance(outcome, Committed):
                heard = await waiter.until(outcome.moved)
        if not isinstance(outcome, Conflicted):
            findings.tell(session, outcome.findings)
        hints = advice(outcome) if isinstance(outcome, Conflicted) else ()
        data: dict[str, Any] = {}
        shown: Iterable[str] = ()
        if session.output.as_json:
            found = await outcomes.document(
                repo, outcome, dry_run=how.dry_run, served_by=heard.served_by, hints=hints
            )
            found.warnings = [*documents.warnings(of_head), *found.warnings]
            data = documents.as_json(extend(found))
        else:
            text = await outcomes.lines(repo, outcome, nothing, jumped, hints)
            shown = [*text, *heard.lines()]
        session.output.result(data, shown, paged=not isinstance(outcome, Committed))
    if isinstance(outcome, Preview) and outcome.judgement.refusal is not None:
        raise outcome.judgement.refusal
    return EXIT_STATUS["conflict"] if isinstance(outcome, Conflicted) else 0
