"""zonegit show: show a commit and its changes, or an RRset at any commit."""

from collections.abc import Iterator

import click
import msgspec

from zonegit.objects.model import Tag
from zonegit.repo import read_zone, refish
from zonegit.repo.commit import diff
from zonegit.repo.inspect import approvals, compare, log
from zonegit.repo.inspect.compare import ComparedTrees
from zonegit.store.commit_reader import CommitReader
from zonegit.store.reader import Reader
from zonegit.views.commit import ShownCommitDocument, make_tag
from zonegit.views.rrset import make_stored_rrset
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import rdata_to_text
from zonegit.zonefile.writer import write_record_head
from zonegit_cli import options
from zonegit_cli.render import commits, identities
from zonegit_cli.render import shell as commands
from zonegit_cli.render.commits import ShownCommit
from zonegit_cli.session import Session


@options.session_command("show")
@click.argument(
    "what", type=options.REFISH, metavar="[COMMIT] | NAME TYPE [REFISH]", default="HEAD"
)
@click.argument("rdtype", type=options.TYPE, metavar="", required=False)
@click.argument("at", type=options.REFISH, metavar="", default="HEAD")
@click.option("--shell", is_flag=True, help="Print zonegit commands for a shell.")
@options.zone_options
async def command(
    session: Session,
    what: str,
    rdtype: str | None,
    at: str,
    shell: bool,
    zone: Name | None,
    branch: str | None,
) -> None:
    """Show a commit (HEAD) and its changes relative to its first parent; with NAME and TYPE, show
    that RRset at REFISH (HEAD).

    With --shell print the zonegit commands that make these changes, or this RRset.

    \b
    zonegit show                    the latest commit
    zonegit show main~2
    zonegit show v1.0               a tag and its commit
    zonegit show www A
    zonegit show www A HEAD~1       the RRset one commit ago
    zonegit show www A @{10.minutes.ago}
    zonegit show www A HEAD~1 --shell    zonegit set ..., ready to paste
    """
    if rdtype is None:
        await _show_commit(session, what, zone, branch, shell=shell)
    else:
        await _show_rrset(session, what, rdtype, at, zone, branch, shell=shell)


async def _show_commit(
    session: Session, text: str, zone: Name | None, branch: str | None, *, shell: bool
) -> None:
    async with session.connect() as repo:
        reader = Reader(repo.objects)
        at = await refish.resolve(repo, text, zone=zone, branch=branch)
        commit = await read_zone.read_commit(reader, at.commit)
        found = await compare.compare(
            reader, ComparedTrees(at.zone, commit.first_parent, at.commit)
        )
        labels = await log.read_labels(repo, reader, at.zone)
        approved = await approvals.find_approvals(
            repo,
            CommitReader(repo.objects, reader),
            approvals.choose_branch(at, branch, labels),
            {at.commit: commit},
        )
        tag = (await reader.get([at.tag]))[at.tag] if at.tag is not None else None
    signed = commits.describe_signature(session, commit)
    entry = ShownCommit(
        at.commit,
        commit,
        labels.get(at.commit, ()),
        signed,
        found.deltas,
        approved.get(at.commit),
    )
    data = ShownCommitDocument(
        **msgspec.structs.asdict(commits.make_document(entry)),
        zone=names.text(at.zone),
        serial=found.new.serial,
        signature=signed,
    )
    lines = list(commits.format_full(entry))
    if isinstance(tag, Tag):
        signed = commits.describe_signature(session, tag)
        data.tag = make_tag(tag, signed)
        lines = [*_format_tag(tag, signed), *lines]
    if shell:
        lines = [commands.format_change(each) for each in diff.drop_serial_changes(found.deltas)]
    session.output.print_result(data, lines, paged=True, verbatim=shell)


def _format_tag(tag: Tag, signed: str | None) -> Iterator[str]:
    yield click.style(f"tag {tag.name}", fg="yellow")
    yield f"Tagger: {tag.tagger.mailbox}"
    yield f"Date:   {identities.format_time(tag.tagger)}"
    if signed is not None:
        yield f"Trust:  {signed}"
    yield ""
    yield from (f"    {line}" for line in tag.message.split("\n"))
    yield ""


async def _show_rrset(
    session: Session,
    name: str,
    rdtype: str,
    at: str,
    zone: Name | None,
    branch: str | None,
    *,
    shell: bool,
) -> None:
    number = rrtypes.from_text(rdtype)
    async with session.connect() as repo:
        resolved = await refish.resolve(repo, at, zone=zone, branch=branch)
        reader = Reader(repo.objects)
        tree = (await read_zone.read_commit(reader, resolved.commit)).tree
        owner = names.parse(name, resolved.zone)
        rrset = await read_zone.read_rrset(reader, tree, owner, number, resolved.zone)
    data = make_stored_rrset(rrset, resolved.zone, resolved.commit)
    texts = [rdata_to_text(rrset.rdtype, rdata) for rdata in rrset.rdatas]
    lines = [f"{write_record_head(rrset)} {text}" for text in texts]
    lines = [commands.format_set(rrset)] if shell else lines
    session.output.print_result(data, lines, verbatim=shell)
