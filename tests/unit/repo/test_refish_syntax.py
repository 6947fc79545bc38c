"""Refish: how they are taken apart, without a store."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import ZonegitError
from zonegit.repo.refish import Refish, Step, parse
from zonegit.zone import names


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("main", Refish(None, "main")),
        ("HEAD~3", Refish(None, "HEAD", (Step(1, 3),))),
        ("HEAD~", Refish(None, "HEAD", (Step(1),))),
        ("main^2", Refish(None, "main", (Step(2),))),
        ("main^^2~4", Refish(None, "main", (Step(1), Step(2), Step(1, 4)))),
        ("main^0", Refish(None, "main", (Step(0),))),
        ("HEAD^{tree}", Refish(None, "HEAD", (), tree=True)),
        ("HEAD~1^{tree}", Refish(None, "HEAD", (Step(1),), tree=True)),
        ("foo.com.:main", Refish(names.parse("foo.com."), "main")),
        ("foo.com:HEAD~1", Refish(names.parse("foo.com."), "HEAD", (Step(1),))),
        ("foo.com./main", Refish(None, "foo.com./main")),
        ("refs/heads/foo.com./feat/x", Refish(None, "refs/heads/foo.com./feat/x")),
    ],
)
def test_a_refish_is_taken_apart(text: str, wanted: Refish) -> None:
    assert parse(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "~1", "^", "main~abc", "main^x", "main^3", "foo.com.:", "main^{blob}"]
)
def test_nothing_is_guessed(text: str) -> None:
    with pytest.raises(ZonegitError):
        parse(text)


@given(st.text(max_size=60))
def test_the_parser_never_crashes(text: str) -> None:
    try:
        refish = parse(text)
    except ZonegitError:
        return
    assert refish.base
    assert not set(refish.base) & set("~^")
