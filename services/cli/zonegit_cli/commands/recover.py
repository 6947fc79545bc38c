"""zonegit recover: raise serials after the ref store was restored from a backup."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zonegit.repo.change import recover as use_case
from zonegit.repo.change.recover import ZonePlan
from zonegit.repo.repo import Repo
from zonegit.store.recovery import DEFAULT_HEADROOM, MAX_HEADROOM
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.render import recoveries
from zonegit_cli.render.recoveries import RecoveryState
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus


@options.session_command("recover")
@click.option("--finish", is_flag=True, help="Make the commits; without this, only show them.")
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
    help="Discard the answers of this resolver; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing, even with --finish.")
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
    """Raise the serials of zones after the ref store was restored from a backup, so that resolvers
    and secondaries follow it again.

    Resolvers report the highest serial that they ever answered for each branch. If it is later than
    the restored serial, or was answered with other records, the restored records are committed with
    the serial after it. If no resolver knows one, they are committed with the restored serial plus
    the headroom. Until a zone is recovered, its refs do not move, and resolvers keep what they
    serve.

    Run it after every restore, even if no resolver is left. If it was interrupted, run it again: it
    continues with the remaining zones. Exit status 1 if a zone could not be recovered.

    \b
    zonegit recover                          show the state, and the commits to be made
    zonegit recover --finish
    zonegit recover --finish --zone example.com --serial-headroom 100
    """
    session = options.apply_signing(session, sign, off=no_sign)
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        survey = await _read_state(session, repo, bus, zone, ignored)
        plans = await use_case.plan(repo, survey.recovery, survey.answers, headroom, zone)
        is_done = finish and not dry_run
        if is_done:
            plans = await _finish(session, repo, survey, headroom, plans)
        kept = await _find_kept(repo, survey, plans)
    _print_remarks(session, survey, plans, ignored)
    data = recoveries.make_document(survey, plans, headroom, kept, is_done=is_done)
    session.output.print_result(
        data, recoveries.format_lines(survey, plans, kept, is_done=is_done), paged=not is_done
    )
    in_doubt = any(each.doubts for each in plans)
    return 1 if is_done and in_doubt else 0


async def _read_state(
    session: Session, repo: Repo, bus: "Bus", zone: Name | None, ignored: Sequence[str]
) -> RecoveryState:
    from zonegit.bus import resolver_status  # imports NATS, not needed for --help

    recovery = await repo.refs.recovery()
    found = await session.survey_resolvers(bus, zone)
    expected = {each.resolver for each in found.statuses} | set(found.silent)
    expected |= session.list_local_resolvers()
    answered, answers = await resolver_status.read_answered_serials(
        bus, expected, zone, ignored, recovery.doubted, timeout=session.timeout
    )
    return RecoveryState(
        recovery, sorted(answered), sorted(expected - answered), answers, list(found.statuses)
    )


async def _finish(
    session: Session, repo: Repo, survey: RecoveryState, headroom: int, plans: Sequence[ZonePlan]
) -> list[ZonePlan]:
    """Make the commits of all plans without doubts; return the plans with what was done."""
    origin = repo.origin("recover")
    done = []
    for number, each in enumerate(plans, 1):
        if not each.doubts:
            each, _ = await use_case.recover_zone(
                repo, survey.recovery, survey.answers, headroom, each, origin
            )
        done.append(each)
        session.output.print_bar(number, len(plans), "zones")
    return done


async def _find_kept(
    repo: Repo, survey: RecoveryState, plans: Sequence[ZonePlan]
) -> dict[str, str]:
    """Return the commits, by ``ZONE BRANCH``, that resolvers serve and the object store still has,
    but the restored branch does not."""
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


def _print_remarks(
    session: Session, survey: RecoveryState, plans: Sequence[ZonePlan], ignored: Sequence[str]
) -> None:
    """Print the warnings and errors on stderr."""
    for name in survey.silent:
        session.output.print_remark(
            "warning",
            f"{name} did not report its serials: start it first, or serials that only it knows may"
            " be used again",
        )
    for name in ignored:
        if name not in survey.resolvers:
            session.output.print_remark(
                "warning", f"--ignore {name}: no resolver of that name answers"
            )
    for each in plans:
        for branch, doubt in each.doubts:
            session.output.print_remark(
                "error", recoveries.describe_doubt(each.zone, branch, doubt)
            )
