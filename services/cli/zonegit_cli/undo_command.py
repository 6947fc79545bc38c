"""The body of ``undo`` and ``redo``: say which operation is meant, take it back, print it."""

from collections.abc import Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.repo import heads
from zonegit.repo.change import undo
from zonegit.repo.change.undo import RestoredRef, UndoneOperation
from zonegit.repo.commit.commit_loop import Intent
from zonegit.repo.commit.dry_runs import first_refusal
from zonegit.repo.heads import Repo
from zonegit.repo.inspect import operations
from zonegit.repo.inspect.operations import Operation
from zonegit.store.protocols import Moved
from zonegit.store.ref_names import RefName
from zonegit.zone.findings import Finding
from zonegit_cli import options, propagation
from zonegit_cli.options import Commits
from zonegit_cli.propagation import Propagated, ZoneBranch
from zonegit_cli.render import documents, dry_runs, findings, outcomes
from zonegit_cli.render import operations as drawn
from zonegit_cli.render.documents import RefDocument, UndoDocument
from zonegit_cli.session import Session


class UndoOptions(msgspec.Struct, frozen=True):
    """The options of both commands, from :mod:`zonegit_cli.options`."""

    force: bool
    reason: str | None
    strict: bool
    dry_run: bool
    wait: bool


def takes_back(body: Commits) -> Commits:
    """Add the options of a command that takes an operation back, passed on as ``options``."""

    @wraps(body)
    async def run(session: Session, **arguments: Any) -> int | None:
        key: Path | None = arguments.pop("sign")
        session = options.signing(session, key, off=arguments.pop("no_sign"))
        fields = msgspec.structs.fields(UndoOptions)
        taken = UndoOptions(**{each.name: arguments.pop(each.name) for each in fields})
        return await body(session, options=taken, **arguments)

    for option in (
        options.waits, options.DRY_RUN, options.STRICT, options.NO_SIGN, options.SIGN,
        options.REASON, options.FORCE,
    ):  # fmt: skip
        option(run)
    return run


async def take_back(
    session: Session, prefix: str | None, options: UndoOptions, *, redo: bool = False
) -> None:
    """Take an operation back, and print what became of each of its refs.

    Args:
        session: what the command works with.
        prefix: the first characters of the operation's id; None: what undo, or redo, means.
        options: how to do it.
        redo: whether it is the operator's last undo that is taken back.

    Raises:
        ZonegitError: as :func:`zonegit.repo.change.undo.undo` does; after a dry run was printed,
            what the first of its moves would raise.
    """
    async with session.bus() as bus:
        repo = session.repo(bus)
        done = await operations.find_operation(repo, prefix, redo=redo)
        symrefs = await operations.read_symrefs(repo, done.entries)
        again = await operations.find_operation(repo, done.undoes) if redo and done.undoes else done
        head = drawn.head(again.operation, again.entries)
        if not options.dry_run:
            session.output.note(f"{'redoing' if redo else 'undoing'} {head}{_refs(again)}")
        meant = _intent(again, options, "redo" if redo else "undo")
        wanted = options.wait and not options.dry_run
        async with propagation.waiting_for(session, bus, _served(done), wanted=wanted) as waiters:
            undone = await undo.undo(repo, done, meant, _progress(session))
            heard = await propagation.until_all(waiters, _moved(undone.back))
        for ref in undone.skipped:
            session.output.note(f"{operations.format_ref(ref)} is left to its operator")
        findings.tell(session, _found(undone))
        data: dict[str, Any] = {}
        if session.output.as_json:
            redone = done.undoes if redo else None
            found = await _document(repo, undone, heard, options, redone)
            data = documents.as_json(found)
    first = f"{_verb(options, redo=redo)} {head}"
    lines = [first, *_lines(undone, symrefs), *_advice(undone, options, redo=redo)]
    session.output.result(data, [*lines, *propagation.together(heard.values()).lines()])
    if refusal := first_refusal(each.judgement for each in undone.back):
        raise refusal


def _intent(named: Operation, options: UndoOptions, command: str) -> Intent:
    return Intent(
        command,
        f"{command} {operations.short_id(named.operation)}",
        options.force,
        dry_run=options.dry_run,
        reason=options.reason,
        strict=options.strict,
        operation=heads.new_operation(),
    )


def _refs(done: Operation) -> str:
    """Describe in a few words which refs the operation moved."""
    refs = [operations.format_ref(each.ref) for each in done.turned]
    more = f" and {len(refs) - 1} more" if len(refs) > 1 else ""
    return f": {refs[0]}{more}" if refs else ""


def _verb(options: UndoOptions, *, redo: bool) -> str:
    if options.dry_run:
        return "would make again" if redo else "would take back"
    return "made again" if redo else "took back"


def _advice(undone: UndoneOperation, options: UndoOptions, *, redo: bool) -> Iterator[str]:
    """Return the line that says how to go the other way."""
    if options.dry_run:
        return
    if redo:
        yield "zonegit undo takes it back"
    elif undone.undone.undoes is None:
        yield "zonegit redo makes it again"
    else:
        yield f"zonegit undo {operations.short_id(undone.operation)} makes it again"


def _progress(session: Session) -> undo.Progress:
    def tell(back: int, of: int) -> None:
        if of > undo.RESTORE_CONCURRENCY:
            session.output.progress(f"{back} of {of} refs" if back < of else "")

    return tell


def _served(done: Operation) -> list[ZoneBranch]:
    """Return the branches that resolvers may serve."""
    refs = [each.ref for each in done.turned if each.ref.space == "heads"]
    return [(ref.zone, ref.short) for ref in refs if ref.zone is not None]


def _moved(back: Sequence[RestoredRef]) -> dict[ZoneBranch, Moved]:
    """Return the branches among what went back, by their place."""
    moved = {each.turned.ref: each.moved for each in back if each.moved is not None}
    return {
        (ref.zone, ref.short): each
        for ref, each in moved.items()
        if ref.space == "heads" and ref.zone is not None
    }


def _lines(undone: UndoneOperation, symrefs: Mapping[ObjectId, RefName]) -> Iterator[str]:
    for each in undone.back:
        ref = operations.format_ref(each.turned.ref)
        if each.turned.ref.space == "zone":
            yield f"    {ref} {'added' if each.turned.kind == 'removed' else 'removed'} again"
            continue
        old = operations.format_target(each.turned.now, symrefs)
        new = operations.format_target(each.commit or each.turned.found, symrefs)
        made = each.commit is not None and each.commit != each.turned.found
        same = f" (records of {operations.format_target(each.turned.found, symrefs)})"
        yield f"    {ref}: {old} -> {new}{same if made else ''}"


def _found(undone: UndoneOperation) -> list[Finding]:
    done = [each.outcome for each in undone.back if each.outcome is not None]
    return [finding for each in done for finding in each.findings]


async def _document(
    repo: Repo,
    undone: UndoneOperation,
    heard: Mapping[ZoneBranch, Propagated],
    options: UndoOptions,
    redone: str | None,
) -> UndoDocument:
    results = []
    for each in undone.back:
        outcome = each.outcome
        if outcome is not None:
            served = heard.get((outcome.zone, outcome.branch), Propagated()).served_by
            results.append(
                await outcomes.document(repo, outcome, dry_run=options.dry_run, served_by=served)
            )
    return UndoDocument(
        committed=not options.dry_run,
        dry_run=options.dry_run,
        operation=None if options.dry_run else undone.operation,
        warnings=documents.warnings(_found(undone)),
        results=results,
        undone=undone.undone.operation,
        redone=redone,
        refs=[_ref(each) for each in undone.back],
        skipped_refs=[ref.path() for ref in undone.skipped],
    )


def _ref(each: RestoredRef) -> RefDocument:
    turned = each.turned
    now = each.commit or turned.found
    return RefDocument(
        ref=turned.ref.path(),
        undone=turned.kind,
        old=turned.now.hex() if turned.now is not None else None,
        new=now.hex() if now is not None else None,
        verdict=dry_runs.document(each.judgement),
    )
