"""zonegit recover: bring zones back in step after a restore from a backup."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from zonegit.objects.ids import short
from zonegit.repo.changing import recovery as use_case
from zonegit.repo.changing.recovery import Answers, BranchPlan, Lost, Owe, ZonePlan
from zonegit.repo.finding.heads import Repo
from zonegit.store.protocols import Recovery, Witness
from zonegit.store.recovery import (
    DEFAULT_HEADROOM,
    MAX_HEADROOM,
    Answer,
    Doubt,
    Leave,
    Renew,
    describe_witness,
)
from zonegit.wire.messages import ResolverStatus
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import page
from zonegit_cli.output import columns, count
from zonegit_cli.session import Session
from zonegit_cli.waiting import answers_of_all, status_of_all

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus

HEADER: Final = ("ZONE", "BRANCH", "SERIAL", "RESOLVERS HAD", "", "WHAT")
NOTHING: Final = "-"


class Survey(msgspec.Struct, frozen=True):
    """The state of stores and resolvers before anything is done. ``silent`` are resolvers that
    ought to have said what they answered, and did not."""

    recovery: Recovery
    resolvers: list[str]
    silent: list[str]
    answers: Answers
    statuses: list[ResolverStatus]


@page.page("recover")
@click.option("--finish", is_flag=True, help="Do it; without this, only show what would be done.")
@click.option(
    "--serial-headroom",
    "headroom",
    type=click.IntRange(1, MAX_HEADROOM),
    metavar="N",
    default=DEFAULT_HEADROOM,
    show_default=True,
    help="Add this to a serial where no resolver knows a later one.",
)
@click.option("--zone", type=page.ZONE, metavar="ZONE", help="Recover this zone only.")
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="RESOLVER",
    help="Disregard what this resolver says; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, even with --finish.")
@page.SIGN
@page.NO_SIGN
async def command(
    session: Session,
    finish: bool,
    headroom: int,
    zone: Name | None,
    ignored: tuple[str, ...],
    dry_run: bool,
    sign: Path | None,
    no_sign: bool,
) -> int:
    """Bring zones back in step with resolvers and secondaries after the ref store was restored from
    a backup.

    Resolvers report the highest serial that they ever answered for each branch. Where that is later
    than the restored serial, or stands for other records, the same records are committed at the
    serial after it; where it is not known, at the restored serial plus the headroom. Until this is
    done for a zone, its refs do not move, and resolvers keep what they serve.

    Run it after every restore, also when no resolver is left to ask. It may be interrupted and run
    again: it goes on with the zones that are left. Exits 1 when a zone could not be recovered.

    \b
    zonegit recover                          what it finds, and what it would do
    zonegit recover --finish
    zonegit recover --finish --zone example.com --serial-headroom 100
    """
    session = page.signing(session, sign, off=no_sign)
    async with session.bus() as bus:
        repo = session.repo(bus)
        survey = await _survey(session, repo, bus, zone, ignored)
        plans = await use_case.plan(repo, survey.recovery, survey.answers, headroom, zone)
        is_done = finish and not dry_run
        if is_done:
            plans = await _finish(session, repo, survey, headroom, plans)
        kept = await _find_kept(repo, survey, plans)
    _remark(session, survey, plans, ignored)
    data = _json(survey, plans, headroom, kept, is_done=is_done)
    session.output.result(data, _lines(survey, plans, kept, is_done=is_done), paged=not is_done)
    in_doubt = any(each.doubts for each in plans)
    return 1 if is_done and in_doubt else 0


async def _survey(
    session: Session, repo: Repo, bus: "Bus", zone: Name | None, ignored: Sequence[str]
) -> Survey:
    recovery = await repo.refs.recovery()
    statuses = await status_of_all(bus, zone)
    said, answers = await answers_of_all(bus, zone, ignored, recovery.doubted)
    expected = {each.resolver for each in statuses} | session.local_resolvers()
    return Survey(recovery, sorted(said), sorted(expected - said), answers, statuses)


async def _finish(
    session: Session, repo: Repo, survey: Survey, headroom: int, plans: Sequence[ZonePlan]
) -> list[ZonePlan]:
    """Carry out what is not in doubt; return the plans as they were carried out."""
    origin = repo.origin("recover")
    done = []
    for number, each in enumerate(plans, 1):
        if not each.doubts:
            each, _ = await use_case.finish(
                repo, survey.recovery, survey.answers, headroom, each, origin
            )
        done.append(each)
        session.output.bar(number, len(plans), "zones")
    return done


async def _find_kept(repo: Repo, survey: Survey, plans: Sequence[ZonePlan]) -> dict[str, str]:
    """Return commits that resolvers serve and that the object store still holds, though the
    restored branch does not have them: by ``ZONE BRANCH``."""
    tips = {
        (each.zone, branch.branch): branch.tip.target for each in plans for branch in each.branches
    }
    served = {
        (zone.zone, zone.branch): zone.commit
        for status in survey.statuses
        for zone in status.zones
        if zone.commit is not None and not zone.pinned
    }
    later = {key: commit for key, commit in served.items() if tips.get(key, commit) != commit}
    if not later:
        return {}
    missing = await repo.objects.missing(list(later.values()))
    return {
        f"{names.text(zone)} {branch}": commit.hex()
        for (zone, branch), commit in sorted(later.items())
        if commit not in missing
    }


def _remark(
    session: Session, survey: Survey, plans: Sequence[ZonePlan], ignored: Sequence[str]
) -> None:
    """Say on stderr what the operator has to look at."""
    for name in survey.silent:
        session.output.remark(
            "warning",
            f"{name} did not tell what it answered: start it first, or serials that only it knows"
            " may be used again",
        )
    for name in ignored:
        if name not in survey.resolvers:
            session.output.remark("warning", f"no resolver {name} answers, so none is ignored")
    for each in plans:
        for branch, doubt in each.doubts:
            session.output.remark("error", _doubtful(each.zone, branch, doubt))


def _doubtful(zone: Name, branch: str, doubt: Doubt) -> str:
    place = f"{names.text(zone)} {branch}"
    if doubt.answer is None:
        return f"{place} is not recovered: {doubt.reason}"
    return (
        f"{place} is not recovered: {doubt.answer.resolver} says so, but {doubt.reason}; if that"
        f" is wrong, --ignore {doubt.answer.resolver}; if it is right, give a --serial-headroom"
        " that passes it, too"
    )


def _lines(
    survey: Survey, plans: Sequence[ZonePlan], kept: dict[str, str], *, is_done: bool
) -> Iterable[str]:
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


def _state(survey: Survey) -> str:
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


def _known(verdict: Leave | Renew | Owe | Doubt, made: BranchPlan) -> tuple[str, str]:
    """Return the highest serial that resolvers answered, and the resolvers that did."""
    match verdict:
        case Leave():
            return str(made.tip.serial), ""
        case Renew(_, Answer() as answer) | Owe(_, Answer() as answer):
            return str(answer.serial), answer.resolver
        case Doubt(Answer() as answer, _):
            return str(answer.serial), answer.resolver
        case _:
            return NOTHING, ""


def _what(verdict: Leave | Renew | Owe | Doubt, *, is_done: bool) -> str:
    match verdict:
        case Leave():
            return "stays" if not is_done else "stayed"
        case Renew(serial, _):
            return f"{'is committed' if is_done else 'to be committed'} at serial {serial}"
        case Owe(serial, _):
            return click.style(f"signed: import it with a serial after {serial}", fg="red")
        case Doubt(_, reason):
            return click.style(f"in doubt: {reason}", fg="red")


def _lost_row(zone: Name, lost: Lost) -> tuple[str, ...]:
    return (
        names.text(zone),
        lost.branch,
        NOTHING,
        str(lost.answer.serial),
        lost.answer.resolver,
        "not in the backup; one of that name needs a later serial",
    )


def _json(
    survey: Survey,
    plans: Sequence[ZonePlan],
    headroom: int,
    kept: dict[str, str],
    *,
    is_done: bool,
) -> dict[str, Any]:
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
        "recovered": is_done and not made.doubts,
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


def _verdict_json(verdict: Leave | Renew | Owe | Doubt) -> dict[str, Any]:
    match verdict:
        case Leave():
            return {"verdict": "leave"}
        case Renew(serial, known):
            return {"verdict": "commit", "new": serial, "known": _answer_json(known)}
        case Owe(serial, known):
            return {"verdict": "signed", "after": serial, "known": _answer_json(known)}
        case Doubt(answer, reason):
            return {"verdict": "doubt", "reason": reason, "known": _answer_json(answer)}


def _answer_json(answer: Answer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    return {"serial": answer.serial, "resolver": answer.resolver, "tree": answer.tree.hex()}
