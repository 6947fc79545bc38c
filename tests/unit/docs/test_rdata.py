"""docs/rdata.md has a row for each type, and names the servers that parse it differently."""

import re
from pathlib import Path

from tests.support.presentation import PEERS_DIFFER

from zonegit.zone import rdata, rrtypes

PAGE = (Path(__file__).parents[3] / "docs/rdata.md").read_text()
ROWS = dict(re.findall(r"^\| ([A-Z0-9-]+) \| (.*) \|$", PAGE, re.MULTILINE))


def test_every_type_of_the_registry_has_a_row() -> None:
    assert rrtypes.NUMBERS.keys() <= ROWS.keys()


def test_a_row_says_which_type_has_no_presentation_format() -> None:
    without = {each for each in rrtypes.NUMBERS if "no presentation format" in ROWS[each]}
    assert without == {rrtypes.MNEMONICS[each] for each in rdata.NO_TEXT}


def test_every_difference_of_another_server_is_named_with_its_reason() -> None:
    for differences in PEERS_DIFFER.values():
        for start, why in differences.items():
            assert re.search(rf"^\|.*\b{re.escape(start)}.*\| {re.escape(why)} \|$", PAGE, re.M)
