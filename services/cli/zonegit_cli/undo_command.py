"""The body of ``undo`` and ``redo``: find the operation, undo it, and print the refs that moved."""

from collections.abc import Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from zonegit.objects.ids import ObjectId
from zonegit.repo.change import undo
from zonegit.repo.change.restore_refs import RestoredRef
from zonegit.repo.change.undo import UndoneOperation
from zonegit.repo.commit.dry_runs import find_refusal
from zonegit.repo.commit.intent import Intent
from zonegit.repo.inspect import commit_operations, operations
from zonegit.repo.inspect.operations import Operation
from zonegit.repo.repo import Repo, make_operation_id
from zonegit.store.ref_log import Moved
from zonegit.store.ref_names import RefName
from zonegit.zone.findings import Finding
from zonegit_cli import options
from zonegit_cli.options import CommandBody
from zonegit_cli.output import Json, to_hex
from zonegit_cli.render import findings, outcomes, resolvers
from zonegit_cli.render import operations as operation_lines
from zonegit_cli.session import Session

if TYPE_CHECKING:  # imported when a command runs, or makes a document: --help needs neither
    from zonegit.bus.propagation import ZoneBranch
    from zonegit.views.outcome import RefDocument, UndoDocument


class UndoOptions(msgspec.Struct, frozen=True):
    """The options of both commands; see :class:`zonegit_cli.options.CommitOptions`."""

    force: bool
    reason: str | None
    strict: bool
    dry_run: bool
    wait: bool


def undo_options(body: CommandBody) -> CommandBody:
    """Add the options of a command that undoes an operation; passed as ``options``."""

    @wraps(body)
    async def run(session: Session, **arguments: Any) -> int | None:
        key: Path | None = arguments.pop("sign")
        session = options.apply_signing(session, key, off=arguments.pop("no_sign"))
        fields = msgspec.structs.fields(UndoOptions)
        parsed = UndoOptions(**{each.name: arguments.pop(each.name) for each in fields})
        return await body(session, options=parsed, **arguments)

    for option in (
        options.WAIT, options.DRY_RUN, options.STRICT, options.NO_SIGN, options.SIGN,
        options.REASON, options.FORCE,
    ):  # fmt: skip
        option(run)
    return run


async def run_undo(
    session: Session, prefix: str | None, options: UndoOptions, *, redo: bool = False
) -> None:
    """Undo an operation, and print the outcome for each of its refs.

    Args:
        session: the session of the command.
        prefix: the first characters of the operation's id, or of the id of a commit that it made;
            None for the operator's latest operation that can be undone, or redone.
        options: the options of the command.
        redo: whether to undo the operator's latest undo.

    Raises:
        ZonegitError: see :func:`zonegit.repo.change.undo.undo`; after a dry run was printed, what
            the first of its moves would raise.
    """
    from zonegit.bus import propagation  # imports NATS, not needed for --help

    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        done = (
            await commit_operations.find_named_operation(repo, prefix)
            if prefix is not None
            else await operations.find_operation(repo, None, redo=redo)
        )
        symrefs = await operations.read_symrefs(repo, done.entries)
        target = (
            await operations.find_operation(repo, done.undoes) if redo and done.undoes else done
        )
        head = operation_lines.format_head(target.operation, target.entries)
        if not options.dry_run:
            session.output.print_note(
                f"{'redoing' if redo else 'undoing'} {head}{_format_refs(target)}"
            )
        intent = _make_intent(target, options, "redo" if redo else "undo")
        wanted = options.wait and not options.dry_run
        places = _list_served_branches(done)
        async with session.watch_branches(bus, places, wanted=wanted) as waiters:
            undone = await undo.undo(repo, done, intent, _make_progress(session))
            served_by = await propagation.wait_all(waiters, _map_moves(undone.restored))
        for ref in undone.skipped:
            session.output.print_note(f"skipped: {operations.format_ref(ref)}, of another operator")
        findings.print_findings(session, _list_findings(undone))
        data: Json = {}
        if session.output.as_json:
            from zonegit.views.outcome import order_fields

            redone = done.undoes if redo else None
            data = order_fields(await _make_document(repo, undone, served_by, options, redone))
    first = f"{_choose_verb(options, redo=redo)} {head}"
    lines = [first, *_format_lines(undone, symrefs), *_format_advice(undone, options, redo=redo)]
    session.output.print_result(
        data, [*lines, *resolvers.format_served_by(resolvers.merge_served_by(served_by.values()))]
    )
    if refusal := find_refusal(each.judgement for each in undone.restored):
        raise refusal


def _make_intent(named: Operation, options: UndoOptions, command: str) -> Intent:
    return Intent(
        command,
        f"{command} {operations.shorten_id(named.operation)}",
        options.force,
        dry_run=options.dry_run,
        reason=options.reason,
        strict=options.strict,
        operation=make_operation_id(),
    )


def _format_refs(done: Operation) -> str:
    """Return the first ref that the operation moved, and the number of the others."""
    refs = [operations.format_ref(each.ref) for each in done.changes]
    more = f" and {len(refs) - 1} more" if len(refs) > 1 else ""
    return f": {refs[0]}{more}" if refs else ""


def _choose_verb(options: UndoOptions, *, redo: bool) -> str:
    if options.dry_run:
        return "would redo" if redo else "would undo"
    return "redid" if redo else "undid"


def _format_advice(undone: UndoneOperation, options: UndoOptions, *, redo: bool) -> Iterator[str]:
    """Yield the command that reverses this one."""
    if options.dry_run:
        return
    if redo:
        yield "to reverse: zonegit undo"
    elif undone.undone.undoes is None:
        yield "to reverse: zonegit redo"
    else:
        yield f"to reverse: zonegit undo {operations.shorten_id(undone.operation)}"


def _make_progress(session: Session) -> undo.Progress:
    def progress(back: int, of: int) -> None:
        if of > undo.RESTORE_CONCURRENCY:
            session.output.print_progress(f"{back} of {of} refs" if back < of else "")

    return progress


def _list_served_branches(done: Operation) -> "list[ZoneBranch]":
    """Return the branches that resolvers may serve."""
    refs = [each.ref for each in done.changes if each.ref.space == "heads"]
    return [(ref.zone, ref.short) for ref in refs if ref.zone is not None]


def _map_moves(back: Sequence[RestoredRef]) -> "dict[ZoneBranch, Moved]":
    """Return the branches among the restored refs."""
    moved = {each.change.ref: each.moved for each in back if each.moved is not None}
    return {
        (ref.zone, ref.short): each
        for ref, each in moved.items()
        if ref.space == "heads" and ref.zone is not None
    }


def _format_lines(undone: UndoneOperation, symrefs: Mapping[ObjectId, RefName]) -> Iterator[str]:
    for each in undone.restored:
        ref = operations.format_ref(each.change.ref)
        if each.change.ref.space == "zone":
            yield f"    {ref} {'added' if each.change.kind == 'removed' else 'removed'} again"
            continue
        old = operations.format_target(each.change.now, symrefs)
        new = operations.format_target(each.commit or each.change.before, symrefs)
        made = each.commit is not None and each.commit != each.change.before
        same = f" (records of {operations.format_target(each.change.before, symrefs)})"
        yield f"    {ref}: {old} -> {new}{same if made else ''}"


def _list_findings(undone: UndoneOperation) -> list[Finding]:
    done = [each.outcome for each in undone.restored if each.outcome is not None]
    return [finding for each in done for finding in each.findings]


async def _make_document(
    repo: Repo,
    undone: UndoneOperation,
    served_by: Mapping["ZoneBranch", list[str] | None],
    options: UndoOptions,
    redone: str | None,
) -> "UndoDocument":
    from zonegit.views.outcome import UndoDocument
    from zonegit.views.warning import make_warnings

    results = []
    for each in undone.restored:
        outcome = each.outcome
        if outcome is not None:
            served = served_by.get((outcome.zone, outcome.branch))
            results.append(
                await outcomes.make_document(
                    repo, outcome, dry_run=options.dry_run, served_by=served
                )
            )
    return UndoDocument(
        committed=not options.dry_run,
        dry_run=options.dry_run,
        operation=None if options.dry_run else undone.operation,
        warnings=make_warnings(_list_findings(undone)),
        results=results,
        undone=undone.undone.operation,
        redone=redone,
        refs=[_make_ref_document(each) for each in undone.restored],
        skipped_refs=[ref.path() for ref in undone.skipped],
    )


def _make_ref_document(each: RestoredRef) -> "RefDocument":
    from zonegit.views.outcome import RefDocument
    from zonegit.views.verdict import make_verdict

    change = each.change
    now = each.commit or change.before
    return RefDocument(
        ref=change.ref.path(),
        undone=change.kind,
        old=to_hex(change.now),
        new=to_hex(now),
        verdict=make_verdict(each.judgement),
    )
