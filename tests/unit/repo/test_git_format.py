"""Conversion between commits of git and zonegit, which accepts all of git's and passes git fsck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.objects.codec import decode, encode
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit, Identity
from zonegit.repo.inspect import git_format
from zonegit.repo.inspect.git_format import parse_commit

TREE = ObjectId(bytes(32))

USUAL = b"""\
tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904
parent 1111111111111111111111111111111111111111
author Ada Lovelace <ada@example.net> 1600000000 +0200
committer Bob <bob@example.net> 1600000060 -0330
gpgsig -----BEGIN PGP SIGNATURE-----
 author Eve <eve@example.net> 1 +0000
 -----END PGP SIGNATURE-----

Add www

Because it was missing.
"""


def test_a_usual_commit_keeps_its_fields():
    found = parse_commit(USUAL)
    assert found.author == Identity("Ada Lovelace", "ada@example.net", 1600000000, "+0200")
    assert found.committer == Identity("Bob", "bob@example.net", 1600000060, "-0330")
    assert found.message == "Add www\n\nBecause it was missing."


def commit_of(author: bytes = b"A <a@b> 1 +0000", body: bytes = b"m\n", more: bytes = b"") -> bytes:
    return b"tree x\nauthor %b\ncommitter A <a@b> 1 +0000\n%b\n%b" % (author, more, body)


@pytest.mark.parametrize(
    ("line", "who"),
    [
        (b"A <<a>@b>> 1 +0000", Identity("A", "a@b", 1)),
        (b"<a@b> 1 +0000", Identity("", "a@b", 1)),
        (b"A", Identity("A", "", 0)),
        (b"A <a@b>", Identity("A", "a@b", 0)),
        (b"A <a@b> -5 +0000", Identity("A", "a@b", 0)),
        (b"A <a@b> 1 +051800", Identity("A", "a@b", 1)),
        (b"A <a@b> 99999999999999999 +9999", Identity("A", "a@b", git_format.MAX_TIME)),
        (b"A\0\rB <a@b> 1 +0000", Identity("AB", "a@b", 1)),
        (b"\xc3\x84 <a@b> 1 +0000", Identity("Ä", "a@b", 1)),
        (b"\xc4 <a@b> 1 +0000", Identity("Ä", "a@b", 1)),
    ],
)
def test_an_odd_identity_becomes_a_valid_one(line, who):
    assert parse_commit(commit_of(line)).author == who


@pytest.mark.parametrize(
    ("encoding", "octets", "text"),
    [
        ("ISO-8859-1", b"\xe4", "ä"),
        ("windows-1252", b"\x80", "€"),
        ("koi8-r", b"\xc1", "а"),  # noqa: RUF001  # that is Cyrillic
        ("utf-8", b"\xe4", "ä"),
        ("no-such", b"\xc3\xa4", "ä"),
        ("zlib", b"\xc3\xa4", "ä"),
        ("shift_jis", b"\xff\xff", "ÿÿ"),
    ],
)
def test_a_message_is_decoded_in_its_encoding_or_with_replacements(encoding, octets, text):
    octets = commit_of(body=octets, more=b"encoding %b\n" % encoding.encode())
    assert parse_commit(octets).message == text


@given(st.binary(max_size=300) | st.builds(commit_of, st.binary(max_size=80), st.binary()))
def test_any_commit_of_git_becomes_a_valid_commit(octets):
    found = parse_commit(octets)
    value = Commit(TREE, (), found.author, found.committer, found.message)
    assert decode(encode(value)) == value


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>\n"), max_size=40)


@given(texts, texts, st.integers(0, 10**18 - 1), st.integers(-9999, 9999))
def test_an_identity_written_for_git_is_parsed_to_the_same(name, mail, time, zone):
    line = git_format.format_identity(Identity(name, mail, time, f"{zone:+05d}"))
    again = parse_commit(commit_of(line)).author
    assert git_format.format_identity(again) == line
    assert b"\n" not in line
    assert again.name


def test_a_message_for_git_names_its_commit():
    who = Identity("A", "a@b", 1)
    found = git_format.format_message(CommitId(TREE), Commit(TREE, (), who, who, "a\0b\n\nc"))
    assert found.decode() == f"a\ufffdb\n\nc\n\nZonegit-Commit: {TREE.hex()}\n"
    assert git_format.format_message(CommitId(TREE), Commit(TREE, (), who, who, "")).startswith(
        b"Zonegit-"
    )
