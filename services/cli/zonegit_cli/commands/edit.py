"""zonegit edit: edit the zone as a master file in the operator's editor."""

import msgspec

from zonegit.objects.ids import short
from zonegit.repo.change import edit
from zonegit.repo.change.edit import EditedZone
from zonegit.zone import names
from zonegit.zonefile import reader, writer
from zonegit.zonefile.builder import ZoneFile
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse.editor import EditedFile
from zonegit_cli.session import Session


@options.session_command("edit")
@options.RESPELL
@options.commit_options
async def command(session: Session, commit_options: CommitOptions) -> int:
    """Open the zone as a master file in your editor (VISUAL, EDITOR), and commit what you save.

    If the text is not a valid zone, it is opened again with the error at its top. An unchanged or
    an empty text commits nothing. Commits that others made meanwhile are merged; if both changed
    the same RRset, the branch does not move and the exit status is 4. After an error your text is
    kept in a file.

    \b
    zonegit edit -m 'new mail servers'
    EDITOR='code --wait' zonegit edit --branch canary
    """
    async with session.connect() as repo:
        opened = await edit.open_zone(repo, commit_options.zone, commit_options.branch)
    zone, branch = opened.position.zone, opened.position.branch
    shown = f"{names.text(zone)}zone"

    def parse(octets: bytes) -> ZoneFile:
        return reader.read(octets, zone, source=shown)

    with EditedFile(shown, _format_zone(opened), session.output.print_note) as edited_file:
        typed = edited_file.edit(parse, reader.MAX_OCTETS)
        found = typed.findings if typed is not None else ()
        deltas = edit.find_changes(opened, typed.rrsets.values()) if typed is not None else []
        intent = commit_command.build_intent(commit_options, "edit", "edit")
        # HEAD may have moved while the editor was open: commit to the branch that was opened.
        here = msgspec.structs.replace(commit_options, zone=zone, branch=branch)
        async with commit_command.open_target(session, here) as target:
            outcome = await edit.commit_edited(
                target.repo, target.at, opened, deltas, intent, found
            )
            status = await commit_command.report_outcome(target, outcome)
        if status or commit_options.dry_run:
            edited_file.keep()
    return status


def _format_zone(opened: EditedZone) -> bytes:
    at = opened.position
    head = (
        f"; {names.text(at.zone)} {at.branch}, commit {short(at.commit())}",
        "; Save to commit. An unchanged or an empty file commits nothing.",
        "; The serial is incremented automatically. Comments are not kept.",
    )
    lines = (f"{line}\n" for line in head)
    return "".join([*lines, *writer.write(opened.rrsets, at.zone)]).encode()
