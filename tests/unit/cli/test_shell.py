"""RRsets as commands for a shell."""

import shlex

import pytest
from hypothesis import example, given
from tests.support.strategies import rrsets

from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.edits import Add, Remove, Set
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rdata_to_text, rrset
from zonegit.zonefile.typed_records import split_words
from zonegit_cli.parse import edit_scripts
from zonegit_cli.parse.records import parse_add, parse_remove, parse_set
from zonegit_cli.render import shell

ZONE = names.parse("foo.com.")


def pasted(line: str) -> RRset:
    """Return the RRset that a command makes, in an unrelated zone."""
    program, verb, *words = shlex.split(line)
    assert (program, verb) == ("zonegit", "set")
    has_dashes = any(word.startswith("-") for word in words)
    assert has_dashes == (words[0] == "--")
    name, rdtype, ttl, *rdata = words[1:] if has_dashes else words
    made = parse_set(names.parse("elsewhere."), name, split_words([rdtype, ttl, *rdata]))
    assert made.ttl == "stated"
    return made.rrset


def made(name: str, rdtype: str, *rdatas: bytes) -> RRset:
    return rrset(names.parse(name, ZONE), rrtypes.from_text(rdtype), 300, rdatas)


@given(rrsets())
@example(made("*", "TXT", b"\x05it's\"", b"\0", b"\3$a\\\1\n"))
@example(made("-x", "A", b"1234"))
@example(made("@", "RESINFO", b"\1a", b"\1b"))
@example(made("@", "ISDN", b"\1a", b"\1b"))
@example(made("@", "OPENPGPKEY", b"abc", b"def"))
@example(made("@", "DHCID", b"abc", b"def"))
@example(made("@", "APL", bytes.fromhex("0001180 3c00002".replace(" ", ""))))
@example(made("@", "GPOS", b"\x06-32.68\x07116.865\x0410.0"))
@example(made("\\@.\\255.\\;", "CAA", b"\0\5issueca; a='b'"))
def test_a_pasted_line_makes_the_same_rrset(value: RRset) -> None:
    assert pasted(shell.format_set(value)) == value


def test_a_line_is_quoted_only_if_necessary() -> None:
    line = shell.format_set(made("*", "MX", b"\0\x0a\1a\0", b"\0\x14\1b\0"))
    assert line == "zonegit set '*.foo.com.' MX 300 '10 a.' '20 b.'"


@pytest.mark.parametrize("new", [True, False])
def test_a_change_is_the_command_that_makes_it(new: bool) -> None:
    value = made("www", "A", b"1234")
    delta = RRsetDelta(value.owner, value.rdtype, value, value if new else None)
    wanted = "set www.foo.com. A 300 49.50.51.52" if new else "delete www.foo.com. A"
    assert shell.format_change(delta) == f"zonegit {wanted}"


@given(rrsets())
def test_a_printed_record_is_the_same_record_in_every_command_and_script(value: RRset) -> None:
    name, rdtype = shlex.quote(names.text(value.owner)), rrtypes.to_text(value.rdtype)
    for rdata in value.rdatas:
        text = rdata_to_text(value.rdtype, rdata)
        typed = split_words([rdtype, "300", text])
        assert parse_set(ZONE, "@", typed).rrset.rdatas == (rdata,)
        assert parse_add(ZONE, "@", typed).rrset.rdatas == (rdata,)
        assert parse_remove(ZONE, "@", rdtype, [text]).rdatas == (rdata,)
        quoted = shlex.quote(text)
        script = (
            f"set {name} {rdtype} 300 {quoted}\nadd {name} {rdtype} 300 {quoted}\n"
            f"remove {name} {rdtype} {quoted}\n"
        )
        for edit in edit_scripts.read(script.encode(), ZONE, "-").edits:
            match edit:
                case Set(made) | Add(made):
                    assert (made.owner, made.rdatas) == (value.owner, (rdata,))
                case Remove(owner, _, rdatas):
                    assert (owner, rdatas) == (value.owner, (rdata,))
