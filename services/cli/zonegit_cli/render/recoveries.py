"""Format a recovery: the state that was found, and a row for each branch."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
import msgspec

from zonegit.objects.ids import short
from zonegit.repo.change.recover import AnswersByBranch, BranchPlan, LostBranch, OweSerial, ZonePlan
from zonegit.store.recovery import (
    AnsweredSerial,
    Doubt,
    Leave,
    Recovery,
    Renew,
    Witness,
    describe_witness,
)
from zonegit.wire.messages import ResolverStatus
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli.output import format_count
from zonegit_cli.table import Column, align_columns
from zonegit_cli.text_width import wrap_line

COLUMNS: Final = (
    Column("ZONE", "middle"),
    Column("BRANCH", "middle"),
    Column("SERIAL"),
    Column("RESOLVERS HAD"),
    Column("", "middle"),
    Column("ACTION", "wrap"),
)
NOTHING: Final = "-"


class RecoveryState(msgspec.Struct, frozen=True):
    """The state of stores and resolvers before the recovery.

    Args:
        recovery: the state of the ref store.
        resolvers: the resolvers that reported their serials.
        silent: the resolvers that are expected to report them, and did not.
        answers: the serials, by zone and branch.
        statuses: the status of each resolver.
    """

    recovery: Recovery
    resolvers: list[str]
    silent: list[str]
    answers: AnswersByBranch
    statuses: list[ResolverStatus]


def describe_doubt(zone: Name, branch: str, doubt: Doubt) -> str:
    """Return why a branch is not recovered, and what to do about it."""
    place = f"{names.text(zone)} {branch}"
    if doubt.answer is None:
        return f"{place} is not recovered: {doubt.reason}"
    return (
        f"{place} is not recovered: {doubt.answer.resolver} reports a serial, but {doubt.reason};"
        f" if the report is wrong, use --ignore {doubt.answer.resolver}; if it is right, use a"
        " --serial-headroom that exceeds it"
    )


def format_lines(
    survey: RecoveryState, plans: Sequence[ZonePlan], kept: dict[str, str], *, is_done: bool
) -> Iterable[str]:
    """Yield the state and the action for each branch as lines."""
    yield from wrap_line(_format_state(survey))
    asked = ", ".join(survey.resolvers) or "none answers"
    yield from wrap_line(f"resolvers: {asked}")
    rows = [
        _format_row(each.zone, branch.branch, branch, is_done=is_done)
        for each in plans
        for branch in each.branches
    ]
    rows += [_format_lost_row(each.zone, lost) for each in plans for lost in each.lost]
    if rows:
        yield ""
        yield from align_columns(rows, COLUMNS)
    for place, commit in kept.items():
        zone, branch = place.rsplit(" ", 1)
        reset = f"zonegit reset --hard {commit[:12]} --zone {zone} --branch {branch}"
        served = short(bytes.fromhex(commit))
        kept_text = f"resolvers serve {served} of {place}, which is stored; to restore it: {reset}"
        yield from wrap_line(kept_text)
    recovered = [each for each in plans if not each.doubts and not each.is_lost]
    if is_done:
        yield f"{format_count(len(recovered), 'zone')} recovered"
    elif plans:
        yield "nothing was changed; to recover: zonegit recover --finish"
    else:
        yield "nothing to recover"


def _format_state(survey: RecoveryState) -> str:
    found = survey.recovery
    if found.witness is not None:
        return f"the ref store was restored: {describe_witness(found.witness, found.sequence)}"
    for status in survey.statuses:
        if status.held:
            witness = Witness(status.resolver, status.epoch, status.sequence)
            return f"the ref store was restored: {describe_witness(witness, found.sequence)}"
    if found.awaiting:
        return (
            f"a recovery is in progress: {format_count(found.awaiting, 'zone')} not recovered yet"
        )
    return "no resolver reports that the ref store was restored"


def _format_row(zone: Name, branch: str, made: BranchPlan, *, is_done: bool) -> tuple[str, ...]:
    verdict = made.verdict
    known = _format_known(verdict, made)
    return (
        names.text(zone),
        branch,
        str(made.tip.serial),
        *known,
        _format_action(verdict, is_done=is_done),
    )


def _format_known(verdict: Leave | Renew | OweSerial | Doubt, made: BranchPlan) -> tuple[str, str]:
    """Return the highest serial that resolvers answered, and the resolver that answered it."""
    match verdict:
        case Leave():
            return str(made.tip.serial), ""
        case Renew(_, AnsweredSerial() as answer) | OweSerial(_, AnsweredSerial() as answer):
            return str(answer.serial), answer.resolver
        case Doubt(AnsweredSerial() as answer, _):
            return str(answer.serial), answer.resolver
        case _:
            return NOTHING, ""


def _format_action(verdict: Leave | Renew | OweSerial | Doubt, *, is_done: bool) -> str:
    match verdict:
        case Leave():
            return "unchanged"
        case Renew(serial, _):
            return f"{'committed' if is_done else 'to be committed'} with serial {serial}"
        case OweSerial(serial, _):
            return click.style(f"signed: import it with a serial later than {serial}", fg="red")
        case Doubt(_, reason):
            return click.style(f"in doubt: {reason}", fg="red")


def _format_lost_row(zone: Name, lost: LostBranch) -> tuple[str, ...]:
    return (
        names.text(zone),
        lost.branch,
        NOTHING,
        str(lost.answer.serial),
        lost.answer.resolver,
        "not in the backup; a branch of that name needs a later serial",
    )


def make_document(
    survey: RecoveryState,
    plans: Sequence[ZonePlan],
    headroom: int,
    kept: dict[str, str],
    *,
    is_done: bool,
) -> dict[str, Any]:
    """Return the state and the action for each branch for ``--json``."""
    found = survey.recovery
    return {
        "epoch": found.epoch,
        "sequence": found.sequence,
        "witness": msgspec.to_builtins(found.witness),
        "awaiting": found.awaiting,
        "resolvers": survey.resolvers,
        "silent": survey.silent,
        "headroom": headroom,
        "finished": is_done,
        "zones": [_zone_to_json(each, kept, is_done=is_done) for each in plans],
    }


def _zone_to_json(made: ZonePlan, kept: dict[str, str], *, is_done: bool) -> dict[str, Any]:
    zone = names.text(made.zone)
    return {
        "zone": zone,
        "registered": not made.is_lost,
        "recovered": is_done and not made.doubts and not made.is_lost,
        "branches": [
            {
                "branch": each.branch,
                "serial": each.tip.serial,
                **_verdict_to_json(each.verdict),
                "stored": kept.get(f"{zone} {each.branch}"),
            }
            for each in made.branches
        ],
        "lost": [
            {"branch": each.branch, "known": _answer_to_json(each.answer)} for each in made.lost
        ],
    }


def _verdict_to_json(verdict: Leave | Renew | OweSerial | Doubt) -> dict[str, Any]:
    match verdict:
        case Leave():
            return {"verdict": "leave"}
        case Renew(serial, known):
            return {"verdict": "commit", "new": serial, "known": _answer_to_json(known)}
        case OweSerial(serial, known):
            return {"verdict": "signed", "after": serial, "known": _answer_to_json(known)}
        case Doubt(answer, reason):
            return {"verdict": "doubt", "reason": reason, "known": _answer_to_json(answer)}


def _answer_to_json(answer: AnsweredSerial | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {"serial": answer.serial, "resolver": answer.resolver, "tree": answer.tree.hex()}
