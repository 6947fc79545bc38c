"""Files of changes as commands take them in, and how a change looks before it is made."""

from collections.abc import Iterator
from typing import Any, Final

import click

from zonegit.objects.ids import short
from zonegit.repo.change import saved_plan
from zonegit.repo.change.saved_plan import SavedPlan, ZoneSize
from zonegit.repo.commit import change_plan, patch
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.heads import BranchPosition
from zonegit.zone import names
from zonegit.zone.rrset import title
from zonegit_cli.parse import edit_scripts
from zonegit_cli.render import documents, dry_runs, patches
from zonegit_cli.render.documents import PlanDocument, SummaryDocument

SIGNS: Final = {"added": ("+", "green"), "changed": ("~", "yellow"), "deleted": ("-", "red")}


def of_edits(
    octets: bytes, position: BranchPosition, source: str, ttl: int | None, *, respell: bool
) -> ChangePlanner:
    """Return what a file of edits, or a diff, is to change.

    Args:
        octets: the file.
        position: the zone and branch.
        source: how errors name the file.
        ttl: that of new RRsets for which the edits state none; None: the minimum of the SOA.
        respell: another spelling of records that are there is stored, too.

    Raises:
        Invalid: it is neither; names ``source`` and the line.
    """
    if patch.is_patch(octets):
        found = patch.read(octets, position.zone, source)
        return change_plan.plan_edits(found, position.zone, respell=respell)
    script = edit_scripts.read(octets, position.zone, source, ttl)
    plan = change_plan.plan_edits(script.edits, position.zone, respell=respell)
    return change_plan.add_findings(plan, script.findings)


def lines(plan: SavedPlan, size: ZoneSize) -> Iterator[str]:
    """A plan for people: each RRset with what goes and what comes."""
    at = short(plan.base) if plan.base is not None else "no commit yet"
    serials = f"{plan.before} -> " if plan.before is not None else ""
    where = f"{names.text(plan.zone)} {plan.branch}"
    yield f"plan for {where} at {at} (serial {serials}{plan.serial})"
    for delta in plan.deltas:
        sign, colour = SIGNS[saved_plan.kind_of(delta)]
        yield click.style(f"{sign} {title(delta.owner, delta.rdtype)}", fg=colour)
        yield from (f"    {line}" for line in patches.lines([delta]))
    yield summary(plan, size)
    if plan.judgement is not None:
        yield from dry_runs.verdict_lines(plan.judgement)


def summary(plan: SavedPlan, size: ZoneSize) -> str:
    """How much it changes, and of how much."""
    counted = ", ".join(f"{number} {what}" for what, number in saved_plan.count_kinds(plan).items())
    more = "" if size.is_exact else " or more"
    return f"{counted}, of {size.rrsets:,} RRsets{more}"


def as_json(plan: SavedPlan, size: ZoneSize) -> dict[str, Any]:
    """Return the document that ``--json`` prints, and that is saved."""
    counts = saved_plan.count_kinds(plan)
    base = plan.base.hex() if plan.base is not None else None
    return documents.as_json(
        PlanDocument(
            zone=names.text(plan.zone),
            branch=plan.branch,
            dry_run=True,
            new_commit=plan.serial != plan.before or bool(plan.deltas),
            commit=base,
            serial=plan.serial,
            serial_before=plan.before,
            verdict=dry_runs.document(plan.judgement),
            warnings=documents.warnings(plan.findings),
            changes=documents.changes(plan.deltas),
            plan=saved_plan.VERSION,
            base=base,
            whole_zone=plan.is_import,
            summary=SummaryDocument(**counts, of=size.rrsets, of_is_exact=size.is_exact),
        )
    )
