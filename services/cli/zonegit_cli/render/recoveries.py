"""A recovery as it is printed: what was found, and a row for each branch."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
import msgspec

from zonegit.objects.ids import short
from zonegit.repo.change.recover import AnswersByBranch, BranchPlan, LostBranch, OweSerial, ZonePlan
from zonegit.store.protocols import Recovery, Witness
from zonegit.store.recovery import AnsweredSerial, Doubt, Leave, Renew, describe_witness
from zonegit.wire.messages import ResolverStatus
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli.output import columns, count

HEADER: Final = ("ZONE", "BRANCH", "SERIAL", "RESOLVERS HAD", "", "WHAT")
NOTHING: Final = "-"


class RecoveryState(msgspec.Struct, frozen=True):
    """The state of stores and resolvers before anything is done. ``silent`` are resolvers that
    ought to have said what they answered, and did not."""

    recovery: Recovery
    resolvers: list[str]
    silent: list[str]
    answers: AnswersByBranch
    statuses: list[ResolverStatus]


def describe_doubt(zone: Name, branch: str, doubt: Doubt) -> str:
    """Return why a branch is not recovered, and what the operator can do."""
    place = f"{names.text(zone)} {branch}"
    if doubt.answer is None:
        return f"{place} is not recovered: {doubt.reason}"
    return (
        f"{place} is not recovered: {doubt.answer.resolver} says so, but {doubt.reason}; if that"
        f" is wrong, --ignore {doubt.answer.resolver}; if it is right, give a --serial-headroom"
        " that passes it, too"
    )


def lines(
    survey: RecoveryState, plans: Sequence[ZonePlan], kept: dict[str, str], *, is_done: bool
) -> Iterable[str]:
    """Yield what was found and what becomes of each branch, for people."""
    yield _state(survey)
    asked = ", ".join(survey.resolvers) or "none answers"
    yield f"resolvers: {asked}"
    rows = [
        _row(each.zone, branch.branch, branch, is_done=is_done)
        for each in plans
        for branch in each.branches
    ]
    rows += [_lost_row(each.zone, lost) for each in plans for lost in each.lost]
    if rows:
        yield ""
        yield from columns(rows, HEADER)
    for place, commit in kept.items():
        zone, branch = place.rsplit(" ", 1)
        yield (
            f"resolvers serve {short(bytes.fromhex(commit))} of {place}, and it is stored: zonegit"
            f" reset --hard {commit[:12]} --zone {zone} --branch {branch} brings its records back"
        )
    recovered = [each for each in plans if not each.doubts and not each.is_lost]
    if is_done:
        yield f"{count(len(recovered), 'zone')} recovered"
    elif plans:
        yield "nothing was changed; zonegit recover --finish does it"
    else:
        yield "there is nothing to recover"


def _state(survey: RecoveryState) -> str:
    found = survey.recovery
    if found.witness is not None:
        return f"the ref store was restored: {describe_witness(found.witness, found.sequence)}"
    for status in survey.statuses:
        if status.held:
            witness = Witness(status.resolver, status.epoch, status.sequence)
            return f"the ref store was restored: {describe_witness(witness, found.sequence)}"
    if found.awaiting:
        return f"a recovery has begun: {count(found.awaiting, 'zone')} still to be recovered"
    return "no resolver says that the ref store was restored"


def _row(zone: Name, branch: str, made: BranchPlan, *, is_done: bool) -> tuple[str, ...]:
    verdict = made.verdict
    known = _known(verdict, made)
    return (
        names.text(zone),
        branch,
        str(made.tip.serial),
        *known,
        _what(verdict, is_done=is_done),
    )


def _known(verdict: Leave | Renew | OweSerial | Doubt, made: BranchPlan) -> tuple[str, str]:
    """Return the highest serial that resolvers answered, and the resolvers that did."""
    match verdict:
        case Leave():
            return str(made.tip.serial), ""
        case Renew(_, AnsweredSerial() as answer) | OweSerial(_, AnsweredSerial() as answer):
            return str(answer.serial), answer.resolver
        case Doubt(AnsweredSerial() as answer, _):
            return str(answer.serial), answer.resolver
        case _:
            return NOTHING, ""


def _what(verdict: Leave | Renew | OweSerial | Doubt, *, is_done: bool) -> str:
    match verdict:
        case Leave():
            return "stays" if not is_done else "stayed"
        case Renew(serial, _):
            return f"{'is committed' if is_done else 'to be committed'} at serial {serial}"
        case OweSerial(serial, _):
            return click.style(f"signed: import it with a serial after {serial}", fg="red")
        case Doubt(_, reason):
            return click.style(f"in doubt: {reason}", fg="red")


def _lost_row(zone: Name, lost: LostBranch) -> tuple[str, ...]:
    return (
        names.text(zone),
        lost.branch,
        NOTHING,
        str(lost.answer.serial),
        lost.answer.resolver,
        "not in the backup; one of that name needs a later serial",
    )


def document(
    survey: RecoveryState,
    plans: Sequence[ZonePlan],
    headroom: int,
    kept: dict[str, str],
    *,
    is_done: bool,
) -> dict[str, Any]:
    """Return what was found and what becomes of each branch, for programs."""
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
        "zones": [_zone_json(each, kept, is_done=is_done) for each in plans],
    }


def _zone_json(made: ZonePlan, kept: dict[str, str], *, is_done: bool) -> dict[str, Any]:
    zone = names.text(made.zone)
    return {
        "zone": zone,
        "registered": not made.is_lost,
        "recovered": is_done and not made.doubts and not made.is_lost,
        "branches": [
            {
                "branch": each.branch,
                "serial": each.tip.serial,
                **_verdict_json(each.verdict),
                "stored": kept.get(f"{zone} {each.branch}"),
            }
            for each in made.branches
        ],
        "lost": [{"branch": each.branch, "known": _answer_json(each.answer)} for each in made.lost],
    }


def _verdict_json(verdict: Leave | Renew | OweSerial | Doubt) -> dict[str, Any]:
    match verdict:
        case Leave():
            return {"verdict": "leave"}
        case Renew(serial, known):
            return {"verdict": "commit", "new": serial, "known": _answer_json(known)}
        case OweSerial(serial, known):
            return {"verdict": "signed", "after": serial, "known": _answer_json(known)}
        case Doubt(answer, reason):
            return {"verdict": "doubt", "reason": reason, "known": _answer_json(answer)}


def _answer_json(answer: AnsweredSerial | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {"serial": answer.serial, "resolver": answer.resolver, "tree": answer.tree.hex()}
