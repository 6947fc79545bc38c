"""Files of edits: quoting as in a shell, and errors with the line."""

import os
import shlex
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.repo.commit import patch
from zonegit.repo.commit.edits import Add, Delete, DeleteMatching, Edit, Remove, Set
from zonegit.zone import lexer, names, rrtypes
from zonegit.zone.rrset import RRset, rdata_to_text
from zonegit.zonefile.typed_records import split_words
from zonegit_cli.parse import edit_scripts
from zonegit_cli.parse.records import parse_remove, parse_set

ZONE = names.parse("foo.com.")


def read(text: str) -> list[Edit]:
    return edit_scripts.read(text.encode(), ZONE, "changes").edits


def rrset_of(name: str, *words: str | list[str]) -> RRset:
    flat = [each for word in words for each in ([word] if isinstance(word, str) else word)]
    return parse_set(ZONE, name, split_words(flat)).rrset


def text_of(line: str) -> list[str]:
    """Return the records of the TXT that a line sets."""
    (edit,) = read(line)
    assert isinstance(edit, Set)
    return [rdata_to_text(rrtypes.TXT, rdata) for rdata in edit.rrset.rdatas]


def test_a_line_has_the_effect_of_the_command_of_that_name() -> None:
    found = read(
        "set www A 300 192.0.2.7 192.0.2.8\n"
        "\n"
        "  add @ MX 1h '20 mail2'\t# why\r\n"
        "# nothing\n"
        "remove www AAAA 2001:db8::7\n"
        "delete old\n"
        "delete old.foo.com. txt"
    )
    gone = parse_remove(ZONE, "www", "AAAA", ["2001:db8::7"]).rdatas
    www, old = names.parse("www", ZONE), names.parse("old", ZONE)
    assert found == [
        Set(rrset_of("www", "A", "300", ["192.0.2.7", "192.0.2.8"]), where="changes:1"),
        Add(rrset_of("@", "MX", "1h", ["20 mail2"]), where="changes:3"),
        Remove(www, rrtypes.AAAA, gone, where="changes:5"),
        Delete(old, where="changes:6"),
        Delete(old, rrtypes.TXT, where="changes:7"),
    ]


def test_a_pattern_is_quoted_or_not() -> None:
    for line in ("delete 'dhcp-*' A", "delete dhcp-* a"):
        (edit,) = read(line)
        assert isinstance(edit, DeleteMatching)
        assert (edit.pattern.text, edit.rdtype, edit.where) == ("dhcp-*", rrtypes.A, "changes:1")
    (wildcard,) = read("delete *.lab")
    assert wildcard == Delete(names.parse("*.lab", ZONE), where="changes:1")
    with pytest.raises(Invalid, match=r"changes:1: .*not within"):
        read("delete dhcp-*.bar.com.")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("'a  b'", '"a  b"'),
        ('"a # b" # c', '"a # b"'),
        ("a#b", '"a#b"'),
        (r"a\ #b", '"a #b"'),
        (r"\#a", '"#a"'),
        ("'a '#b#c", '"a #b#c"'),
        ("a\u00a0b # c", r'"a\194\160b"'),
        ("café", r'"caf\195\169"'),
    ],
)
def test_quotes_and_comments_are_those_of_a_shell(words: str, text: str) -> None:
    assert text_of(f"set t TXT 300 {words}") == [text]


def test_octets_that_are_not_utf8_are_kept_in_text() -> None:
    (edit,) = edit_scripts.read(b"set t TXT 300 caf\xe9", ZONE, "changes").edits
    assert isinstance(edit, Set)
    assert edit.rrset.rdatas == (b"\4caf\xe9",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("put www A 300 192.0.2.7", "'put' is not an edit"),
        ("set www A", "too few"),
        ("set www A 300", "expected RDATA after the type A"),
        ("delete a A b", "too many"),
        ("set www A 300 192.0.2.700", "192.0.2.700"),
        ("set www NOPE 300 192.0.2.7", "NOPE"),
        ("set www.elsewhere. A 300 192.0.2.7", "not within"),
        ("set t TXT 300 'open", "no closing quotation"),
        ("set t TXT 300 open\\", "no escaped character"),
        ("'' A", "is not an edit"),
    ],
)
def test_a_malformed_edit_is_refused_with_file_and_line(line: str, reason: str) -> None:
    with pytest.raises(Invalid, match=rf"^changes:2: .*{reason}"):
        read(f"delete old\n{line}\n")


_characters = st.characters(codec="utf-8", exclude_characters='\n\r"')  # TXT has quotes of its own
words = st.text(_characters, max_size=12).map(lambda word: f"x{word}x")


@given(st.lists(words, min_size=1, max_size=4))
def test_quoted_arguments_are_parsed_unchanged(found: list[str]) -> None:
    line = f"set t TXT 300 {shlex.join(found)} # comment"
    (edit,) = read(line)
    typed = [os.fsdecode(word.encode()) for word in found]
    assert edit == Set(rrset_of("t", "TXT", "300", typed), where="changes:1")


@given(st.binary() | st.text("set w A 1'\"\\#\n").map(str.encode))
def test_arbitrary_octets_raise_only_invalid(octets: bytes) -> None:
    with suppress(Invalid):
        edit_scripts.read(octets, ZONE, "changes")


def test_a_file_and_its_lines_are_bounded() -> None:
    with pytest.raises(Invalid, match=r"^\S+:1: a line of more"):
        edit_scripts.read(b"delete a" * lexer.MAX_ENTRY, ZONE, "changes")
    with pytest.raises(Invalid, match="more than"):
        edit_scripts.read(bytes(patch.MAX_OCTETS + 1), ZONE, "changes")


def test_texts_without_quotes_get_one_note_with_the_first_line() -> None:
    script = b"set a TXT 300 one two\nset b TXT 300 one\nadd c TXT 300 x y\nremove d TXT 1 2\n"
    (note,) = edit_scripts.read(script, ZONE, "changes").findings
    assert note.rule == "txt-arguments-are-records"
    assert note.message.startswith("changes:1: 2 arguments are 2 TXT records")
    assert note.message.endswith("(and 2 more lines)")


def test_the_ttl_of_a_line_may_be_missing_or_come_first() -> None:
    script = b"set a A 192.0.2.1\nset a 300 A 192.0.2.1\nadd a A 192.0.2.2\n"
    first, second, third = edit_scripts.read(script, ZONE, "changes", 60).edits
    assert isinstance(first, Set)
    assert isinstance(second, Set)
    assert isinstance(third, Add)
    assert [each.ttl for each in (first, second, third)] == ["configured", "stated", "configured"]
    assert [each.rrset.ttl for each in (first, second, third)] == [60, 300, 60]
    (minimum,) = edit_scripts.read(b"set a A 192.0.2.1\n", ZONE, "changes").edits
    assert isinstance(minimum, Set)
    assert minimum.ttl == "minimum"
