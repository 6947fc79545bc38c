"""zonegit restore: restore the records of a name from an earlier commit."""

import click

from zonegit.objects.ids import short
from zonegit.repo import refish
from zonegit.repo.change import restore_records
from zonegit.repo.commit import commit_loop
from zonegit.zone import names, rrtypes
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.session import Session


@options.session_command("restore")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="[TYPE]", required=False)
@click.option(
    "--from",
    "source",
    type=options.REFISH,
    metavar="REFISH",
    required=True,
    help="Restore the records of this commit.",
)
@options.RESPELL
@options.commit_options
async def command(
    session: Session,
    name: str,
    rdtype: str | None,
    source: str,
    commit_options: CommitOptions,
) -> int:
    """Restore an RRset, or without TYPE every RRset of a name, as it was at REFISH, as one commit.

    RRsets that NAME did not have then are deleted; a note says so if it had none. Names below NAME
    and other changes since then stay. The serial is incremented, and the SOA of the zone is not
    restored. zonegit log -p -- NAME shows what to restore.

    \b
    zonegit restore api A --from @{yesterday}    one RRset
    zonegit restore api --from HEAD~3            every RRset of the name
    zonegit restore @ MX --from v1.0 --dry-run   show what would change
    zonegit restore www A --from canary          also from another branch
    """
    number = rrtypes.from_text(rdtype) if rdtype is not None else None
    words = " ".join(["restore", name, *([rdtype.upper()] if rdtype else [])])
    async with commit_command.open_target(session, commit_options) as target:
        repo, at = target.repo, target.at
        owner = names.parse(name, at.zone)
        commit = (await refish.resolve(repo, source, zone=at.zone, branch=at.branch)).commit
        plan = restore_records.plan_restore(
            commit, owner, number, at.zone, respell=commit_options.respell
        )
        # A refish such as @{yesterday} means another commit later, so the message has the id.
        given = "" if commit.hex().startswith(source) else f" ({source})"
        message = f"{words} from {short(commit)}{given}"
        intent = commit_command.build_intent(commit_options, "restore", message)
        return await commit_command.report_outcome(
            target,
            await commit_loop.commit(repo, at, plan, intent),
            unchanged_text=f"nothing to restore: {name} of {{}} has these records already",
        )
