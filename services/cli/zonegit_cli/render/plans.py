"""Make a plan of a file of edits or a diff, and format plans."""

from collections.abc import Iterator
from typing import Final

import click

from zonegit.objects.ids import short
from zonegit.repo.change import saved_plan
from zonegit.repo.change.saved_plan import SavedPlan, ZoneSize
from zonegit.repo.commit import change_plan, patch
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.heads import BranchPosition
from zonegit.views.diff import make_changes
from zonegit.views.outcome import PlanDocument, SummaryDocument, order_fields
from zonegit.views.verdict import make_verdict
from zonegit.views.warning import make_warnings
from zonegit.zone import names
from zonegit.zone.rrset import format_key
from zonegit_cli.output import Json, to_hex
from zonegit_cli.parse import edit_scripts
from zonegit_cli.render import dry_runs, patches

SIGNS: Final = {"added": ("+", "green"), "changed": ("~", "yellow"), "deleted": ("-", "red")}


def plan_file(
    octets: bytes, position: BranchPosition, source: str, ttl: int | None, *, respell: bool
) -> ChangePlanner:
    """Return the plan of a file of edits or a diff.

    Args:
        octets: the file.
        position: the zone and branch.
        source: the name of the file in errors.
        ttl: the TTL of new RRsets without one; None for the MINIMUM field of the SOA.
        respell: whether to store records that differ from stored ones in case only.

    Raises:
        Invalid: the file is neither; names ``source`` and the line.
    """
    if patch.is_patch(octets):
        found = patch.read(octets, position.zone, source)
        return change_plan.plan_edits(found, position.zone, respell=respell)
    script = edit_scripts.read(octets, position.zone, source, ttl)
    plan = change_plan.plan_edits(script.edits, position.zone, respell=respell)
    return change_plan.add_findings(plan, script.findings)


def format_lines(plan: SavedPlan, size: ZoneSize) -> Iterator[str]:
    """Yield a plan as lines: each RRset with its removed and added records, and the verdict."""
    at = short(plan.base) if plan.base is not None else "no commit yet"
    serials = f"{plan.before} -> " if plan.before is not None else ""
    where = f"{names.text(plan.zone)} {plan.branch}"
    yield f"plan for {where} at {at} (serial {serials}{plan.serial})"
    for delta in plan.deltas:
        sign, colour = SIGNS[saved_plan.get_kind(delta)]
        yield click.style(f"{sign} {format_key(delta.owner, delta.rdtype)}", fg=colour)
        yield from (f"    {line}" for line in patches.format_lines([delta]))
    yield format_summary(plan, size)
    if plan.judgement is not None:
        yield from dry_runs.format_verdict(plan.judgement)


def format_summary(plan: SavedPlan, size: ZoneSize) -> str:
    """Return the number of RRsets that the plan changes, and of RRsets in the zone."""
    counted = ", ".join(f"{number} {what}" for what, number in saved_plan.count_kinds(plan).items())
    more = "" if size.is_exact else " or more"
    return f"{counted}, of {size.rrsets:,} RRsets{more}"


def to_json(plan: SavedPlan, size: ZoneSize) -> Json:
    """Return the document that ``--json`` prints and ``--out`` saves."""
    counts = saved_plan.count_kinds(plan)
    base = to_hex(plan.base)
    document = PlanDocument(
        zone=names.text(plan.zone),
        branch=plan.branch,
        dry_run=True,
        new_commit=plan.serial != plan.before or bool(plan.deltas),
        commit=base,
        serial=plan.serial,
        serial_before=plan.before,
        verdict=make_verdict(plan.judgement),
        warnings=make_warnings(plan.findings),
        changes=make_changes(plan.deltas),
        plan=saved_plan.VERSION,
        base=base,
        whole_zone=plan.is_import,
        summary=SummaryDocument(**counts, of=size.rrsets, of_is_exact=size.is_exact),
    )
    return order_fields(document)
