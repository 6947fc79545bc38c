"""zonegit recover: bring zones back in step after a restore from a backup."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zonegit.repo.change import recover as use_case
from zonegit.repo.change.recover import ZonePlan
from zonegit.repo.heads import Repo
from zonegit.store.recovery import DEFAULT_HEADROOM, MAX_HEADROOM
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.propagation import answers_of_all, survey
from zonegit_cli.render import recoveries
from zonegit_cli.render.recoveries import RecoveryState
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus


@options.page("recover")
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
@click.option("--zone", type=options.ZONE, metavar="ZONE", help="Recover this zone only.")
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="RESOLVER",
    help="Disregard what this resolver says; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, even with --finish.")
@options.SIGN
@options.NO_SIGN
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
    session = options.signing(session, sign, off=no_sign)
    async with session.bus() as bus:
        repo = session.repo(bus)
        survey = await _survey(session, repo, bus, zone, ignored)
        plans = await use_case.plan(repo, survey.recovery, survey.answers, headroom, zone)
        is_done = finish and not dry_run
        if is_done:
            plans = await _finish(session, repo, survey, headroom, plans)
        kept = await _find_kept(repo, survey, plans)
    _remark(session, survey, plans, ignored)
    data = recoveries.document(survey, plans, headroom, kept, is_done=is_done)
    session.output.result(
        data, recoveries.lines(survey, plans, kept, is_done=is_done), paged=not is_done
    )
    in_doubt = any(each.doubts for each in plans)
    return 1 if is_done and in_doubt else 0


async def _survey(
    session: Session, repo: Repo, bus: "Bus", zone: Name | None, ignored: Sequence[str]
) -> RecoveryState:
    recovery = await repo.refs.recovery()
    found = await survey(session, bus, zone)
    expected = {each.resolver for each in found.statuses} | set(found.silent)
    expected |= session.local_resolvers()
    said, answers = await answers_of_all(
        bus, expected, zone, ignored, recovery.doubted, timeout=session.timeout
    )
    return RecoveryState(
        recovery, sorted(said), sorted(expected - said), answers, list(found.statuses)
    )


async def _finish(
    session: Session, repo: Repo, survey: RecoveryState, headroom: int, plans: Sequence[ZonePlan]
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


async def _find_kept(
    repo: Repo, survey: RecoveryState, plans: Sequence[ZonePlan]
) -> dict[str, str]:
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
    session: Session, survey: RecoveryState, plans: Sequence[ZonePlan], ignored: Sequence[str]
) -> None:
    """Say on stderr what the operator has to look at."""
    for name in survey.silent:
        session.output.remark(
            "warning",
            f"{name} did not report what it answered: start it first, or serials that only it knows"
            " may be used again",
        )
    for name in ignored:
        if name not in survey.resolvers:
            session.output.remark("warning", f"no resolver {name} answers, so none is ignored")
    for each in plans:
        for branch, doubt in each.doubts:
            session.output.remark("error", recoveries.describe_doubt(each.zone, branch, doubt))
