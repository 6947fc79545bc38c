"""Conflict markers of git are reported at any place in a file."""

import pytest

from zonegit.errors import Invalid
from zonegit.repo.change import saved_plan
from zonegit.repo.commit import patch
from zonegit.zone import names
from zonegit.zonefile import reader
from zonegit_cli.parse import edit_scripts

ZONE = names.parse("foo.com.")

IN_AN_SOA = b"""\
$TTL 300
@ IN SOA ns1 admin (
<<<<<<< HEAD
    8
=======
    9
>>>>>>> canary
    7200 3600 1209600 300 )
"""
IN_EDITS = b"set a A 300 192.0.2.1\n<<<<<<< HEAD\nset b A 300 192.0.2.1\n=======\n>>>>>>> x\n"
IN_A_DIFF = b"+ a.foo.com. 300 IN A 192.0.2.1\n>>>>>>> x\n"
IN_A_PLAN = b'{\n<<<<<<< HEAD\n "plan": 1\n=======\n "plan": 2\n>>>>>>> x\n}\n'


def test_a_master_file_with_a_conflict_in_its_soa_is_refused_at_the_marker() -> None:
    with pytest.raises(Invalid, match=r"^db:3: a conflict marker of git: <<<<<<< HEAD$"):
        reader.read(IN_AN_SOA, ZONE, source="db")


def test_a_conflict_in_its_soa_is_refused_even_if_records_may_be_skipped() -> None:
    with pytest.raises(Invalid, match=r"^db:3: a conflict marker of git"):
        reader.read(IN_AN_SOA, ZONE, source="db", skip=lambda skipped: None)


def test_a_leftover_marker_is_named_too() -> None:
    with pytest.raises(Invalid, match=r"^db:3: a conflict marker of git: =======$"):
        reader.read(b"$TTL 300\n@ NS ns1\n=======\r\n", ZONE, source="db")


def test_edits_a_diff_and_a_saved_plan_are_refused_at_the_marker() -> None:
    for read, octets in (
        (lambda octets: edit_scripts.read(octets, ZONE, "x"), IN_EDITS),
        (lambda octets: patch.read(octets, ZONE, "x"), IN_A_DIFF),
        (lambda octets: saved_plan.read(octets, "x"), IN_A_PLAN),
    ):
        with pytest.raises(Invalid, match=r"^x:2: a conflict marker of git: "):
            read(octets)


def test_text_that_only_looks_like_a_marker_is_accepted() -> None:
    text = b'$TTL 300\n; <<<<<<< HEAD\na TXT "======="\n;=======\nb TXT "x <<<<<<< y"\n'
    assert len(reader.read(text, ZONE, whole=False).rrsets) == 2
