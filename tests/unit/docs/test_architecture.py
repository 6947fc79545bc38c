"""The layers drawn in docs/architecture.md are those that the import contracts hold."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_drawn_layers_are_those_of_the_contract_in_the_same_order() -> None:
    contracts = tomllib.loads((ROOT / "importlinter.toml").read_text())["tool"]["importlinter"]
    layers = next(each for each in contracts["contracts"] if each["type"] == "layers")["layers"]
    table = PAGE.partition("\n### Layers of the library\n")[2].partition("\n#")[0]
    drawn = [
        " | ".join(re.findall(r"`(\w+)`", cell))
        for cell in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    ]
    assert drawn == layers
