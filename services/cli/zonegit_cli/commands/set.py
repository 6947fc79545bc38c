"""zonegit set: replace the records of an RRset."""

import click

from zonegit.zone import rrtypes
from zonegit.zonefile import typed_records
from zonegit_cli import commit_command, options
from zonegit_cli.options import CommitOptions
from zonegit_cli.parse.records import parse_set
from zonegit_cli.session import Session


@options.session_command("set")
@click.argument("name")
@click.argument("rdtype", type=options.TYPE, metavar="TYPE")
@click.argument("rest", nargs=-1, required=True, metavar="[TTL] RDATA...")
@options.RESPELL
@options.commit_options
async def command(
    session: Session, name: str, rdtype: str, rest: tuple[str, ...], commit_options: CommitOptions
) -> None:
    """Replace the records of an RRset, as one commit.

    NAME is relative to the zone; @ is its apex. TTL is in seconds or like 1h30m, before TYPE or
    after it. Without TTL the RRset keeps its own; a new RRset gets ZONEGIT_TTL, else the MINIMUM
    field of the SOA. If the first word after TYPE can be a TTL, it is the TTL. The serial is
    incremented.

    \b
    zonegit set www A 300 192.0.2.7              one address
    zonegit set www A 300 192.0.2.7 192.0.2.8    two addresses
    zonegit set www A 192.0.2.7                  keep the TTL
    zonegit set www 300 IN A 192.0.2.7           the order of a master file
    zonegit set ftp CNAME 300 www                names in RDATA are relative to the zone
    zonegit set ftp CNAME 300 www.example.net.   a final dot makes a name absolute
    zonegit set @ MX 1h 10 mail.example.com.     the fields of one record
    zonegit set @ MX 1h '10 mail1' '20 mail2'    two records
    zonegit set @ TXT 300 'v=spf1 -all'          text needs no quotes of its own
    zonegit set t TXT 300 -- -all                arguments that begin with - follow --

    In set, add, remove and edit scripts, the arguments after TYPE and TTL are the fields of one
    record if each of them is one field; otherwise each is a record (docs/typed-records.md). Each
    argument of a TXT is a record.

    \b
    MX 10 a                                               1 record
    MX '10 a' '20 b'                                      2 records
    SRV 0 5 5060 x                                        1 record
    A 192.0.2.1 192.0.2.2                                 2 records
    TXT 'v=spf1 -all'                                     1 record
    TXT v=spf1 -all                                       2 records, with a note
    TXT 'say "hi" twice'                                  1 record
    TXT '"one" "two"' '"three"'                           2 records
    CAA 0 issue 'ca; a=b'                                 1 record
    CAA 0 issue ';'                                       1 record
    CAA '0 issue "ca; a=b"'                               1 record
    CAA '0 issue ca; a=b'                                 error
    HINFO 'Intel x86' 'Linux 6'                           1 record
    HINFO '"PC" "L"' '"VAX" "VMS"'                        2 records
    APL 1:192.0.2.0/24 '!1:192.0.2.64/28'                 1 record
    DS 1 8 1 ABCDABCDABCDABCDABCD EF01EF01EF01EF01EF01    1 record
    OPENPGPKEY AAAA BBBB                                  1 record
    SVCB 1 . alpn=h2 port=53                              1 record
    SVCB '1 . alpn=h2' '2 b.'                             2 records
    SOA ns1 hostmaster 1 7200 3600 1209600 300            1 record
    TYPE65400 '\\# 2 ABCD'                                 1 record
    TYPE65400 \\\\# 2 ABCD                                  1 record
    A 192.0.2.1 192.0.2.300                               error
    """
    typed = typed_records.split_words([rdtype, *rest])  # fail before the first request
    words = ["set", name, rrtypes.to_text(typed.rdtype)]
    notes = typed_records.find_notes(typed.rdtype, typed.arguments)
    async with commit_command.open_target(session, commit_options) as target:
        edit = parse_set(target.at.zone, name, typed, session.ttl)
        await commit_command.commit_edits(target, [edit], words, notes)
