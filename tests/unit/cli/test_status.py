"""The age of a commit as text."""

import pytest

from zonegit_cli.commands.status import format_age


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.4, "just now"),
        (1, "1 second ago"),
        (59.9, "59 seconds ago"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (172_800, "2 days ago"),
        (40_000_000, "462 days ago"),
        (-0.4, "just now"),
        (-90, "1 minute ahead of this clock"),
    ],
)
def test_an_age_is_shown_in_its_largest_unit(seconds: float, said: str) -> None:
    assert format_age(seconds) == said
