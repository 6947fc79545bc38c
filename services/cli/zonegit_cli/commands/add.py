"""zonegit add: add records to an RRset."""

import click

from zonegit.zone import rrtypes
from zonegit.zonefile import typed_records
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse.records import parse_add
from zonegit_cli.session import Session


@options.session_command("add")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="TYPE")
@click.argument("rest", nargs=-1, required=True, metavar="[TTL] RDATA...")
@options.RESPELL
@options.commit_options
async def command(
    session: Session, name: str, rdtype: str, rest: tuple[str, ...], commit_options: CommitOptions
) -> None:
    """Add a record to an RRset, or create the RRset, as one commit.

    All records of an RRset have one TTL (RFC 2181 section 5.2): with TTL they all get it, without
    TTL they keep theirs (for a new RRset see zonegit set).

    \b
    zonegit add www A 192.0.2.8
    zonegit add @ MX 1h 20 mail2
    zonegit add @ 1h IN MX 20 mail2      the order of a master file
    """
    typed = typed_records.split_words([rdtype, *rest])  # fail before the first request
    words = ["add", name, rrtypes.to_text(typed.rdtype)]
    notes = typed_records.find_notes(typed.rdtype, typed.arguments)
    async with commit_command.open_target(session, commit_options) as target:
        edit = parse_add(target.at.zone, name, typed, session.ttl)
        await commit_command.commit_edits(target, [edit], words, notes)
