"""zonegit undo: take an operation back."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from zonegit.objects.ids import ObjectId
from zonegit.repo.asking import operations
from zonegit.repo.asking.operations import Done
from zonegit.repo.changing import undo
from zonegit.repo.changing.undo import Back, Undone
from zonegit.repo.committing.commits import Intent
from zonegit.repo.finding import heads
from zonegit.store.protocols import Moved
from zonegit.store.refnames import RefName
from zonegit.zone.findings import Finding
from zonegit_cli import page, waiting
from zonegit_cli.commands import op
from zonegit_cli.drawn import findings
from zonegit_cli.session import Session
from zonegit_cli.waiting import Place


@page.page("undo")
@click.argument("operation", required=False)
@page.FORCE
@page.BECAUSE
@page.SIGN
@page.NO_SIGN
@page.STRICT
@page.DRY_RUN
@page.waits
async def command(
    session: Session,
    operation: str | None,
    force: bool,
    because: str | None,
    sign: Path | None,
    no_sign: bool,
    strict: bool,
    dry_run: bool,
    wait: bool,
) -> None:
    """Take back what OPERATION did (your own latest one): every branch, tag, HEAD and zone that it
    moved goes back to where it was. zonegit op log lists operations; four digits will do.

    A branch gets its old records as a new commit, under the next serial: secondaries follow. Where
    one of the refs was moved again since, nothing is moved and the exit status is 4. An undo is an
    operation, too: undone, it is the change again.

    \b
    zonegit undo --dry-run              what your last command did, and what would go back
    zonegit undo --wait
    zonegit undo 1a2b3c4d5e6f           anybody's
    """
    session = page.signing(session, sign, off=no_sign)
    async with session.bus() as bus:
        repo = session.repo(bus)
        done = await operations.find(repo, operation)
        symrefs = await operations.symrefs(repo, done.entries)
        meant = _intent(done, force=force, because=because, strict=strict, dry_run=dry_run)
        wanted = wait and not dry_run
        async with waiting.waiting_for(session, bus, _served(done), wanted=wanted) as waiters:
            undone = await undo.undo(repo, done, meant, _progress(session))
            heard = await waiting.until_all(waiters, _moved(undone.back))
    for ref in undone.skipped:
        session.output.note(f"{operations.shown_ref(ref)} is left to its operator")
    findings.tell(session, _found(undone))
    lines = [*_lines(undone, symrefs, dry_run=dry_run), *heard.lines()]
    session.output.result({**_json(undone, dry_run=dry_run), **heard.json()}, lines)


def _intent(done: Done, *, force: bool, because: str | None, strict: bool, dry_run: bool) -> Intent:
    return Intent(
        "undo",
        f"undo {operations.short_id(done.operation)}",
        force,
        dry_run=dry_run,
        because=because,
        strict=strict,
        operation=heads.new_operation(),
    )


def _progress(session: Session) -> undo.Progress:
    def tell(back: int, of: int) -> None:
        if of > undo.AT_ONCE:
            session.output.progress(f"{back} of {of} refs" if back < of else "")

    return tell


def _served(done: Done) -> list[Place]:
    """The branches that resolvers may serve."""
    refs = [each.ref for each in done.turned if each.ref.space == "heads"]
    return [(ref.zone, ref.short) for ref in refs if ref.zone is not None]


def _moved(back: Sequence[Back]) -> dict[Place, Moved]:
    """The branches among what went back, by their place."""
    moved = {each.turned.ref: each.moved for each in back if each.moved is not None}
    return {
        (ref.zone, ref.short): each
        for ref, each in moved.items()
        if ref.space == "heads" and ref.zone is not None
    }


def _lines(undone: Undone, symrefs: Mapping[ObjectId, RefName], *, dry_run: bool) -> Iterator[str]:
    verb = "would take back" if dry_run else "took back"
    yield f"{verb} {op.head(undone.undone.operation, undone.undone.entries)}"
    for each in undone.back:
        ref = operations.shown_ref(each.turned.ref)
        if each.turned.ref.space == "zone":
            yield f"    {ref} {'added' if each.turned.kind == 'removed' else 'removed'} again"
            continue
        old = operations.shown_target(each.turned.now, symrefs)
        new = operations.shown_target(each.commit or each.turned.found, symrefs)
        made = each.commit is not None and each.commit != each.turned.found
        same = f" (records of {operations.shown_target(each.turned.found, symrefs)})"
        yield f"    {ref}: {old} -> {new}{same if made else ''}"
    if not dry_run:
        yield f"zonegit undo {operations.short_id(undone.operation)} makes it again"


def _found(undone: Undone) -> list[Finding]:
    return [finding for each in undone.back for finding in each.findings]


def _json(undone: Undone, *, dry_run: bool) -> dict[str, Any]:
    return {
        "undone": undone.undone.operation,
        "operation": None if dry_run else undone.operation,
        "warnings": findings.as_json(_found(undone)),
        "refs": [_back_json(each) for each in undone.back],
        "skipped": [ref.path() for ref in undone.skipped],
    }


def _back_json(each: Back) -> dict[str, Any]:
    turned = each.turned
    now = each.commit or turned.found
    return {
        "ref": turned.ref.path(),
        "undone": turned.kind,
        "old": turned.now.hex() if turned.now is not None else None,
        "new": now.hex() if now is not None else None,
    }
