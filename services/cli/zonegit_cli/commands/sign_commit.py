"""zonegit sign-commit: sign the tip of a branch."""

from pathlib import Path

import click

from zonegit.errors import Invalid
from zonegit.repo import refish
from zonegit.repo.change import sign
from zonegit.repo.change.sign import SignedBranch
from zonegit.repo.commit.dry_runs import find_refusal
from zonegit.views.verdict import make_verdict
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import commit_command, options
from zonegit_cli.output import format_id
from zonegit_cli.render import resolvers
from zonegit_cli.session import Session


@options.session_command("sign-commit")
@click.argument("at", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file of the private key (ZONEGIT_SIGNING_KEY).",
)
@click.option("--force", is_flag=True, help="Replace the signature of another key.")
@options.DRY_RUN
@options.zone_options
@options.WAIT
async def command(
    session: Session,
    at: str,
    key: Path | None,
    force: bool,
    dry_run: bool,
    zone: Name | None,
    branch: str | None,
    wait: bool,
) -> None:
    """Sign the commit REFISH (HEAD), which must be the tip of a branch.

    The branch moves to the same commit with a signature and a new id; records, author and times do
    not change. To sign a commit when it is made, use --sign KEY.

    \b
    zonegit sign-commit --key ~/.config/zonegit/alice
    zonegit sign-commit canary
    """
    session = session.with_signing_key(key)
    if session.sign is None:
        raise Invalid(
            "no signing key",
            hint="name one with --key FILE or the setting signing_key; zonegit keygen makes one",
        )
    async with session.connect_bus() as bus:
        repo = session.make_repo(bus)
        found = await refish.resolve(repo, at, zone=zone, branch=branch)
        commit_command.warn_of_head(session, dry_run=dry_run)
        places = [(found.zone, found.branch)]
        wanted = wait and not dry_run
        async with session.watch_branches(bus, places, wanted=wanted) as (waiter,):
            signed = await sign.sign_tip(repo, found, session.sign, force=force, dry_run=dry_run)
            served_by = await waiter.wait(signed.moved)
    data = {
        "zone": names.text(found.zone),
        "branch": signed.branch,
        "commit": signed.commit.hex(),
        "dry_run": dry_run,
        "replaced": signed.old.hex() if signed.moved is not None else None,
        **({"verdict": make_verdict(signed.judgement)} if signed.judgement else {}),
        **resolvers.served_by_to_json(served_by),
    }
    session.output.print_result(
        data, [_format_line(found.zone, signed), *resolvers.format_served_by(served_by)]
    )
    if refusal := find_refusal([signed.judgement]):
        raise refusal


def _format_line(zone: Name, signed: SignedBranch) -> str:
    where = f"{names.text(zone)} {signed.branch}"
    if signed.commit == signed.old:
        return f"nothing to do: {where} {format_id(signed.commit)} is already signed by this key"
    step = f"{where} {format_id(signed.old)} -> {format_id(signed.commit)}"
    if signed.moved is None:
        return f"would move {step}; no record changes"
    return f"{step}, signed"
