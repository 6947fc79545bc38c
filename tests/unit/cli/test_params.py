"""Arguments that are checked before the first request."""

import click
import pytest

from zonegit.wire import codec
from zonegit.wire.messages import ChangeInfo
from zonegit_cli.params import MAX_REASON, Reason


def test_a_reason_is_one_line() -> None:
    assert Reason().convert(" ticket 7:\n  wrong  file\n", None, None) == "ticket 7: wrong file"


@pytest.mark.parametrize("text", ["", " \t", "x" * (MAX_REASON + 1)])
def test_an_empty_or_too_long_reason_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="the reason must not"):
        Reason().convert(text, None, None)


def test_the_longest_reason_fits_a_message() -> None:
    why = ChangeInfo(command="set", operation="0" * 32, reason="x" * MAX_REASON)
    assert codec.decode(codec.encode(why), ChangeInfo) == why
