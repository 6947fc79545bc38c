"""A file for another command is refused with its kind and that command."""

import pytest

from zonegit.errors import Invalid
from zonegit_cli.parse import file_kinds

ZONES = [
    b"$TTL 300\n@ IN SOA a b 1 2 3 4 5\n",
    b"; the zone\n\n@ 300 IN SOA a b 1 2 3 4 5\n",
    b"www A 192.0.2.1\n",
    b"  300 IN NS ns1 ; later\n",
]


@pytest.mark.parametrize("octets", ZONES)
def test_apply_refuses_a_master_file(octets: bytes) -> None:
    assert file_kinds.find_kind(octets) == "zone"
    with pytest.raises(Invalid, match="db is a master file") as caught:
        file_kinds.refuse_for_apply(octets, "db", "db")
    assert caught.value.hint is not None
    assert "zonegit import db" in caught.value.hint


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b'{"plan": 1}', "plan"),
        (b"# mail\nset @ MX 300 10 mail\n", "edits"),
        (b"diff foo.com. a..b\n", "diff"),
        (b"- a.foo.com. 300 IN A 192.0.2.1\n", "diff"),
        (b"hello world\n", None),
        (b"", None),
    ],
)
def test_apply_accepts_its_kinds_of_files(octets: bytes, kind: str | None) -> None:
    assert file_kinds.find_kind(octets) == kind
    file_kinds.refuse_for_apply(octets, "x", "x")


def test_plan_refuses_a_saved_plan() -> None:
    with pytest.raises(Invalid, match="x is already a saved plan") as caught:
        file_kinds.refuse_for_plan(b'{"plan": 1}', "x", "x")
    assert caught.value.hint is not None
    assert "zonegit apply x;" in caught.value.hint
    file_kinds.refuse_for_plan(ZONES[0], "x", "x")


def test_a_file_of_edits_that_was_read_as_a_zone_is_named_as_such() -> None:
    error = file_kinds.explain(
        b"set a A 300 192.0.2.1\n", "stdin", Invalid("stdin:1: unknown type")
    )
    assert error.message.startswith("stdin is a file of edits, not a master file")
    assert error.hint == "use zonegit apply -"
    same = Invalid("db:1: unknown type")
    assert file_kinds.explain(ZONES[0], "db", same) is same
